"""PostgreSQL as rollback writes to it: REPEATABLE READ, limits of time, and settings that end with the transaction.

The role's search path stays as it is: the functions of triggers may depend on it, and so do the operators of types that
an extension put into a schema. recon names every table with its schema.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING, Any

import psycopg
from msgspec.structs import replace

from recon.database.postgresql import conninfo
from recon.database.postgresql_identity import read_identity
from recon.database.postgresql_refusal import refusal
from recon.database.writing.interface import Content, StoredRow, TargetTable
from recon.database.writing.joining import joined
from recon.database.writing.postgresql_catalogue import STATEMENTS, ask, read_references, read_remarks, read_tables
from recon.database.writing.postgresql_sessions import missing_rights, other_writers
from recon.database.writing.postgresql_spelling import condition, insert_head, key_literals, literal, select_rows
from recon.database.writing.postgresql_transaction import LOCK_KEY, PostgresqlTransaction
from recon.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from recon.database import DatabaseUrl
    from recon.database.writing.interface import Key, Reference, Remark

BATCH = 1000
LIMITS = (
    "Sequences are not set back: the numbers that the run drew stay drawn",
    "Only programs that take the advisory lock {key} are kept away by it; others are found by the locks they hold",
    "A trigger that notes the present time without a zone notes it in UTC, which may not be the server's zone",
)
# Without these, money, intervals, documents and letters could mean something else to the client that runs a script.
PREAMBLE = (
    "begin isolation level repeatable read",
    "set local client_encoding = 'UTF8'",
    "set local datestyle = 'ISO, YMD'",
    "set local intervalstyle = 'postgres'",
    "set local lc_monetary = 'C'",
    "set local xmloption = 'content'",
    "set local row_security = off",
)


def connect(url: DatabaseUrl, timeout_s: float | None = None) -> PostgresqlWriter:
    """Connect to a server; a pooler in transaction mode will do.

    Raises:
        DatabaseError: The server refuses the connection.
    """
    address = conninfo(url, timeout_s)
    try:
        # Prepared statements would outlive the transaction, and with a pooler meet those of others.
        connection = psycopg.connect(address, autocommit=True, prepare_threshold=None)
    except (psycopg.Error, UnicodeError) as error:
        raise refusal(url, str(error)) from None
    try:
        return PostgresqlWriter(url, connection)
    except psycopg.Error as error:
        connection.close()
        raise refusal(url, str(error), error.sqlstate) from None


class PostgresqlWriter(PostgresqlTransaction):
    """One connection."""

    kind = "postgresql"
    limits = tuple(limit.format(key=LOCK_KEY) for limit in LIMITS)
    chunk = 2_000
    can_skip_references = False
    preamble = PREAMBLE

    def __init__(self, url: DatabaseUrl, connection: psycopg.Connection) -> None:
        super().__init__(url, connection)
        self._numbers = count(1)
        self.identity: Mapping[str, str] = read_identity(connection)
        version, current = ask(connection, "about")[0]
        self.schema: str | None = url.schema or current or "public"
        self.label = f"PostgreSQL {version}, {url.label}"

    def tables(self) -> tuple[TargetTable, ...]:
        """Every table; partitions count as part of theirs."""
        with self._refused():
            return read_tables(self._connection)

    def references(self) -> tuple[Reference, ...]:
        """Every foreign key."""
        with self._refused():
            return read_references(self._connection)

    def remarks(self, tables: Sequence[TargetTable]) -> tuple[Remark, ...]:
        """What there is to know about these tables."""
        with self._refused():
            return read_remarks(self._connection, tables)

    def quote(self, name: str) -> str:
        """Quote an identifier."""
        return quote(name)

    def condition(self, columns: Sequence[str], keys: Sequence[Key]) -> str:
        """Return the SQL that holds for rows with one of these values; a null is equal to none."""
        return condition(columns, keys)

    def literal(self, text: str | None) -> str:
        """Return the literal of a text."""
        return literal(text)

    def insert_head(self, table: TargetTable, into: str | None = None) -> str:
        """Return an INSERT statement up to and with VALUES."""
        return insert_head(table, into)

    def rows(
        self, table: TargetTable, columns: Sequence[str], where: str = "true", *, lock: bool = False
    ) -> Iterator[StoredRow]:
        """Yield the rows in the order of the key, a batch at a time; `version` is xmin."""
        for version, *values in self._stream(select_rows(table, columns, where, lock=lock)):
            yield StoredRow(tuple(values), version)

    def links(
        self, child: TargetTable, parent: TargetTable, where: str, compared: Sequence[tuple[str, str]]
    ) -> Iterator[tuple[Key, Key]]:
        """Yield the keys of child and parent for each row that refers to another, a batch at a time."""
        keys = key_literals(child), key_literals(parent)
        statement, width = joined(child.sql, parent.sql, where, keys, compared), len(child.key)
        for values in self._stream(statement):
            yield values[:width], values[width:]

    def content(self, table: TargetTable, where: str = "true") -> Content:
        """Return number and digest of the rows: the sum of a hash of 64 bits of each row as text."""
        rows, digest = self._row(STATEMENTS["content"].format(table=table.sql, where=where))
        return Content(rows, int(digest))

    def count(self, table: TargetTable, where: str = "true") -> int:
        """Return the number of rows."""
        return int(self._row(STATEMENTS["count"].format(table=table.sql, where=where))[0])

    def seconds_to_look_up(self, reference: Reference, value: Key) -> float:
        """Measure on the server, which looks for references in one process: the best of three times."""
        where = self.condition(reference.columns, [value])
        statement = STATEMENTS["look_up"].format(table=reference.table, where=where)
        with self._refused(), self._connection.transaction(force_rollback=True):
            ask(self._connection, "one_process")
            return min(float(self._row(statement)[0][0]["Execution Time"]) / 1000 for _ in range(3))

    def missing_rights(self, needs: Mapping[str, Sequence[str]]) -> list[str]:
        """Return the statements that grant what the role lacks; locking a row that is deleted needs "update" too."""
        with self._refused():
            return missing_rights(self._connection, needs)

    def other_writers(self, tables: Sequence[TargetTable]) -> list[str]:
        """Return the sessions and prepared transactions that hold or wait for a lock to write to these tables."""
        with self._refused():
            return other_writers(self._connection, [table.sql for table in tables])

    def scratch_table(self, table: TargetTable) -> TargetTable:
        """Create a temporary table, dropped at the end of the transaction."""
        name = f"recon_scratch_{next(self._numbers)}"
        scratch = replace(table, sql=quote("pg_temp", name), schema="pg_temp", name=name, rows=None, obstacle="")
        self._send(STATEMENTS["scratch"].format(scratch=scratch.sql, table=table.sql))
        return scratch

    def _stream(self, statement: str) -> Iterator[tuple[Any, ...]]:
        with self._refused(), self._cursor() as cursor:
            cursor.execute(statement.encode())
            yield from cursor

    @contextmanager
    def _cursor(self) -> Iterator[psycopg.ServerCursor[tuple[Any, ...]]]:
        """A cursor that is closed even where the connection is gone, so that the server cannot be told."""
        cursor = self._connection.cursor(f"recon_{next(self._numbers)}")
        cursor.itersize = BATCH
        try:
            yield cursor
        finally:
            with suppress(psycopg.Error):
                cursor.close()
            psycopg.Cursor.close(cursor)

    def _row(self, statement: str) -> tuple[Any, ...]:
        with self._refused():
            return self._connection.execute(statement.encode()).fetchall()[0]
