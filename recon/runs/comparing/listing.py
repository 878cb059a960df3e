"""The runs of a folder, newest first, and which two of them are meant by a name or by "the last two"."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recon.errors import ReportError, UsageError, suggest
from recon.report.failure import WITHOUT_VERDICT
from recon.report.text import timestamp
from recon.rollback.files import PLAN
from recon.runs.comparing.attached import without_findings
from recon.runs.folder import ASSESSMENT, FOLDER_NAME, RunFolder, run_folders
from recon.runs.migrations import RECORD
from recon.runs.run_summary import read_summary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from recon.runs.run_summary import RunSummary

FILE = "verification.json"


@dataclass(frozen=True)
class KeptRun:
    """One run of a folder of runs.

    Attributes:
        folder: Where it is kept.
        started_at: When it started; None: its judgement cannot be read.
        run_id: The import that it judged; empty: as above.
        database: What it read: kind, location and name, without versions; empty: as above.
        verdict: PASSED, FAILED or INCOMPLETE; empty: as above.
        failed: Number of checks that failed; None: as above.
        warnings: Number of checks that warn; None: as above.
        unexplained: Records and rows that no cause explains; None: it has no ledger.
        has_snapshot: Whether it kept a snapshot.
        has_findings: Whether the snapshot holds the findings.
        problem: Why its judgement cannot be read, or that it ended without one; empty: it can.
    """

    folder: Path
    started_at: datetime | None = None
    run_id: str = ""
    database: str = ""
    verdict: str = ""
    failed: int | None = None
    warnings: int | None = None
    unexplained: int | None = None
    has_snapshot: bool = False
    has_findings: bool = False
    problem: str = ""

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.name

    @property
    def row(self) -> dict[str, object]:
        """What a table shows of it, by column."""
        return {
            "name": self.name,
            "started_at": timestamp(self.started_at) if self.started_at else None,
            "run_id": self.run_id or None,
            "database": self.database or None,
            "verdict": self.verdict or None,
            "failed": self.failed,
            "warnings": self.warnings,
            "unexplained": self.unexplained,
            "snapshot": self.has_snapshot,
            "findings": self.has_findings,
            "problem": self.problem or None,
        }


def list_runs(outputs: Path | str = "outputs") -> list[KeptRun]:
    """List the runs of a folder, the newest first; those whose judgement cannot be read say why.

    Raises:
        UsageError: There is no such folder.
    """
    runs = _folders(Path(outputs))
    without = without_findings(runs)
    return [_kept(run, without[run.name]) for run in runs]


def _kept(run: RunFolder, without: str) -> KeptRun:
    snapshot = run.part("snapshot").is_file()
    try:
        summary = read_summary(run.verification)
    except ReportError as error:
        return KeptRun(run.path, has_snapshot=snapshot, problem=problem_of(error))
    return KeptRun(
        folder=run.path,
        started_at=summary.started_at,
        run_id=summary.run_id,
        database=summary.database,
        verdict=str(summary.verdict),
        failed=summary.summary.failed,
        warnings=summary.summary.warnings,
        unexplained=summary.ledger.unexplained if summary.ledger else None,
        has_snapshot=snapshot,
        has_findings=not without,
    )


def problem_of(error: ReportError) -> str:
    """Say in one sentence why a run has no judgement to read."""
    return f"{error.what}: {error.found}" if error.what != WITHOUT_VERDICT else f"no verdict: {error.found}"


def last_two(outputs: Path | str) -> tuple[RunFolder, RunFolder, tuple[str, ...]]:
    """Find the two newest runs of the same database: that of the newest run that can be read.

    Returns:
        The older one, the newer one, and a sentence for each run after them that cannot be read.

    Raises:
        UsageError: There is no such folder, no run in it, or only one of that database.
    """
    outputs = Path(outputs)
    unread: list[str] = []
    found: list[tuple[RunFolder, RunSummary]] = []
    for run in _folders(outputs):
        try:
            summary = read_summary(run.verification)
        except ReportError as error:
            if not found:
                unread.append(f"The run {run.name} is newer and is not compared: {problem_of(error)}")
            continue
        if not found or summary.database == found[0][1].database:
            found.append((run, summary))
        if len(found) == 2:
            (newer, _), (older, _) = found
            return older, newer, tuple(unread)
    raise _too_few(outputs, found)


def _too_few(outputs: Path, found: Sequence[tuple[RunFolder, RunSummary]]) -> UsageError:
    if not found:
        return UsageError(
            "There are no runs to compare",
            where=str(outputs)[:300],
            expected="two runs of the same database",
            found="none that can be read",
            next_step="List them with recon runs",
        )
    return UsageError(
        "There is only one run of this database",
        where=found[0][1].database[:300],
        expected="two",
        found=found[0][0].name,
        next_step="Run recon run again, or name two runs: recon diff RUN_A RUN_B",
    )


def run_named(name: Path | str, outputs: Path | str) -> RunFolder:
    """Return the run with that folder, or with that name (or its only beginning) in the folder of runs.

    Raises:
        UsageError: There is none of that name, or several begin with it.
        ReportError: It is a folder, but of no run.
    """
    path, outputs = Path(name), Path(outputs)
    for candidate in (path, outputs / path):
        if _is_file(candidate / FILE):
            return RunFolder(candidate)
    if any(_is_folder(candidate) for candidate in (path, outputs / path)):
        raise ReportError(
            "This is no folder of a run",
            where=str(path)[:300],
            expected=f"{FILE} in it",
            found="none",
            next_step="List the runs with recon runs",
        )
    runs = {run.name: run for run in run_folders(outputs)}
    begun = [run for known, run in runs.items() if path.name and known.startswith(str(name))]
    if len(begun) == 1:
        return begun[0]
    shown = f"{len(runs)} runs" if len(runs) != 1 else "1 run"
    raise UsageError(
        "Several runs begin with that name" if begun else "There is no such run",
        where=repr(str(name)[:300]),
        expected=f"a folder, or the name of a run in {str(outputs)[:300]}",
        found=", ".join(run.name for run in begun[:5]) or f"none of that name among {shown}",
        next_step=suggest(str(name), runs) or "List the runs with recon runs",
    )


def _folders(outputs: Path) -> list[RunFolder]:
    """Return every folder of a run, the newest first; also of one whose judgement is gone."""
    if not _is_folder(outputs):
        raise UsageError(
            "There is no such folder of runs",
            where=str(outputs)[:300],
            expected="the folder that recon run writes to",
            found="none",
            next_step="Name it with --outputs",
        )
    try:
        found = [*run_folders(outputs), *_without_judgement(outputs)]
    except OSError as error:
        raise ReportError(
            "The folder of runs cannot be read", where=str(outputs)[:300], found=error.strerror
        ) from error
    return sorted(found, key=lambda run: run.name.partition("-")[0], reverse=True)


def _without_judgement(outputs: Path) -> Iterator[RunFolder]:
    """Yield the folders that are named like runs, but hold no judgement, and nothing else that has one."""
    for path in sorted(outputs.iterdir(), reverse=True):
        is_a_run = FOLDER_NAME.fullmatch(path.name) and path.is_dir()
        if is_a_run and not any(_is_file(path / file) for file in (FILE, ASSESSMENT, PLAN, RECORD)):
            yield RunFolder(path)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _is_file(path: Path) -> bool:
    """Return whether it is a file that can be seen; a name that no file can have is none."""
    try:
        return path.is_file()
    except OSError:
        return False
