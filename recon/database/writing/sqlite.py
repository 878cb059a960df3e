"""SQLite as rollback writes to it; what only reads is done on a private copy, so that the file is left alone."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, NoReturn

from recon.database.file import require_file
from recon.database.sqlite import copy_database
from recon.database.writing.interface import Content, StoredRow, TargetTable, WriteError
from recon.database.writing.joining import joined
from recon.database.writing.sqlite_catalogue import read_references, read_remarks, read_tables
from recon.errors import visible
from recon.scratch import ScratchFolder
from recon.sql import literal as text_literal
from recon.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from recon.database import DatabaseUrl
    from recon.database.writing.interface import Key, Reference, Remark

LOCK_WAIT_S = 2.0
ROWS = "select {columns} from {table} where {where}{order}"
COUNT = "select count(*) from {table} where {where}"
LIMITS = (
    "SQLite locks the whole file: while the plan is applied, no other program can write to it",
    "A SQLite file has no rights of its own: anyone who may write the file may apply the plan",
)
KINDS = (
    ("locked", "locked", "Another program is writing to the file: wait for it to end, then try again"),
    ("busy", "locked", "Another program is writing to the file: wait for it to end, then try again"),
    ("readonly", "read only", "Make the file and its folder writable for this account"),
    ("disk is full", "full", "Make room on the disk"),
    ("disk I/O", "full", "Check the disk, and that it has room"),
)


class Text(bytes):
    """A text as its bytes, to tell it from a blob; it may not be valid UTF-8."""


def connect(url: DatabaseUrl, timeout_s: float | None = None) -> SqliteWriter:  # noqa: ARG001 - no server to wait for
    """Take up the file; it is opened by `begin`.

    Raises:
        DatabaseError: The file is missing, or is no SQLite database.
    """
    path = url.path or Path()
    require_file(path, "SQLite", "sqlite")
    return SqliteWriter(path)


class SqliteWriter:
    """One SQLite file."""

    kind = "sqlite"
    schema: str | None = None
    limits: tuple[str, ...] = LIMITS
    chunk = 10_000
    can_skip_references = True
    preamble: tuple[str, ...] = ("pragma foreign_keys = on", "begin immediate")

    def __init__(self, path: Path) -> None:
        self.label = f"SQLite {sqlite3.sqlite_version}, {path}"
        self.identity: Mapping[str, str] = {"path": str(path.resolve())}
        self._path = path
        self._opened: sqlite3.Connection | None = None
        self._copy: ScratchFolder | None = None
        self._scratch: list[str] = []

    def begin(self, *, writing: bool) -> None:
        """Begin: with the file locked against other writers, or on a private copy of it."""
        self._begin(writing=writing, checked=True)

    def begin_unchecked(self) -> None:
        """Begin with the file locked, and leave foreign keys unchecked."""
        self._begin(writing=True, checked=False)

    def _begin(self, *, writing: bool, checked: bool) -> None:
        self.close()
        with _refused():
            self._opened = self._connect() if writing else self._connect_copy()
            self._opened.text_factory = Text
            # Off by default, and then references are neither checked nor followed; not possible within a transaction.
            self._opened.execute(f"pragma foreign_keys = {'on' if checked else 'off'}")
            self._opened.execute("begin immediate" if writing else "begin")

    def begin_scratch(self) -> None:
        """Begin on a private copy, whose temporary tables are its own."""
        self.begin(writing=False)

    def _connect(self) -> sqlite3.Connection:
        address = f"{self._path.resolve().as_uri()}?mode=rw"
        return sqlite3.connect(address, uri=True, timeout=LOCK_WAIT_S, isolation_level=None)

    def _connect_copy(self) -> sqlite3.Connection:
        self._copy = ScratchFolder("recon-sqlite-")
        copy, _ = copy_database(self._path.resolve(), self._copy.path)
        return sqlite3.connect(copy, isolation_level=None)

    def commit(self) -> None:
        """Commit; SQLite knows at once whether it was."""
        with _refused():
            for name in self._scratch:
                self._connection.execute(f"drop table temp.{name}")
            self._scratch.clear()
            self._connection.execute("commit")

    def rollback(self) -> None:
        """Undo everything since `begin`."""
        self._scratch.clear()
        with suppress(sqlite3.Error):
            if self._opened and self._opened.in_transaction:
                self._opened.execute("rollback")

    def close(self) -> None:
        """Undo what was not committed, and remove the copy."""
        self.rollback()
        if self._opened:
            self._opened.close()
        if self._copy:
            self._copy.close()
        self._opened = self._copy = None

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            raise WriteError("no transaction was begun")
        return self._opened

    def tables(self) -> tuple[TargetTable, ...]:
        """Every ordinary table."""
        with _refused():
            return read_tables(self._connection)

    def references(self) -> tuple[Reference, ...]:
        """Every foreign key."""
        with _refused():
            return read_references(self._connection)

    def remarks(self, tables: Sequence[TargetTable]) -> tuple[Remark, ...]:
        """Triggers, generated columns, and references that are found by reading a whole table."""
        with _refused():
            return read_remarks(self._connection, tables)

    def quote(self, name: str) -> str:
        """Quote an identifier."""
        return quote(name)

    def condition(self, columns: Sequence[str], keys: Sequence[Key]) -> str:
        """Return the SQL that holds for rows with one of these values."""
        if len(columns) == 1:
            return f"{quote(columns[0])} in ({', '.join(key[0] for key in keys)})"
        rows = ", ".join(f"({', '.join(key)})" for key in keys)
        return f"({', '.join(map(quote, columns))}) in (values {rows})"

    def literal(self, text: str | None) -> str:
        """Return the literal of a text."""
        return "NULL" if text is None else text_literal(text)

    def insert_head(self, table: TargetTable, into: str | None = None) -> str:
        """Return an INSERT statement up to and with VALUES."""
        return f"insert into {into or table.sql} ({', '.join(map(quote, table.stored))}) values"

    def rows(
        self,
        table: TargetTable,
        columns: Sequence[str],
        where: str = "true",
        *,
        lock: bool = False,  # noqa: ARG002 - the file is locked as a whole
    ) -> Iterator[StoredRow]:
        """Yield the rows in the order of the key, as literals."""
        statement = ROWS.format(
            columns=", ".join(map(quote, columns)),
            table=table.sql,
            where=where,
            order=f" order by {', '.join(map(quote, table.key))}" if table.key else "",
        )
        with _refused():
            for values in self._connection.execute(statement):
                yield StoredRow(tuple(map(_literal, values)))

    def links(
        self, child: TargetTable, parent: TargetTable, where: str, compared: Sequence[tuple[str, str]]
    ) -> Iterator[tuple[Key, Key]]:
        """Yield the keys of child and parent for each row that refers to another."""
        keys = list(map(quote, child.key)), list(map(quote, parent.key))
        width = len(child.key)
        with _refused():
            for values in self._connection.execute(joined(child.sql, parent.sql, where, keys, compared)):
                literals = tuple(map(_literal, values))
                yield literals[:width], literals[width:]

    def content(self, table: TargetTable, where: str = "true") -> Content:
        """Return number and digest of the rows."""
        rows = total = 0
        for row in self.rows(table, [column.name for column in table.columns], where):
            total += int.from_bytes(sha256("\x1f".join(row.values).encode()).digest(), "big")
            rows += 1
        return Content(rows, total)

    def count(self, table: TargetTable, where: str = "true") -> int:
        """Return the number of rows."""
        return int(self._one(COUNT.format(table=table.sql, where=where)))

    def seconds_to_look_up(self, reference: Reference, value: Key) -> float:
        """Measure how long it takes to find the rows that refer to one parent: the best of three times."""
        statement = COUNT.format(table=reference.table, where=self.condition(reference.columns, [value]))
        measured = []
        for _ in range(3):
            start = perf_counter()
            self._one(statement)
            measured.append(perf_counter() - start)
        return min(measured)

    def missing_rights(self, needs: Mapping[str, Sequence[str]]) -> list[str]:
        """Return how to make the file writable, if it is not."""
        writes = any(right != "select" for rights in needs.values() for right in rights)
        if not writes or (os.access(self._path, os.W_OK) and os.access(self._path.resolve().parent, os.W_OK)):
            return []
        return [f"make {self._path} and its folder writable for this account"]

    def other_writers(self, tables: Sequence[TargetTable]) -> list[str]:  # noqa: ARG002 - the file is locked as a whole
        """Return none: a transaction that writes has the file to itself."""
        return []

    def execute(self, statement: str) -> int:
        """Send one statement."""
        with _refused():
            return self._connection.execute(statement).rowcount

    def transaction_id(self) -> str | None:
        """Return None: a commit is never in doubt."""
        return None

    def status_of(self, transaction_id: str) -> str | None:  # noqa: ARG002 - there are none
        """Return None: transactions have no names."""
        return None

    def scratch_table(self, table: TargetTable) -> TargetTable:
        """Create a temporary table; it has the columns' types, and none of their constraints."""
        name = f"recon_scratch_{len(self._scratch) + 1}"
        columns = ", ".join(f"{quote(c.name)} {c.type}" for c in table.columns if not c.is_generated)
        self.execute(f"create temp table {name} ({columns})")
        self._scratch.append(name)
        stored = tuple(column for column in table.columns if not column.is_generated)
        return TargetTable(f"temp.{name}", None, name, stored, table.key)

    def _one(self, statement: str) -> Any:
        with _refused():
            return self._connection.execute(statement).fetchone()[0]


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, Text):
        return _text(value)
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    if isinstance(value, float) and value in {float("inf"), float("-inf")}:
        return "9e999" if value > 0 else "-9e999"
    return repr(value)


def _text(value: Text) -> str:
    """Return the literal of a text; what a statement cannot carry is written as its bytes."""
    try:
        decoded = value.decode()
    except UnicodeDecodeError:
        decoded = "\0"
    return f"cast(X'{value.hex()}' as text)" if "\0" in decoded else text_literal(decoded)


@contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        _refuse(error)


def _refuse(error: Exception) -> NoReturn:
    text = visible(str(error))
    for word, kind, next_step in KINDS:
        if word in text:
            raise WriteError(text, kind, next_step) from error
    raise WriteError(text) from error
