"""Opens what was judged, so that questions can be asked of it: the kept snapshot of a run, without the server."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from recon.answers.answers import Answers
from recon.errors import ReportError
from recon.report.reading import load_verification
from recon.verification.verify import judged
from recon.warehouse import Warehouse
from recon.warehouse.kept import is_snapshot_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.verification.options import VerifyOptions
    from recon.verification.progress import Listener

SNAPSHOT, VERIFICATION = "snapshot.duckdb", "verification.json"
KEPT_FIRST = "set search_path = 'kept.main,memory.main'"


def open_run(folder: Path | str, *, show_pii: bool = False) -> Answers:
    """Open a run of recon for questions; `close` it, or use it in a `with` statement.

    Args:
        folder: The run's folder, with its verification.json and snapshot.duckdb.
        show_pii: Do not mask names, e-mail addresses and phone numbers.

    Raises:
        ReportError: It is no folder of a run, or the run kept no snapshot.
        DatabaseError: The snapshot cannot be read.
    """
    path = Path(folder)
    snapshot = path / SNAPSHOT
    if not (path / VERIFICATION).is_file():
        raise ReportError(
            "This is no folder of a run",
            where=str(path)[:300],
            expected=f"{VERIFICATION} in it",
            found="none",
            next_step="Name a folder that recon run wrote, or the bundle itself",
        )
    if not snapshot.is_file() or not is_snapshot_file(snapshot):
        raise ReportError(
            "The run kept no snapshot, so there is nothing to ask",
            where=str(snapshot)[:300],
            expected="the file that recon run writes unless --skip snapshot",
            found="none" if not snapshot.is_file() else "another file",
            next_step="Name the bundle instead, with --database, or run recon run again",
        )
    verification = load_verification(path / VERIFICATION)
    warehouse = Warehouse(kept=snapshot)
    warehouse.connection.execute(KEPT_FIRST)
    return Answers(verification, warehouse, show_pii=show_pii)


def judge_and_open(options: VerifyOptions, listener: Listener | None = None) -> Answers:
    """Judge a bundle and a database, and open the judgement for questions; `close` it, or use it in a `with` statement.

    Raises:
        ReconError: The bundle, the database or a suite cannot be used; no verdict was reached.
    """
    with ExitStack() as stack:
        judgement = stack.enter_context(judged(options, listener))
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
