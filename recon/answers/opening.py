"""Opens what was judged, so that questions can be asked of it: the kept snapshot of a run, without the server."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from recon.answers.answers import Answers
from recon.bundle.formats import REPORT
from recon.errors import ReportError, UsageError, suggest
from recon.report.reading import load_verification
from recon.report.text import plural
from recon.verification.verify import judged
from recon.warehouse import Warehouse
from recon.warehouse.kept import is_snapshot_file, read_state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.verification.options import VerifyOptions
    from recon.verification.progress import Listener

SNAPSHOT, VERIFICATION = "snapshot.duckdb", "verification.json"
KEPT_FIRST = "set search_path = 'kept.main,memory.main'"


def folder_of_run(path: Path) -> Path | None:
    """Return the folder of the run that is meant: the folder itself, or a file of it; None: it is no run.

    Raises:
        UsageError: It is a folder of runs, of which one is to be named.
    """
    folder = path.parent if path.name in (SNAPSHOT, VERIFICATION) else path
    if (folder / VERIFICATION).is_file():
        return folder
    runs = _runs_in(path)
    if not path.exists() and (meant := suggest(path.name, _runs_in(path.parent))):
        raise UsageError("There is no such run", where=str(path)[:300], found="nothing", next_step=meant)
    if runs and not (path / REPORT).exists():
        raise UsageError(
            "This is a folder of runs, not a run",
            where=str(path)[:300],
            expected="one of them",
            found=f"{plural(len(runs), 'run')}, the newest {max(runs)}",
            next_step=f"Name {path / max(runs)}",
        )
    return None


def _runs_in(path: Path) -> list[str]:
    """The names of the runs in a folder."""
    return [each.name for each in path.iterdir() if (each / VERIFICATION).is_file()] if path.is_dir() else []


def open_run(folder: Path | str, *, show_pii: bool = False) -> Answers:
    """Open a run of recon for questions; `close` it, or use it in a `with` statement.

    Args:
        folder: The run's folder, with its verification.json and snapshot.duckdb.
        show_pii: Do not mask names, e-mail addresses and phone numbers.

    Raises:
        ReportError: It is no folder of a run, or the run kept no snapshot.
        UsageError: It is a folder of runs.
        DatabaseError: The snapshot cannot be read, or is of another version of recon.
    """
    path = folder_of_run(Path(folder))
    if path is None:
        raise _no_run(Path(folder))
    snapshot = path / SNAPSHOT
    if not snapshot.is_file() or not is_snapshot_file(snapshot):
        raise ReportError(
            "The run kept no snapshot, so there is nothing to ask",
            where=str(snapshot)[:300],
            expected="the file that recon run writes unless --skip snapshot",
            found="none" if not snapshot.is_file() else "another file",
            next_step="Name the bundle instead, with --database, or run recon run again",
        )
    verification = load_verification(path / VERIFICATION)
    with ExitStack() as stack:
        warehouse = stack.enter_context(Warehouse(kept=snapshot))
        read_state(warehouse)
        warehouse.connection.execute(KEPT_FIRST)
        answers = Answers(verification, warehouse, show_pii=show_pii)
        stack.pop_all()
    return answers


def _no_run(path: Path) -> ReportError:
    return ReportError(
        "This is no folder of a run",
        where=str(path)[:300],
        expected=f"{VERIFICATION} in it",
        found="none" if path.exists() else "nothing",
        next_step="Name a folder that recon run wrote, or the bundle itself",
    )


def judge_and_open(options: VerifyOptions, listener: Listener | None = None) -> Answers:
    """Judge a bundle and a database, and open the judgement for questions; `close` it, or use it in a `with` statement.

    Raises:
        ReconError: The bundle, the database or a suite cannot be used; no verdict was reached.
    """
    with ExitStack() as stack:
        judgement = stack.enter_context(judged(options, listener, afresh=True))
        return Answers(
            judgement.verification,
            judgement.warehouse,
            show_pii=options.show_pii,
            find=judgement.find,
            close=stack.pop_all().close,
        )


@contextmanager
def opened_run(folder: Path | str, *, show_pii: bool = False) -> Iterator[Answers]:
    """Open a run as `open_run` does, and close it at the end."""
    answers = open_run(folder, show_pii=show_pii)
    try:
        yield answers
    finally:
        answers.close()
