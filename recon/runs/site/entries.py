"""The runs as the home page lists them: the judgement or why there is none, and the links to each part."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from recon.errors import ReportError
from recon.report.failure import WITHOUT_VERDICT
from recon.report.text import timestamp
from recon.runs.evidence.sheet import SHEET
from recon.runs.folder import PARTS
from recon.runs.run_summary import read_summary

if TYPE_CHECKING:
    from pathlib import Path

    from recon.runs.folder import Manifest, RunFolder
    from recon.runs.run_summary import RunSummary

LINKED = {
    "sheet": ("Go/No-Go", SHEET),
    "html": ("Report", PARTS["html"]),
    "data_docs": ("Data Docs", f"{PARTS['data_docs']}/index.html"),
    "json": ("JSON", "verification.json"),
    "report": ("Markdown", PARTS["report"]),
}
"""What a run links to, by part: its label, and the file to open."""


@dataclass(frozen=True)
class PartLink:
    """A part of a run: its location relative to the home page, or why it does not exist."""

    label: str
    address: str | None
    reason: str = ""


@dataclass(frozen=True)
class ListedRun:
    """One run in the list.

    Attributes:
        name: The name of its folder.
        started_at: When it started; None where neither its judgement nor its name says.
        run_summary: The judgement; None where it cannot be read.
        problem: Why there is none; empty where there is one.
        is_failed: Whether the run itself ended without a verdict.
        links: Its parts, in the order of `LINKED`.
    """

    name: str
    started_at: datetime | None
    run_summary: RunSummary | None
    problem: str
    links: tuple[PartLink, ...]
    is_failed: bool = False

    @property
    def iso_time(self) -> str:
        """When it started, for machines: 2024-01-15T14:30:00.000Z."""
        return timestamp(self.started_at) if self.started_at else ""

    @property
    def time(self) -> str:
        """When it started, for people, in UTC: 2024-01-15 14:30:00."""
        return f"{self.started_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if self.started_at else "time unknown"

    @property
    def coverage(self) -> str:
        """Percentage of members with a tier, in words."""
        found = None if self.run_summary is None else self.run_summary.coverage
        return "not recorded" if found is None else f"{found:.1f} %"


def read_entry(run: RunFolder, copies: Path) -> ListedRun:
    """Read one run, whose copies are in a folder of its name in `copies`."""
    links = tuple(_links(run, copies / run.name))
    try:
        judgement = read_summary(run.verification)
    except ReportError as error:
        is_failed = error.what == WITHOUT_VERDICT
        problem = str(error.found) if is_failed else f"{error.what}: found {error.found}"
        return ListedRun(run.name, _named_time(run.name), None, problem, links, is_failed)
    return ListedRun(run.name, judgement.started_at, judgement, "", links)


def _named_time(name: str) -> datetime | None:
    try:
        return datetime.strptime(name.partition("-")[0], "%Y%m%dT%H%M%S%z")
    except ValueError:
        return None


def _links(run: RunFolder, copy: Path) -> list[PartLink]:
    manifest = run.manifest()
    # Runs of older versions have no sheet.
    made = [part for part in LINKED if part != "sheet" or (run.path / SHEET).exists()]
    return [_link(run, copy, part, manifest) for part in made]


def _link(run: RunFolder, copy: Path, part: str, manifest: Manifest | None) -> PartLink:
    label, file = LINKED[part]
    made = manifest.parts.get(part) if manifest else None
    if made and made.failed:
        return PartLink(label, None, f"failed: {made.failed}")
    if (copy / file).is_file():
        return PartLink(label, f"runs/{run.name}/{file}")
    return PartLink(label, None, "cannot be read" if (run.path / file).exists() else "not made")
