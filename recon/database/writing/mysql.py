"""MySQL and MariaDB as rollback writes to them: InnoDB's transactions, locks without waiting, literals by bytes.

Temporary tables are made through a second connection, since no transaction that only reads may create one.
"""

from __future__ import annotations

import re
from contextlib import closing, suppress
from time import monotonic
from typing import TYPE_CHECKING

import pymysql

from recon.database.mysql_connection import identity, refusal
from recon.database.mysql_statement import quote_mysql
from recon.database.writing.interface import Content, StoredRow, WriteError
from recon.database.writing.joining import joined
from recon.database.writing.mysql_catalogue import (
    read_missing_rights,
    read_references,
    read_remarks,
    read_tables,
    read_writers,
    view_of_writers,
)
from recon.database.writing.mysql_channel import STATEMENTS, MysqlChannel
from recon.database.writing.mysql_exclusion import release_lock, require_writable, take_lock
from recon.database.writing.mysql_limits import limits
from recon.database.writing.mysql_scratch import MysqlScratch
from recon.database.writing.mysql_values import (
    NULL,
    as_bytes,
    as_digest_part,
    condition,
    literal_of,
    text_literal,
)
from recon.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from recon.database import DatabaseUrl
    from recon.database.writing.interface import Key, Reference, Remark, TargetTable

IDLE_LIMIT_S = 300
CHUNK, BYTES_A_KEY = 1000, 1024
PREAMBLE = (
    "set time_zone = '+00:00'",
    "set sql_mode = 'NO_AUTO_VALUE_ON_ZERO,STRICT_ALL_TABLES,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION'",
    "start transaction",
)
# Comments, and the first word of a statement that leaves the transaction open.
WRITING = re.compile(
    r"(?:\s|/\*(?!!).*?\*/|-- [^\n]*\n)*(?:delete|insert|select|update|with)\b", re.IGNORECASE | re.DOTALL
)
SHARED_LOCK = {True: " lock in share mode nowait", False: " for share nowait"}


def connect(url: DatabaseUrl, timeout_s: float | None) -> MysqlWriter:
    """Connect; nothing is begun yet.

    Raises:
        DatabaseError: The server refuses the connection, or the settings of a rollback.
    """
    try:
        return MysqlWriter(url, timeout_s)
    except WriteError as error:
        raise DatabaseError(
            "The server refuses what a rollback needs", where=url.label, found=str(error), next_step=error.next_step
        ) from None
    except (pymysql.Error, OSError, RuntimeError, ValueError) as error:
        raise refusal(url, error) from None


class MysqlWriter:
    """A connection to one database, as `WritableDatabase` describes it."""

    kind = "mysql"
    can_skip_references = True
    preamble: tuple[str, ...] = PREAMBLE

    def __init__(self, url: DatabaseUrl, timeout_s: float | None) -> None:
        self._url, self._timeout_s = url, timeout_s
        self._channel = MysqlChannel(url, timeout_s, autocommit=False)
        self._scratch: MysqlScratch | None = None
        self._is_writing = self._is_unchecked = False
        self.schema: str | None = url.name
        version, comment, packet = self._channel.ask(STATEMENTS["server"])[0]
        self._is_mariadb = "mariadb" in f"{version}{comment}".lower()
        self.label = f"{'MariaDB' if self._is_mariadb else 'MySQL'} {version.partition('-')[0]}, {url.label}"
        self.identity: Mapping[str, str] = identity(self._channel.connection, url)
        self.chunk = min(CHUNK, int(packet) // BYTES_A_KEY)
        self._view = view_of_writers(self._channel)
        self.limits = limits(self._channel, self._view, is_mariadb=self._is_mariadb)

    def begin(self, *, writing: bool) -> None:
        """Begin a transaction whose plain reads see one instant; `writing`: while holding the lock of a rollback."""
        self.rollback()
        if writing:
            require_writable(self._channel)
            self._channel.send(STATEMENTS["idle"].format(idle_s=IDLE_LIMIT_S))
            take_lock(self._channel, self._url.name)
            self._is_writing = True
        self._channel.send(STATEMENTS["begin_writing" if writing else "begin_reading"])

    def begin_unchecked(self) -> None:
        """Begin as with `writing`, and leave foreign keys unchecked until the transaction ends."""
        self.begin(writing=True)
        self._channel.send(STATEMENTS["check_references"].format(checks=0))
        self._is_unchecked = True

    def begin_scratch(self) -> None:
        """Begin a transaction that only reads; temporary tables are made through a second connection."""
        self.begin(writing=False)

    def commit(self) -> None:
        """Commit, unless a statement failed: the server may have undone more than that statement.

        Raises:
            WriteError: "lost": whether it was committed is not known.
        """
        self._require_success()
        self._channel.send("commit")
        self._end()

    def _require_success(self) -> None:
        if self._channel.has_failed:
            raise WriteError("a statement of this transaction has failed, so that nothing more is done in it")

    def rollback(self) -> None:
        """Undo everything since `begin`."""
        try:
            self._channel.send("rollback")
        except WriteError as error:
            if error.kind != "lost":
                raise
        finally:
            self._end()

    def _end(self) -> None:
        """Release the lock and drop the temporary tables; nothing of this can undo what was committed."""
        self._channel.has_failed = False
        if self._is_unchecked:
            self._is_unchecked = False
            with suppress(WriteError):
                self._channel.send(STATEMENTS["check_references"].format(checks=1))
        if self._is_writing:
            self._is_writing = False
            with suppress(WriteError):
                release_lock(self._channel, self._url.name)
        if self._scratch is not None:
            self._scratch.close()
            self._scratch = None

    def close(self) -> None:
        """End the connection; the server undoes what was not committed."""
        with suppress(WriteError):
            self.rollback()
        self._channel.close()

    def tables(self) -> tuple[TargetTable, ...]:
        """Every table that the user can see, of all databases but the server's own."""
        return read_tables(self._channel)

    def references(self) -> tuple[Reference, ...]:
        """Every foreign key between tables that the user can see."""
        return read_references(self._channel)

    def remarks(self, tables: Sequence[TargetTable]) -> tuple[Remark, ...]:
        """What there is to know about these tables."""
        return read_remarks(self._channel, tables)

    def quote(self, name: str) -> str:
        """Quote an identifier."""
        return quote_mysql(name)

    def condition(self, columns: Sequence[str], keys: Sequence[Key]) -> str:
        """Return the SQL that holds for the rows whose columns have one of these values, as collations compare them."""
        return condition(columns, keys)

    def literal(self, text: str | None) -> str:
        """Return the literal of a text."""
        return NULL if text is None else text_literal(text.encode(errors="surrogatepass"))

    def insert_head(self, table: TargetTable, into: str | None = None) -> str:
        """Return an INSERT statement up to and with VALUES, for all `stored` columns of a table."""
        columns = ", ".join(map(quote_mysql, table.stored))
        return STATEMENTS["insert_head"].format(table=into or table.sql, columns=columns)

    def rows(
        self, table: TargetTable, columns: Sequence[str], where: str = "true", *, lock: bool = False
    ) -> Iterator[StoredRow]:
        """Yield the rows in the order of the key; they have no version. Locked rows are the newest committed ones."""
        of = {column.name: column for column in table.columns}
        makers = [literal_of(of[name]) for name in columns]
        order = f" order by {', '.join(map(quote_mysql, table.key))}" if table.key else ""
        statement = STATEMENTS["rows"].format(
            columns=", ".join(as_bytes(of[name]) for name in columns),
            table=table.sql,
            where=where,
            order=order,
            lock=" for update nowait" if lock else "",
        )
        for row in self._of(table.sql).stream(statement):
            yield StoredRow(tuple(make(value) for make, value in zip(makers, row, strict=True)))

    def links(
        self, child: TargetTable, parent: TargetTable, where: str, compared: Sequence[tuple[str, str]]
    ) -> Iterator[tuple[Key, Key]]:
        """Yield the keys of child and parent for each row that refers to another; while writing, of the newest ones.

        A cascade reaches rows that were committed after the transaction began, which a plain read does not show.
        """
        keys = [
            [column for name in table.key for column in table.columns if column.name == name]
            for table in (child, parent)
        ]
        makers = [literal_of(column) for side in keys for column in side]
        statement = joined(
            child.sql, parent.sql, where, (list(map(as_bytes, keys[0])), list(map(as_bytes, keys[1]))), compared
        )
        channel = self._of(child.sql)
        for row in channel.stream(statement + self._lock_of_newest(channel)):
            literals = tuple(make(value) for make, value in zip(makers, row, strict=True))
            yield literals[: len(child.key)], literals[len(child.key) :]

    def content(self, table: TargetTable, where: str = "true") -> Content:
        """Return number and digest of the rows, over all columns."""
        parts = ", ".join(map(as_digest_part, table.columns))
        statement = STATEMENTS["content"].format(columns=parts, table=table.sql, where=where)
        rows, digest, digested = map(int, self._of(table.sql).ask(statement)[0])
        if rows != digested:
            raise WriteError("a row is too long for the server to digest it: max_allowed_packet is too small")
        return Content(rows, digest)

    def count(self, table: TargetTable, where: str = "true") -> int:
        """Return the number of rows; with a condition and while writing, of the newest ones, which it then locks."""
        channel = self._of(table.sql)
        lock = self._lock_of_newest(channel) if where != "true" else ""
        return int(channel.ask(STATEMENTS["count"].format(table=table.sql, where=where, lock=lock))[0][0])

    def _lock_of_newest(self, channel: MysqlChannel) -> str:
        """The end of a statement that reads the newest rows, and keeps them as they are; while reading: none."""
        return SHARED_LOCK[self._is_mariadb] if self._is_writing and channel is self._channel else ""

    def seconds_to_look_up(self, reference: Reference, value: Key) -> float:
        """Measure how long the server takes to find the rows that refer to one parent."""
        where = condition(reference.columns, [value])
        statement = STATEMENTS["count"].format(table=reference.table, where=where, lock="")
        begun = monotonic()
        self._channel.ask(statement)
        return monotonic() - begun

    def missing_rights(self, needs: Mapping[str, Sequence[str]]) -> list[str]:
        """Return the rights that the user lacks, as the statements that grant them."""
        with closing(MysqlChannel(self._url, self._timeout_s, autocommit=True)) as channel:
            return read_missing_rights(channel, needs)

    def other_writers(self, tables: Sequence[TargetTable]) -> list[str]:
        """Return the other sessions that are writing to these tables, as far as the server shows them."""
        return read_writers(self._channel, self._view, tables)

    def execute(self, statement: str) -> int:
        """Send one statement, of those that leave the transaction open; returns the number of rows that it affected."""
        if not WRITING.match(statement):
            raise WriteError("only rows are written: another kind of statement would end the transaction")
        return self._of(statement).send(statement)

    def _of(self, text: str) -> MysqlChannel:
        """The connection for a statement or a table: temporary tables have their own."""
        if self._scratch is not None and self._scratch.is_named_in(text):
            return self._scratch.channel
        self._require_success()
        return self._channel

    def scratch_table(self, table: TargetTable) -> TargetTable:
        """Create an empty temporary table with the columns of another, without its foreign keys and triggers."""
        if self._scratch is None:
            self._scratch = MysqlScratch(self._url, self._timeout_s)
        return self._scratch.create(table)

    def transaction_id(self) -> str | None:
        """None: the server tells nobody what became of a transaction."""
        return None

    def status_of(self, transaction_id: str) -> str | None:  # noqa: ARG002 - as of every kind
        """None: unknown."""
        return None
