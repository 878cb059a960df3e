"""The record of a folder of runs: one line for every folder that a command on a database wrote, chained."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
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
NUMBERED = re.compile(r", line (\d+)$")
NAMED = re.compile(rb'"folder":"([A-Za-z0-9._-]{1,100})"')
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


@dataclass(frozen=True)
class BrokenRecord:
    """Where and why a record of runs is not as it was written.

    Attributes:
        line: The number of the first line that is not; None: the whole file cannot be read.
        folder: The folder that the line names; None: it names none.
        found: What is wrong.
        next_step: What to do.
    """

    line: int | None
    folder: str | None
    found: str
    next_step: str

    @property
    def what(self) -> str:
        """What is wrong, in general."""
        is_changed = self.line is not None
        return f"The record of runs ({RECORD}) {'is not as it was written' if is_changed else 'cannot be proven'}"

    @property
    def place(self) -> str:
        """The line and its folder; empty: the whole file."""
        if self.line is None:
            return ""
        return f"line {self.line:,}" + (f" ({self.folder})" if self.folder else "")

    @property
    def words(self) -> str:
        """The same in two sentences."""
        return f"{self.what}: {f'{self.place}: ' if self.place else ''}{self.found}. {self.next_step}"


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


def broken_record(outputs: Path) -> BrokenRecord | None:
    """Return what is wrong with the record of a folder of runs; None: it is as it was written, or there is none."""
    try:
        read_record(outputs)
    except EvidenceError as error:
        at = NUMBERED.search(error.where or "")
        line = int(at[1]) if at else None
        return BrokenRecord(line, _named(outputs, line), error.found or error.what, error.next_step or WORDS.move_aside)
    return None


def _named(outputs: Path, number: int | None) -> str | None:
    """The folder that a line names, whether it is as it was written or not."""
    if number is None:
        return None
    with suppress(OSError, IndexError):
        found = NAMED.search((outputs / RECORD).read_bytes().split(b"\n")[number - 1])
        return found[1].decode() if found else None
    return None


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
