"""Opens a database for rollback."""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, cast

from recon.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from recon.database import DatabaseUrl
    from recon.database.writing.interface import WritableDatabase

# A driver is imported only when its kind of database is opened.
MODULES = {
    "postgresql": "recon.database.writing.postgresql",
    "mysql": "recon.database.writing.mysql",
    "sqlite": "recon.database.writing.sqlite",
}


@contextmanager
def open_for_writing(url: DatabaseUrl, timeout_s: float | None = None) -> Iterator[WritableDatabase]:
    """Connect; at the end, what was not committed is undone.

    Args:
        url: The address of the database.
        timeout_s: Seconds that connecting may take; None: the driver's limit.

    Raises:
        DatabaseError: Databases of this kind cannot be rolled back, or this one cannot be opened.
    """
    if url.kind not in MODULES:
        raise DatabaseError(
            "recon undoes runs in PostgreSQL, MySQL, MariaDB and SQLite",
            where=url.label,
            found=url.kind,
            next_step="Restore the backup that was made before the run",
        )
    connect = cast(
        "Callable[[DatabaseUrl, float | None], WritableDatabase]",
        getattr(import_module(MODULES[url.kind]), "connect"),  # noqa: B009
    )
    database = connect(url, timeout_s)
    try:
        yield database
    finally:
        database.close()
