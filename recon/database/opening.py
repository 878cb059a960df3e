"""Opens the source behind a URL, within seconds."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from recon.background import await_result, start
from recon.errors import DatabaseError

if TYPE_CHECKING:
    from concurrent.futures import Future

    from recon.database.address import DatabaseUrl
    from recon.database.source import Source

# A driver is imported only when its kind of database is opened: each import takes a tenth of a second or more.
SOURCES = {
    "postgresql": "recon.database.postgresql",
    "mysql": "recon.database.mysql",
    "sqlite": "recon.database.sqlite",
    "duckdb": "recon.database.duckdb_file",
}
# A server that accepted the connection but does not answer is given up after this time, unless the user sets a limit.
OPEN_LIMIT_S = 30.0


def open_source(url: DatabaseUrl, timeout_s: float | None = None) -> Source:
    """Open the database at `url` read-only.

    Args:
        url: The address of the database.
        timeout_s: Seconds that opening a server may take; None: 5 for its answer, 30 in all. For a file there is no
            limit to copying or opening it.

    Raises:
        DatabaseError: The database cannot be opened, or not within the limit.
    """
    opening: Future[Source] = start(partial(import_module(SOURCES[url.kind]).connect, url, timeout_s))
    if url.path is not None:
        return await_result(opening)
    limit_s = OPEN_LIMIT_S if timeout_s is None else timeout_s + 1
    try:
        return await_result(opening, limit_s)
    except TimeoutError:
        opening.add_done_callback(_close_late)
        raise DatabaseError(
            "The database server does not answer",
            where=url.label,
            expected=f"an open connection within {limit_s:g} s",
            found="none",
            next_step="Check that the server is not overloaded or stopped, or raise --timeout",
        ) from None


def _close_late(opening: Future[Source]) -> None:
    if opening.exception() is None:
        opening.result().close()
