"""SQLite, read through connectorx on a private copy, so that the user's file is never written."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import quote as percent_encode

import connectorx
import polars as pl

from recon.database import Catalogue, Query, ReadError, quote, render
from recon.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.database.url import DatabaseUrl

LOCK_WAIT_S = 5
# connectorx takes a column's type from its first row and fails on null: present values carry a mark, null is empty.
TEXT = "coalesce('=' || cast({value} as text), '')"
CASTS = {
    "text": TEXT,
    "json": "json_extract(case when json_valid({value}) then {value} end, '$.' || {key})",
}
ROWS = "'=' || cast(count(*) as text) as \"rows\""
TABLES = "select name from sqlite_master where type in ('table', 'view') and name not like 'sqlite_%'"
COLUMNS = "select name from pragma_table_info(?)"
BATCH_ROWS = 100_000


def connect(url: DatabaseUrl) -> SqliteSource:
    """Copy the database to a private folder, consistently, and open the copy.

    Raises:
        DatabaseError: The file is missing, is no SQLite database, or is locked.
    """
    path = url.path or Path()
    _require_file(path)
    folder = TemporaryDirectory(prefix="recon-sqlite-")
    try:
        _copy(path, Path(folder.name) / "copy.db")
    except sqlite3.Error as error:
        folder.cleanup()
        raise DatabaseError(
            "The SQLite database cannot be read",
            where=str(path),
            found=str(error),
            next_step=_next_step(error),
        ) from error
    return SqliteSource(path, folder)


class SqliteSource:
    """The private copy of one SQLite file."""

    typed = False
    consistent = True
    guarantee = "consistent: a private copy made by SQLite's backup in one read transaction"

    def __init__(self, path: Path, folder: TemporaryDirectory[str]) -> None:
        self._folder = folder
        self._copy = Path(folder.name) / "copy.db"
        self.label = f"SQLite {sqlite3.sqlite_version}, {path}"

    def catalogue(self) -> Catalogue:
        """Tables and views; SQLite types values, not columns, so every column counts as text."""
        with closing(sqlite3.connect(self._copy)) as copy:
            tables = [name for (name,) in copy.execute(TABLES)]
            return {table: _columns(copy, table) for table in tables}

    def missing_hint(self, table: str) -> str | None:  # noqa: ARG002 - a file has one schema
        """Nowhere else: a file has one schema."""
        return None

    def read(self, query: Query) -> Iterator[pl.DataFrame]:
        """The rows of `query` in batches, every column as text.

        Raises:
            ReadError: SQLite refused.
        """
        sql = render(query, quote(query.table), ROWS, CASTS)
        try:
            batches = connectorx.read_sql(
                f"sqlite://{percent_encode(str(self._copy))}",
                sql,
                return_type="arrow_stream",
                batch_size=BATCH_ROWS,
            )
            for batch in batches:
                yield _unmark(pl.DataFrame(pl.from_arrow(batch)))
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:  # a panic of connectorx is no Exception
            raise ReadError(" ".join(str(error).split())) from error

    def close(self) -> None:
        """Remove the copy."""
        self._folder.cleanup()


def _columns(copy: sqlite3.Connection, table: str) -> dict[str, str]:
    """The columns; none where a view or virtual table cannot be opened."""
    try:
        return {name: "text" for (name,) in copy.execute(COLUMNS, (table,))}
    except sqlite3.Error:
        return {}


def _unmark(frame: pl.DataFrame) -> pl.DataFrame:
    text = pl.all()
    return frame.select(pl.when(text != "").then(text.str.slice(1)))


def _require_file(path: Path) -> None:
    found = "nothing" if not path.exists() else "a folder" if path.is_dir() else None
    if found is None and path.stat().st_size == 0:
        found = "an empty file"
    if found:
        raise DatabaseError(
            "The database was not found" if found == "nothing" else "This is not a SQLite database",
            where=str(path),
            expected="a SQLite file",
            found=found,
            next_step="Check the path (sqlite:///x is relative, sqlite:////x absolute), "
            "or name an environment variable that holds the URL",
        )


def _copy(path: Path, copy: Path) -> None:
    address = f"file:{percent_encode(str(path.resolve()))}?mode=ro"
    with (
        closing(sqlite3.connect(address, uri=True, timeout=LOCK_WAIT_S)) as original,
        closing(sqlite3.connect(copy)) as target,
    ):
        original.execute("select count(*) from sqlite_master")
        original.backup(target)


def _next_step(error: sqlite3.Error) -> str:
    if "locked" in str(error):
        return "Another program is writing to it: wait for it to end, then verify again"
    return "Check that the file is a SQLite database, whole, and readable by you"
