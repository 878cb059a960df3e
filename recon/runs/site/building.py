"""Builds the site from the run folders: first the copies, then the page that links to them, complete or not at all."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from recon.errors import OutputError, UsageError
from recon.report.output import replace_file
from recon.runs.folder import assessment_folders, run_folders
from recon.runs.site.assessment_entries import read_assessment
from recon.runs.site.copies import copy_runs
from recon.runs.site.entries import read_entry
from recon.runs.site.page import SiteLists, render
from recon.runs.site.since_last import by_database

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.runs.folder import RunFolder

SITE = "site"
ATTEMPTS = 10


def build_site(outputs: Path | str = "outputs") -> Path:
    """Build `outputs/site/`, which can be published by copying it alone; returns its home page.

    Runs that are added or removed meanwhile are noticed, so that of two concurrent rebuilds the last writes all runs.

    Raises:
        UsageError: There is no run in `outputs`; an existing site is left alone.
        OutputError: The site cannot be written.
    """
    outputs = Path(outputs)
    try:
        return _build(outputs)
    except OSError as error:
        raise OutputError(
            "The site cannot be written",
            where=str(error.filename or outputs)[:300],
            found=error.strerror,
            next_step="Choose another folder of runs with --outputs",
        ) from error


def _build(outputs: Path) -> Path:
    home = outputs / SITE / "index.html"
    for _ in range(ATTEMPTS):
        runs, assessments = _folders(outputs)
        copies = outputs / SITE / "runs"
        copy_runs([*runs, *assessments], copies)
        entries = [read_entry(run, copies) for run in runs]
        newest = next((entry.run_summary for entry in entries if entry.run_summary is not None), None)
        # Decisions are read by what also reads databases; a failed run is listed without it.
        notified = import_module("recon.runs.notice").notice(newest, outputs) if newest else None
        listed = SiteLists(
            entries, tuple(map(read_assessment, assessments)), by_database(entries, runs, outputs / SITE), notified
        )
        _write(home, render(listed))
        if _names(run_folders(outputs), assessment_folders(outputs)) == _names(runs, assessments):
            break
    return home


def _names(*folders: Sequence[RunFolder]) -> list[list[str]]:
    return [[folder.name for folder in each] for each in folders]


def _folders(outputs: Path) -> tuple[Sequence[RunFolder], Sequence[RunFolder]]:
    """Return the folders of runs, and those of assessments."""
    runs, assessments = run_folders(outputs), assessment_folders(outputs)
    if not runs and not assessments:
        raise UsageError(
            "There is no run yet, so there is no site to build",
            where=str(outputs)[:300],
            expected="at least one run folder",
            found="none" if outputs.is_dir() else "no folder of this name",
            next_step="Write one with recon run --bundle, or name another folder with --outputs",
        )
    return runs, assessments


def _write(home: Path, text: str) -> None:
    """Write the page, unless it is unchanged."""
    if not home.is_file() or home.read_bytes() != text.encode():
        replace_file(home, text)
