"""SQLite, read through connectorx from a private copy, so that the user's file is never written to."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote as percent_encode

import polars as pl

from recon.background import await_result, start
from recon.database.corruption import describe_damage, is_sqlite_corrupted
from recon.database.file import require_file
from recon.database.marks import unmark
from recon.database.rendering import Dialect, render
from recon.database.source import FoldedCatalogue, ReadError
from recon.database.stream import stream
from recon.database.surroundings import surroundings_of_file
from recon.errors import CorruptionError, DatabaseError
from recon.scratch import ScratchFolder
from recon.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future

    from recon.database.address import DatabaseUrl
    from recon.database.source import Catalogue, Query
    from recon.database.surroundings import Surroundings

LOCK_WAIT_S = 5
BYTES = "coalesce(cast('=' || cast({value} as text) as blob), x'')"
TEXT = "coalesce('=' || cast({value} as text), '')"
JSON = "json_extract(case when json_valid({value}) then {value} end, '$.' || {key})"
ROWS = 'count(*) as "rows"'
# The 16 bytes of a uuid as its digits; a whole number without a fraction, which text would round beyond 2^53.
KEY = """case when typeof({value}) = 'blob' and length({value}) = 16 then lower(hex({value}))
     when typeof({value}) = 'real' and {value} = cast({value} as integer) then cast({value} as integer)
     else {value} end"""
DIALECT = Dialect(ROWS, {"text": BYTES, "key": BYTES.format(value=KEY), "json": JSON})
UTF16_DIALECT = Dialect(ROWS, {"text": TEXT, "key": TEXT.format(value=KEY), "json": JSON})
TABLES = "select name from sqlite_master where type in ('table', 'view') and name not like 'sqlite_%'"
# Includes generated columns, but not the hidden columns of virtual tables.
COLUMNS = "select name from pragma_table_xinfo(?) where hidden <> 1"
BACKED_UP = "consistent: a private copy made by SQLite's backup in one read transaction"
RECOVERED = "consistent: a private copy of the file with its log, unchanged while copied, recovered by SQLite"
SMALL_BYTES = 64 << 20
CHECK_ALL, CHECK_PAGES = "pragma integrity_check(1000)", "pragma quick_check(1000)"
# What says where the next lines are about, that all is well, or that a row breaks a constraint, which is no damage.
SOUND = re.compile(r"ok$|\*\*\* in database|NULL value in |CHECK constraint failed|(?:NON-)?\w+ value (?:missing )?in ")
CHANGED = "the database is locked: it changed while it was copied"


def connect(url: DatabaseUrl, timeout_s: float | None = None) -> SqliteSource:  # noqa: ARG001 - no server to wait for
    """Make a consistent copy of the database in a private folder, and open the copy.

    Raises:
        DatabaseError: The file is missing, is not a SQLite database, or is locked.
    """
    path = url.path or Path()
    require_file(path, "SQLite", "sqlite")
    folder = ScratchFolder("recon-sqlite-")
    try:
        copy, guarantee = copy_database(path.resolve(), folder.path)
        return SqliteSource(path, copy, guarantee, folder)
    except (sqlite3.Error, OSError) as error:
        folder.close()
        kind = CorruptionError if is_corruption(error) else DatabaseError
        raise kind(
            "The SQLite database cannot be read", where=str(path), found=str(error), next_step=_next_step(error)
        ) from error


class SqliteSource:
    """The private copy of one SQLite file."""

    typed = False
    consistent = True
    limit_s: float | None = None

    def __init__(self, path: Path, copy: Path, guarantee: str, folder: ScratchFolder) -> None:
        self.guarantee = guarantee
        self._folder = folder
        self._copy = copy
        self._path = path
        self._check: Future[str | None] | None = None
        with closing(sqlite3.connect(copy)) as connection:
            self._encoding = connection.execute("pragma encoding").fetchone()[0]
        self.label = f"SQLite {sqlite3.sqlite_version}, {path}"

    def catalogue(self) -> Catalogue:
        """Return tables and views; SQLite types values, not columns, so every column counts as text."""
        with closing(sqlite3.connect(self._copy)) as copy:
            tables = [name for (name,) in copy.execute(TABLES)]
            return FoldedCatalogue({table: _columns(copy, table) for table in tables})

    def surroundings(self) -> Surroundings:
        """Return what the system says about the file itself, not the copy."""
        return surroundings_of_file(self._path)

    def missing_hint(self, table: str) -> str | None:  # noqa: ARG002 - a file has one schema
        """Return None: a file has only one schema."""
        return None

    def refusal_hint(self, reason: str) -> str:  # noqa: ARG002 - a file has one kind of failure
        """Return the hint to check the file."""
        return "Check that the file is whole: sqlite3 FILE 'pragma integrity_check'"

    def prepare(self, queries: Sequence[Query]) -> None:  # noqa: ARG002 - the whole file is checked
        """Begin to check the copy for damage, beside the reading."""
        self._check = start(lambda: find_damage(self._copy))

    def damage(self) -> str | None:
        """Return what the check of the whole copy found, which `prepare` began; None: no damage."""
        return await_result(self._check) if self._check else None

    def read(self, query: Query) -> Iterator[pl.DataFrame]:
        """Yield the rows of `query` in batches, every column as text.

        Raises:
            ReadError: SQLite refused.
        """
        sql = render(query, quote(query.table), DIALECT if self._encoding == "UTF-8" else UTF16_DIALECT)
        try:
            for batch in stream(f"sqlite://{percent_encode(str(self._copy))}", sql):
                yield unmark(pl.DataFrame(pl.from_arrow(batch)))
        except ReadError as error:
            raise ReadError(str(error), is_corruption=is_sqlite_corrupted(str(error))) from None

    def cancel(self) -> None:
        """Do nothing: reads of a file do not block."""

    def close(self) -> None:
        """Remove the copy."""
        self._folder.close()


def _columns(copy: sqlite3.Connection, table: str) -> dict[str, str]:
    """Return the columns; none where a view or virtual table cannot be opened."""
    try:
        return {name: "text" for (name,) in copy.execute(COLUMNS, (table,))}
    except sqlite3.Error:
        return {}


def is_corruption(error: Exception) -> bool:
    """Return whether SQLite says that the file is damaged."""
    return isinstance(error, sqlite3.Error) and is_sqlite_corrupted(
        str(error), getattr(error, "sqlite_errorcode", None)
    )


def find_damage(path: Path) -> str | None:
    """Check a whole file: its pages and rows, and where it is small, its indexes; return what is damaged, else None."""
    way = CHECK_ALL if path.stat().st_size <= SMALL_BYTES else CHECK_PAGES
    try:
        with closing(sqlite3.connect(path)) as connection:
            lines = [line for (text,) in connection.execute(way) for line in str(text).splitlines()]
    except sqlite3.Error as error:
        # A check that another error ends says nothing: a function, collation or module that SQLite lacks here.
        return str(error) if is_corruption(error) else None
    return describe_damage([line for line in lines if not SOUND.match(line)]) or None


def copy_database(path: Path, folder: Path) -> tuple[Path, str]:
    """Make a consistent copy in `folder` and return it with the guarantee.

    No file is created in the original's folder, not even temporarily.

    Raises:
        sqlite3.Error: The file is locked, or no database.
        OSError: It cannot be read, or the copy not be written.
    """
    if _is_idle_with_log(path):
        return _copy_files(path, folder), RECOVERED
    try:
        return _back_up(path, folder), BACKED_UP
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise
        # A log or journal left behind by a crash must be replayed, which needs a writable copy.
        return _copy_files(path, folder), RECOVERED


def _back_up(path: Path, folder: Path) -> Path:
    idle = _is_write_ahead(path) and not _beside(path, "-wal").exists()
    address = f"{path.resolve().as_uri()}?mode=ro" + ("&immutable=1" if idle else "")
    copy = folder / "copy.db"
    before = _states(path)
    with (
        closing(sqlite3.connect(address, uri=True, timeout=LOCK_WAIT_S)) as original,
        closing(sqlite3.connect(copy)) as target,
    ):
        original.execute("select count(*) from sqlite_master")
        original.backup(target)
    if idle and _states(path) != before:
        raise sqlite3.OperationalError(CHANGED)
    return copy


def _copy_files(path: Path, folder: Path) -> Path:
    """Copy the file with its log and journal, which no program has open, and let SQLite recover the copy.

    Raises:
        sqlite3.OperationalError: The files changed while they were copied.
    """
    copy = folder / "recovered.db"
    before = _states(path)
    for suffix in ("", "-wal", "-journal"):
        if _beside(path, suffix).exists():
            shutil.copyfile(_beside(path, suffix), _beside(copy, suffix))
    if _states(path) != before:
        raise sqlite3.OperationalError(CHANGED)
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("select count(*) from sqlite_master")
    return copy


def _is_idle_with_log(path: Path) -> bool:
    """Return whether it has a write-ahead log that no program has open: opening it would create a file next to it."""
    return _is_write_ahead(path) and _beside(path, "-wal").exists() and not _beside(path, "-shm").exists()


def _is_write_ahead(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(20)[18:20] == b"\x02\x02"


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _states(path: Path) -> list[tuple[int, int] | None]:
    files = [_beside(path, suffix) for suffix in ("", "-wal", "-journal")]
    return [(f.stat().st_size, f.stat().st_mtime_ns) if f.exists() else None for f in files]


def _next_step(error: Exception) -> str:
    if "locked" in str(error):
        return "Another program is writing to it: wait for it to end, then verify again"
    return "Check that the file is a SQLite database, whole, and readable by you"
