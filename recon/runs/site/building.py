"""Builds the site from the run folders: first the copies, then the page that links to them, complete or not at all."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from recon.errors import OutputError, UsageError
from recon.report.go_no_go.verdict import SheetRun
from recon.report.output import replace_file
from recon.report.page.in_short import in_short_of
from recon.runs.evidence.record import broken_record
from recon.runs.folder import assessment_folders, run_folders
from recon.runs.migrations import migration_folders
from recon.runs.site.assessment_entries import read_assessment
from recon.runs.site.copies import copy_runs
from recon.runs.site.entries import read_entry
from recon.runs.site.migration_entries import listed_migrations
from recon.runs.site.page import SiteLists, render
from recon.runs.site.since_last import by_database
from recon.scratch import sweep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.report.page.in_short import InShort
    from recon.runs.folder import RunFolder
    from recon.runs.migrations import MigrationFolder
    from recon.runs.site.entries import ListedRun

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
    sweep(outputs)
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
        runs, assessments, guided = _folders(outputs)
        known = _names(runs, assessments, guided)
        copies = outputs / SITE / "runs"
        migrations = listed_migrations(guided, outputs)
        copy_runs([*runs, *assessments], {each.name: each.published for each in migrations}, copies)
        entries = [read_entry(run, copies) for run in runs]
        newest = next((entry.run_summary for entry in entries if entry.run_summary is not None), None)
        # Decisions are read by what also reads databases; a failed run is listed without it.
        notified = import_module("recon.runs.notice").notice(newest, outputs) if newest else None
        listed = SiteLists(
            entries,
            tuple(map(read_assessment, assessments)),
            by_database(entries, runs, outputs / SITE),
            notified,
            migrations,
            broken_record(outputs),
            _in_short(entries, runs),
        )
        _write(home, render(listed))
        if _names(run_folders(outputs), assessment_folders(outputs), migration_folders(outputs)) == known:
            break
    return home


def _in_short(entries: Sequence[ListedRun], runs: Sequence[RunFolder]) -> InShort | None:
    """The newest verdict in plain language; None where its file cannot be read as far as that takes."""
    for entry, run in zip(entries, runs, strict=True):
        if entry.run_summary is not None:
            with suppress(OSError, msgspec.MsgspecError):
                return in_short_of(msgspec.json.decode(run.verification.read_bytes(), type=SheetRun))
            return None
    return None


def _names(
    runs: Sequence[RunFolder], assessments: Sequence[RunFolder], migrations: Sequence[MigrationFolder]
) -> list[object]:
    """The names of all folders; of a migration, whose record changes, its state as well."""
    return [[each.name for each in runs], [each.name for each in assessments], [_state(each) for each in migrations]]


def _state(migration: MigrationFolder) -> tuple[str, int]:
    with suppress(OSError):
        return migration.path.name, migration.record.stat().st_mtime_ns
    return migration.path.name, 0


def _folders(outputs: Path) -> tuple[Sequence[RunFolder], Sequence[RunFolder], list[MigrationFolder]]:
    """Return the folders of runs, those of assessments, and those of guided migrations."""
    runs, assessments, migrations = run_folders(outputs), assessment_folders(outputs), migration_folders(outputs)
    if not runs and not assessments and not migrations:
        raise UsageError(
            "There is no run yet, so there is no site to build",
            where=str(outputs)[:300],
            expected="at least one run folder",
            found="none" if outputs.is_dir() else "no folder of this name",
            next_step="Write one with recon run --bundle, or name another folder with --outputs",
        )
    return runs, assessments, migrations


def _write(home: Path, text: str) -> None:
    """Write the page, unless it is unchanged."""
    if not home.is_file() or home.read_bytes() != text.encode():
        replace_file(home, text)
