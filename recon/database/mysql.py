"""MySQL and MariaDB: PyMySQL connects and reads the catalogue, connectorx reads all tables in one statement."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from secrets import token_hex
from time import sleep
from typing import TYPE_CHECKING, Any

import pymysql

from recon.database.corruption import is_mysql_corrupted
from recon.database.mysql_connection import (
    NOT_ENCRYPTED,
    address,
    encryption,
    one_line,
    probe,
    reading_advice,
    refusal,
    server_words,
)
from recon.database.mysql_statement import Statement, render_mysql
from recon.database.server_stream import TIMEOUT, ServerStream
from recon.database.source import Catalogue, FoldedCatalogue, Query, ReadError
from recon.database.surroundings import Surroundings, TableRights

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl
    import pyarrow as pa
    from pymysql.cursors import Cursor

    from recon.database.address import DatabaseUrl

# connectorx retries for 30 s to connect, which the probe has just done: a wait longer than this counts as a refusal.
CONNECT_LIMIT_S = 8.0
VERSION = "select version(), @@version_comment, @@lower_case_table_names"
COLUMNS = """
select t.table_name, c.column_name, c.data_type, c.column_type, coalesce(t.engine, 'view')
from information_schema.tables t
left join information_schema.columns c on c.table_schema = t.table_schema and c.table_name = t.table_name
where t.table_schema = database() order by t.table_name, c.ordinal_position"""
SCHEMAS_WITH = "select table_schema from information_schema.tables where table_name = %s order by 1"
RUNNING = "select id from information_schema.processlist where info like %s and id <> connection_id()"
LAST_LOOKS, LAST_LOOKS_S = 3, 0.1
# Engines that read one instant per statement; the server does not report the tables behind a view.
SNAPSHOT_ENGINES = frozenset(("InnoDB", "ROCKSDB"))
SETTINGS = (
    "set session transaction isolation level repeatable read",
    "set time_zone = '+00:00'",
    "set names utf8mb4",
    "start transaction with consistent snapshot, read only",
)
SURROUNDINGS = """
select current_user(), unix_timestamp(now(6)),
       if(@@global.time_zone = 'SYSTEM', @@system_time_zone, @@global.time_zone), @@global.read_only,
       (select cast(sum(data_length + index_length) as unsigned) from information_schema.tables
        where table_schema = database())"""
# What is granted to the account itself: by table, or null for all of them. Rights of roles are not included.
GRANTED = """
select null, privilege_type from information_schema.user_privileges where grantee = %s
union all select null, privilege_type from information_schema.schema_privileges
where grantee = %s and database() like table_schema
union all select table_name, privilege_type from information_schema.table_privileges
where grantee = %s and table_schema = database()"""
TABLES = "select table_name from information_schema.tables where table_schema = database() order by 1"
ALL = ("SELECT", "INSERT", "UPDATE", "DELETE")
CONSISTENT = "consistent: one statement in one REPEATABLE READ READ ONLY transaction reads all tables"


def connect(url: DatabaseUrl, timeout_s: float | None = None) -> MysqlSource:
    """Connect to the server once, so that a refusal is reported clearly; no rows are read yet.

    Raises:
        DatabaseError: The server refuses the connection.
    """
    try:
        return MysqlSource(url, timeout_s)
    except (pymysql.Error, OSError, RuntimeError, ValueError) as error:
        raise refusal(url, error) from None


class MysqlSource:
    """A MySQL or MariaDB database; the queries given to `prepare` are read as one statement."""

    typed = False

    def __init__(self, url: DatabaseUrl, timeout_s: float | None) -> None:
        self._url, self.limit_s = url, timeout_s
        self._token = token_hex(8)
        self._engines: dict[str, str] = {}
        self._types: dict[str, dict[str, str]] = {}
        self._announced: list[Query] = []
        self._refused: dict[Query, ReadError] = {}
        self._statement: Statement | None = None
        self._doubts: list[str] = []
        self._probe = probe(url, timeout_s)
        limit_s = CONNECT_LIMIT_S if timeout_s is None else 0.9 * timeout_s
        self.encryption = encryption(self._probe)
        reached = address(url, is_encrypted=self.encryption != NOT_ENCRYPTED)
        self._stream = ServerStream(reached, limit_s, self.cancel)
        version, comment, lower_case = self._ask(VERSION)[0]
        self._folds_tables = int(lower_case) > 0
        kind = "MariaDB" if "mariadb" in f"{version}{comment}".lower() else "MySQL"
        self.label = f"{kind} {version.partition('-')[0]} through connectorx, {url.label}"

    @property
    def consistent(self) -> bool:
        """Whether all tables that were read show the same instant."""
        return not self._doubts

    @property
    def guarantee(self) -> str:
        """The consistency in one sentence, with the reason when the tables may show several instants."""
        return f"not consistent: {'; '.join(dict.fromkeys(self._doubts))}" if self._doubts else CONSISTENT

    def catalogue(self) -> Catalogue:
        """Return tables and views; values are transferred as text, so every column counts as text."""
        for table, column, kind, full, engine in self._ask(COLUMNS):
            self._engines[table] = engine
            columns = self._types.setdefault(table, {})
            # A view that cannot be opened has no columns.
            if column is not None:
                columns[column] = full if kind == "binary" else kind
        found = {table: dict.fromkeys(columns, "text") for table, columns in self._types.items()}
        return FoldedCatalogue(found, folds_tables=self._folds_tables)

    def surroundings(self) -> Surroundings:
        """Return what the server says about itself and about the account that is connected."""
        user, clock, zone, is_read_only, size = self._ask(SURROUNDINGS)[0]
        name, _, host = str(user).rpartition("@")
        grantee = f"'{name}'@'{host}'"
        granted = {(table, str(right).upper()) for table, right in self._ask(GRANTED, grantee, grantee, grantee)}
        rights = (
            TableRights(table, *((None, right) in granted or (table, right) in granted for right in ALL))
            for (table,) in self._ask(TABLES)
        )
        return Surroundings(
            user=str(user),
            is_superuser=(None, "SUPER") in granted,
            size_bytes=None if size is None else int(size),
            clock=datetime.fromtimestamp(float(clock), UTC),
            time_zone=str(zone),
            is_writable=str(is_read_only) in {"0", "OFF"},
            rights=tuple(rights),
        )

    def missing_hint(self, table: str) -> str | None:
        """Return a hint that names the databases that have a table of that name."""
        names = [str(name) for (name,) in self._ask(SCHEMAS_WITH, table)]
        return f"It is in database {', '.join(names)}: name that in the URL" if names else None

    def refusal_hint(self, reason: str) -> str:
        """Return what to do about a reason of which only the words are known."""
        return reading_advice(reason)

    def prepare(self, queries: Sequence[Query]) -> None:
        """Remember the reads to come, so that one statement can read them all."""
        self._announced = list(queries)

    def read(self, query: Query) -> Iterator[pl.DataFrame]:
        """Yield the rows of `query` in batches, every column as text.

        Raises:
            ReadError: The server refused.
        """
        statement = self._statement
        if statement is None or (query not in statement and query not in self._refused):
            statement = self._statement = self._begin(query)
        if query in self._refused:
            raise self._refused[query]
        sent = 0
        try:
            for frame in statement.rows(query):
                sent += frame.height
                yield frame
        except ReadError as error:
            # A read that took too long is being cancelled on the server; the cancellation could hit a new read too.
            if sent or not statement.is_shared or str(error).startswith(TIMEOUT):
                words = server_words(self._url.redact(str(error)))
                raise _refused(words) from None
            # Another table of the statement may be the cause: read each one by itself.
            self._announced = []
            yield from self.read(query)

    def cancel(self) -> None:
        """End the running statement on the server, from another connection, and then the reader process."""
        try:
            with closing(probe(self._url, self.limit_s)) as other, other.cursor() as cursor:
                if not self._end_running(cursor):
                    # A statement that is already on its way still arrives, although nothing waits for its rows.
                    self._stream.close()
                    for _ in range(LAST_LOOKS):
                        sleep(LAST_LOOKS_S)
                        self._end_running(cursor)
        finally:
            self._stream.close()

    def _end_running(self, cursor: Cursor) -> int:
        """End the statements of this source that run on the server, and return their number."""
        cursor.execute(RUNNING, (f"%{self._token}%",))
        numbers = [number for (number,) in cursor.fetchall()]
        for number in numbers:
            cursor.execute("kill query %s", (number,))
        return len(numbers)

    def close(self) -> None:
        """End the reader process and the probe connection."""
        self._stream.close()
        self._probe.close()

    def _begin(self, query: Query) -> Statement:
        """Start the statement that reads `query` and all prepared queries after it."""
        if self._statement is not None:
            self._doubts.append("one statement did not read all tables")
        at = self._announced.index(query) if query in self._announced else None
        coming = [query] if at is None else self._announced[at:]
        sqls = {each: self._render(each) for each in coming}
        self._refused = {each: words for each, sql in sqls.items() if (words := self._refusal(sql))}
        readable = {each: sql for each, sql in sqls.items() if each not in self._refused}
        self._doubts.extend(filter(None, (self._doubt(each.table) for each in readable)))
        return Statement(readable, self._send)

    def _render(self, query: Query) -> str:
        return render_mysql(query, self._types.get(query.table, {}))

    def _refusal(self, sql: str) -> ReadError | None:
        """Test the query without reading a row; return the error if the server rejects the query."""
        try:
            self._ask(f"{sql} limit 0")
        except pymysql.Error as error:
            words = one_line(self._url.redact(str(error.args[-1])))
            return _refused(words, error.args[0] if len(error.args) > 1 else 0)
        return None

    def _doubt(self, table: str) -> str | None:
        """Return why a table may show another instant than the others; None if it does not."""
        engine = self._engines.get(table, "unknown")
        if engine in SNAPSHOT_ENGINES:
            return None
        if engine == "view":
            return f"{table!r} is a view, and the server does not say what is behind it"
        return f"{table!r} is kept by {engine}, which knows no snapshots"

    def _send(self, sql: str) -> Iterator[pa.RecordBatch]:
        return self._stream.batches(f"/* recon {self._token} */ {sql}", SETTINGS)

    def _ask(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        with self._probe.cursor() as cursor:
            cursor.execute(sql, values or None)
            return list(cursor.fetchall())


def _refused(words: str, number: int | None = None) -> ReadError:
    """The error for a table that the server does not let be read; `number`: None: the one in the message."""
    return ReadError(words, reading_advice(words, number), is_corruption=is_mysql_corrupted(words, number))
