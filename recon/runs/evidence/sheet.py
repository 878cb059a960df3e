"""The go/no-go sheet of a run's folder: made from its verdict, its manifest and its statements alone."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

import msgspec

from recon.errors import EvidenceError, visible
from recon.masking import mask_text
from recon.report.go_no_go.sheet import BROKEN, SheetProof, render
from recon.report.go_no_go.verdict import SheetRun
from recon.report.go_no_go.way_back import day_and_time
from recon.rollback.approval import is_sound, names_of
from recon.runs.evidence.purpose import APPROVAL
from recon.runs.evidence.record import read_record
from recon.runs.evidence.statement import open_evidence
from recon.runs.evidence.way_back import kept_way_back
from recon.runs.folder import PARTS, RunFolder

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from recon.runs.evidence.statement import Evidence

SHEET = "go-no-go.html"
HEAD = re.compile(r'<meta name="record-head" content="([0-9a-f]{64}|none|broken)">')
FIRST = ("verification.json", "snapshot.duckdb", "run.json")
HOME = "../site/index.html"
"""The site, from a run's folder."""
ALL_RUNS = "All runs"
NAVIGATION = '<nav aria-label="Beside the sheet">'
BESIDE = {
    "Report": PARTS["html"],
    "Data Docs": f"{PARTS['data_docs']}/index.html",
    "Report as text": PARTS["report"],
}
RESULTS = {"PASSED": "the verification passed", "WARNED": "it passed with warnings", "FAILED": "it did not pass"}


@dataclass(frozen=True)
class SheetState:
    """What a sheet says that its folder does not.

    Attributes:
        head: The digest of the last line of the record before the folder's own; None: there was none. `BROKEN`: the
            record was not as it was written.
        has_site: Whether there is a site, which it links to.
    """

    head: str | None
    has_site: bool = False


def sheet_text(evidence: Evidence, state: SheetState, signatures: Sequence[str]) -> str | None:
    """Return the sheet of a folder; None where it holds no verdict of a run.

    Args:
        evidence: The folder.
        state: What it does not say.
        signatures: Who signed it.
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
        head=state.head,
        digests={**first, **bundle, **manifest.files},
        snapshot=manifest.inputs.snapshot.id if manifest.inputs.snapshot else None,
        versions=manifest.versions,
        signatures=signatures,
        links={**({ALL_RUNS: HOME} if state.has_site else {}), **_links(manifest.files)},
        profile=_profile(evidence.path),
    )
    return render(run, proof, kept_way_back(evidence.path), run.deadline)


def _profile(folder: Path) -> str | None:
    """The profile as the run named it, of which run.json keeps a digest as well; None: the built-in one."""
    manifest = RunFolder(folder).manifest()
    if manifest is None or manifest.inputs is None:
        return None
    name = manifest.inputs.settings.get("profile", "").rpartition(" (")[0]
    return None if name in ("", "built-in") else name


def _links(files: Collection[str]) -> dict[str, str]:
    return {label: file for label, file in BESIDE.items() if file in files}


def on_site(text: str) -> str:
    """Return a sheet as it lies in the site, from where the way to the home page is another."""
    link = f'<a href="../../index.html">{ALL_RUNS}</a>'
    without = text.replace(f'<a href="{HOME}">{ALL_RUNS}</a>\n', "", 1)
    return without.replace(NAVIGATION, f"{NAVIGATION}\n{link}", 1)


def write_sheet(folder: Path, outputs: Path, *, has_site: bool = False) -> None:
    """Write the sheet of a folder that has its manifest and is not recorded yet; one without a verdict gets none.

    Args:
        folder: The folder.
        outputs: The folder of runs, whose record names what came before; the sheet says if it is broken.
        has_site: Whether the site is built as well.

    Raises:
        EvidenceError: The manifest cannot be read.
        OSError: It cannot be written.
    """
    try:
        head = read_record(outputs).head
    except EvidenceError:
        head = BROKEN
    text = sheet_text(open_evidence(folder), SheetState(head, has_site), ())
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
    state = _state(found)
    if state is None or not _was_head(evidence, state.head):
        return "changed"
    # Whoever signs without recon does not renew the sheet.
    signed = list(_signatures(evidence))
    texts = (sheet_text(evidence, state, signed[:number]) for number in range(len(signed), -1, -1))
    return None if any(found == text for text in texts) else "changed"


def _state(text: str) -> SheetState | None:
    """What a sheet says that its folder does not; None: it is none."""
    head = HEAD.search(text)
    return SheetState(None if head[1] == "none" else head[1], f'href="{HOME}"' in text) if head else None


def is_comparable(evidence: Evidence) -> bool:
    """Return whether a folder's sheet was made by this version of recon, which makes the same one again."""
    return evidence.manifest.versions.get("recon") == version("recon")


def _was_head(evidence: Evidence, head: str | None) -> bool:
    """Whether the record has that line; True where it cannot be read, which is reported elsewhere."""
    if head in {None, BROKEN}:
        return True
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
    state = _state(file.read_text(encoding="utf-8")) if file.is_file() else None
    text = sheet_text(evidence, state, list(_signatures(evidence))) if state else None
    if text is not None:
        working = file.with_name(f".{SHEET}")
        working.write_text(text, encoding="utf-8")
        working.replace(file)


def _signatures(evidence: Evidence) -> Iterator[str]:
    """Who signed, by each statement whose signature holds and that is about the folder as it is, as it says."""
    makers = {name for maker in evidence.manifest.by for name in names_of(maker)}
    for file in evidence.statements:
        with suppress(OSError, EvidenceError):
            content = file.read_bytes()
            stated, problem = evidence.problem(content)
            if stated is None or problem or not is_sound(content, file.with_name(f"{file.name}.sig"), APPROVAL):
                continue
            said = stated.predicate
            if not names_of(said.approver) & makers:
                who = mask_text(visible(said.approver))
                yield f"{who}, {day_and_time(said.approved_at)}: {RESULTS[said.result]} ({file.name})"
