"""The record of a folder of runs: one line for every folder that a command on a database wrote, chained."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from recon.errors import EvidenceError
from recon.masking import mask_text
from recon.preflight.chain import ChainedFile, ChainedLine, ChainWords
from recon.runs.evidence.manifest import files_in, read_manifest, renew_manifest, unwritten

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from recon.preflight.chain import Chain
    from recon.runs.evidence.manifest import FolderFacts

RECORD = "runs.jsonl"
WORDS = ChainWords(
    file="record of runs",
    error=EvidenceError,
    unwritten="The run was not recorded",
    elsewhere="Make room there or choose another folder with --outputs, and run again",
    move_aside="Compare it with a copy; to begin anew, move the file aside and run again",
    mode=0o664,
)


class RecordedFolder(ChainedLine, frozen=True, kw_only=True):
    """One line of the record; it names nobody.

    Attributes:
        folder: The name of the folder, beside the record.
        outcome: As of FolderFacts.
        run_id: As of FolderFacts; addresses and phone numbers in it are masked.
        manifest: The SHA-256 of the folder's manifest as it was written then.
        recon: The version that wrote it.
    """

    at: datetime
    folder: str
    outcome: str
    run_id: str | None = None
    manifest: str
    recon: str


def record_of(outputs: Path) -> ChainedFile[RecordedFolder]:
    """Return the record of a folder of runs, whether it exists or not."""
    return ChainedFile(outputs / RECORD, RecordedFolder, WORDS)


def read_record(outputs: Path) -> Chain[RecordedFolder]:
    """Read and prove the record of a folder of runs; one that does not exist holds nothing.

    Raises:
        EvidenceError: It cannot be read, another process holds it, or it is not as it was written; the error names the
            line.
    """
    return record_of(outputs).read()


def record_folder(folder: Path) -> RecordedFolder:
    """Record a folder, with its manifest as it is now, on disk when this returns.

    Raises:
        EvidenceError: It has no manifest, or the record is not as it was written, so that nothing can follow.
        OutputError: The line cannot be written.
    """
    manifest, digest = read_manifest(folder)
    body = {
        "kind": manifest.kind,
        "at": datetime.now(UTC),
        "folder": folder.resolve().name,
        "outcome": manifest.outcome,
        "run_id": None if manifest.run_id is None else mask_text(manifest.run_id),
        "manifest": digest,
        "recon": version("recon"),
    }
    return record_of(folder.resolve().parent).append(body)


def seal_folder(folder: Path, facts: FolderFacts, written: Collection[str] | None = None) -> RecordedFolder:
    """Write or renew the manifest of a folder that is in its place, and record it; see `renew_manifest`.

    Args:
        folder: The folder, in the folder of runs.
        facts: What was done.
        written: The paths, in the folder, of the files that were written now; None: all that are there, as where the
            folder has no manifest yet.

    Raises:
        EvidenceError: As of `record_folder`.
        OutputError: The manifest or the line cannot be written.
    """
    try:
        renew_manifest(folder, facts, set(files_in(folder)) if written is None else written)
    except OSError as error:
        raise unwritten(folder, error) from error
    return record_folder(folder)
