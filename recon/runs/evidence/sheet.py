"""The go/no-go sheet of a run's folder: made from its verdict, its manifest and its statements alone."""

from __future__ import annotations

import re
from contextlib import suppress
from importlib.metadata import version
from typing import TYPE_CHECKING

import msgspec

from recon.errors import EvidenceError, visible
from recon.masking import mask_text
from recon.report.go_no_go.sheet import SheetProof, SheetRun, render
from recon.report.text import timestamp
from recon.runs.evidence.record import read_record
from recon.runs.evidence.statement import SignedStatement, open_evidence

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from recon.runs.evidence.statement import Evidence

SHEET = "go-no-go.html"
HEAD = re.compile(r'<meta name="record-head" content="([0-9a-f]{64}|none)">')
FIRST = ("verification.json", "snapshot.duckdb", "run.json")


def sheet_text(evidence: Evidence, head: str | None, signed: int | None = None) -> str | None:
    """Return the sheet of a folder; None where it holds no verdict of a run.

    Args:
        evidence: The folder.
        head: The digest of the last line of the record before the folder's own; None: there was none.
        signed: How many of its statements, the first ones, it names; None: all of them.
    """
    try:
        run = msgspec.json.decode((evidence.path / FIRST[0]).read_bytes(), type=SheetRun)
    except (OSError, msgspec.MsgspecError):
        return None
    manifest = evidence.manifest
    bundle = {f"bundle/{each.name}": each.sha256 for each in manifest.inputs.bundle}
    first = {name: manifest.files[name] for name in FIRST if name in manifest.files}
    proof = SheetProof(
        by=mask_text(visible(", ".join(manifest.by))),
        manifest=evidence.sha256,
        head=head,
        digests={**first, **bundle, **manifest.files},
        snapshot=manifest.inputs.snapshot.id if manifest.inputs.snapshot else None,
        versions=manifest.versions,
        signatures=_signatures(evidence.statements[:signed]),
    )
    return render(run, proof)


def write_sheet(folder: Path, outputs: Path) -> None:
    """Write the sheet of a folder that has its manifest and is not recorded yet; one without a verdict gets none.

    Args:
        folder: The folder.
        outputs: The folder of runs, whose record names what came before; one that is broken names nothing.

    Raises:
        EvidenceError: The manifest cannot be read.
        OSError: It cannot be written.
    """
    head = None
    with suppress(EvidenceError):
        head = read_record(outputs).head
    text = sheet_text(open_evidence(folder), head)
    if text is not None:
        (folder / SHEET).write_text(text, encoding="utf-8")


def sheet_problem(evidence: Evidence) -> str | None:
    """Return why the sheet in a folder is not the one of what the folder holds; None: it is, or there is none.

    A sheet of another version of recon looks otherwise, and is not compared; see `is_comparable`.
    """
    try:
        found = (evidence.path / SHEET).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        return f"it cannot be read: {getattr(error, 'strerror', None) or error}"
    if not is_comparable(evidence):
        return None
    head = HEAD.search(found)
    if head is None:
        return "changed"
    before = None if head[1] == "none" else head[1]
    if before and not _was_head(evidence, before):
        return "changed"
    # Whoever signs without recon does not renew the sheet.
    signed = range(len(evidence.statements), -1, -1)
    return None if any(found == sheet_text(evidence, before, number) for number in signed) else "changed"


def is_comparable(evidence: Evidence) -> bool:
    """Return whether a folder's sheet was made by this version of recon, which makes the same one again."""
    return evidence.manifest.versions.get("recon") == version("recon")


def _was_head(evidence: Evidence, head: str) -> bool:
    """Whether the record has that line; True where it cannot be read, which is reported elsewhere."""
    try:
        entries = read_record(evidence.path.resolve().parent).entries
    except EvidenceError:
        return True
    return not entries or head in {line.sha256 for line in entries}


def renew_sheet(evidence: Evidence) -> None:
    """Write the sheet of a folder anew, after somebody signed; a folder without one gets none.

    Raises:
        OSError: It cannot be written.
    """
    file = evidence.path / SHEET
    head = HEAD.search(file.read_text(encoding="utf-8")) if file.is_file() else None
    text = sheet_text(evidence, None if head[1] == "none" else head[1]) if head else None
    if text is not None:
        working = file.with_name(f".{SHEET}")
        working.write_text(text, encoding="utf-8")
        working.replace(file)


def _signatures(statements: Iterable[Path]) -> list[str]:
    """Who signed by each statement that can be read, as it says."""
    found = []
    for file in statements:
        try:
            stated = msgspec.json.decode(file.read_bytes(), type=SignedStatement).predicate
        except (OSError, msgspec.MsgspecError):
            continue
        who = mask_text(visible(stated.approver))
        found.append(f"{who}, {timestamp(stated.approved_at)}: {stated.result} ({file.name})")
    return found
