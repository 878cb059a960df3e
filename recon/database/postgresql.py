"""PostgreSQL through ADBC: one connection, one read-only REPEATABLE READ transaction for every read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import adbc_driver_manager as adbc
import adbc_driver_postgresql
import polars as pl
import psycopg
import pyarrow as pa
from psycopg.conninfo import make_conninfo

from recon.database import Catalogue, Query, ReadError, render
from recon.errors import DatabaseError
from recon.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.database.url import DatabaseUrl

CONNECT_TIMEOUT_S = 5
LOCK_TIMEOUT_S = 5
BATCH_BYTES = 8 * 2**20
# PostgreSQL's infinity and years that no client holds become the nearest representable instants.
CLAMPED = "greatest(least({value}, timestamp '9999-12-31 23:59:59.999'), timestamp '0001-01-01')"
CASTS = {
    "uuid": "({value})::uuid",
    "integer": "({value})::bigint",
    "boolean": "({value})::boolean",
    "timestamp": CLAMPED.format(value="({value})::timestamp"),
    "timestamptz": CLAMPED.format(value="(({value}) at time zone 'UTC')"),
    "text": "({value})::text",
    "json": "(({value})::jsonb ->> {key})",
}
ROWS = 'count(*)::bigint as "rows"'
BEGIN = (
    "begin isolation level repeatable read read only",
    # Row security would hide rows silently; off, a query that it would filter is an error.
    "set local row_security = off",
    f"set local lock_timeout = '{LOCK_TIMEOUT_S}s'",
)
ISOLATION = """
select current_setting('transaction_isolation')::text as isolation,
       current_setting('transaction_read_only')::text as read_only,
       current_schema()::text as schema,
       current_setting('server_encoding')::text as encoding,
       current_setting('server_version')::text as version"""
COLUMNS = """
select c.relname::text as table_name, a.attname::text as column_name,
       case when t.typtype = 'd' then b.typname else t.typname end::text as type_name
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_catalog.pg_type t on t.oid = a.atttypid
left join pg_catalog.pg_type b on b.oid = t.typbasetype
where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname = {schema}
order by c.relname, a.attnum"""
SCHEMAS_WITH = """
select n.nspname::text as schema from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relname = {table} order by 1"""
TYPES = {
    "uuid": "uuid",
    "int2": "integer",
    "int4": "integer",
    "int8": "integer",
    "timestamp": "timestamp",
    "date": "timestamp",
    "timestamptz": "timestamptz",
    "bool": "boolean",
    "json": "json",
    "jsonb": "json",
}
HINTS = {
    "permission denied for database": "Ask the DBA to grant this user CONNECT on it",
    "password authentication failed": "Check user and password in the URL; recon tried once and will not try again",
    "no password supplied": "The server wants a password: add it to the URL in the environment variable",
    "does not exist": "Check the names of the database and the user in the URL",
    "refused": "Check host and port, and that the server is running and reachable from here",
    "translate host name": "Check the host name in the URL",
    "resolve host": "Check the host name in the URL",
    "Name or service": "Check the host name in the URL",
    "timeout expired": "Check host, port and firewall: nothing answered in time",
    "SSL": "Check sslmode in the URL against what the server offers",
    "too many": "The server has no connection left: close others, or ask the DBA",
}


def connect(url: DatabaseUrl) -> PostgresqlSource:
    """Open one connection and its transaction; psycopg tries the address first, for a clean refusal.

    Raises:
        DatabaseError: The server refuses, or does not grant the transaction that was asked for.
    """
    address = conninfo(url)
    try:
        psycopg.connect(address).close()
    except psycopg.Error as error:
        raise refusal(url, str(error)) from None
    try:
        return PostgresqlSource(url, address)
    except (adbc.Error, pa.ArrowException, OSError) as error:
        raise refusal(url, str(error)) from None


class PostgresqlSource:
    """One ADBC connection inside one transaction."""

    typed = True
    consistent = True
    guarantee = "consistent: one REPEATABLE READ READ ONLY transaction on one connection for all tables"

    def __init__(self, url: DatabaseUrl, address: str) -> None:
        self._url = url
        self._encoded = True
        self._database = adbc.AdbcDatabase(driver=adbc_driver_postgresql._driver_path(), uri=address)  # noqa: SLF001
        self._connection = adbc.AdbcConnection(self._database)
        for sql in BEGIN:
            self._execute(sql)
        state = self._rows(ISOLATION).row(0, named=True)
        self._require_snapshot(state["isolation"], state["read_only"])
        self._encoded = state["encoding"] != "SQL_ASCII"
        self._schema = url.schema or state["schema"] or "public"
        self.label = f"PostgreSQL {state['version'].split()[0]}, {url.label}, schema {self._schema!r}"

    def catalogue(self) -> Catalogue:
        """Tables and views of the schema, also those that this user may not read."""
        found: Catalogue = {}
        for table, column, kind in self._rows(COLUMNS.format(schema=literal(self._schema))).iter_rows():
            found.setdefault(table, {})[column] = TYPES.get(kind, "text")
        return found

    def missing_hint(self, table: str) -> str | None:
        """The schemas that do have a table of that name."""
        schemas = self._rows(SCHEMAS_WITH.format(table=literal(table)))["schema"].to_list()
        if not schemas:
            return None
        return f"It lies in schema {', '.join(schemas)}: add ?schema={schemas[0]} to the URL"

    def refusal_hint(self, reason: str) -> str:
        """Wait for a lock; else ask for the right to read."""
        if "timeout" in reason:
            return "Another program holds it, or the server is slow: wait, then verify again"
        return "Ask the DBA to grant this user SELECT on it, past row security"

    def read(self, query: Query) -> Iterator[pl.DataFrame]:
        """The rows of `query` in batches of some megabytes.

        Raises:
            ReadError: The server refused; the transaction goes on.
        """
        table = quote(self._schema, query.table)
        self._transact("savepoint recon_read")
        try:
            yield from self._stream(render(query, table, ROWS, CASTS))
        except (adbc.Error, pa.ArrowException, OSError) as error:
            self._transact("rollback to savepoint recon_read")
            raise ReadError(_server_words(self._url.redact(str(error)))) from None
        self._transact("release savepoint recon_read")

    def close(self) -> None:
        """End the transaction and the connection."""
        self._connection.close()
        self._database.close()

    def _require_snapshot(self, isolation: str, read_only: str) -> None:
        if (isolation, read_only) != ("repeatable read", "on"):
            raise DatabaseError(
                "The server did not grant one consistent read-only transaction",
                where=self._url.label,
                expected="repeatable read, read only",
                found=f"{isolation}, read only {read_only}",
                next_step="Connect to the server itself rather than through a statement-pooling proxy",
            )

    def _transact(self, sql: str) -> None:
        """Execute what only fails when the connection is gone.

        Raises:
            DatabaseError: It is gone.
        """
        try:
            self._execute(sql)
        except adbc.Error as error:
            raise DatabaseError(
                "The server closed the connection while it was read",
                where=self._url.label,
                found=_one_line(self._url.redact(str(error))),
                next_step="Ask the DBA why, then verify again",
            ) from None

    def _execute(self, sql: str) -> None:
        with adbc.AdbcStatement(self._connection) as statement:
            statement.set_sql_query(sql)
            statement.execute_update()

    def _rows(self, sql: str) -> pl.DataFrame:
        return pl.concat(list(self._stream(sql)))

    def _stream(self, sql: str) -> Iterator[pl.DataFrame]:
        with adbc.AdbcStatement(self._connection) as statement:
            statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
            statement.set_sql_query(sql)
            handle, _ = statement.execute_query()
            reader = pa.RecordBatchReader._import_from_c(handle.address)  # noqa: SLF001 - ADBC's documented hand-over
            # The columns come even when no row does.
            yield pl.DataFrame(pl.from_arrow(pa.Table.from_batches([], schema=reader.schema)))
            for batch in reader:
                if not self._encoded:
                    # A server without an encoding sends any bytes as text; this finds what is not UTF-8.
                    batch.validate(full=True)
                yield pl.DataFrame(pl.from_arrow(batch))


def conninfo(url: DatabaseUrl) -> str:
    """What libpq is told: the parts of the URL, and a limit to waiting.

    Raises:
        DatabaseError: libpq does not take a part.
    """
    wanted = {
        "connect_timeout": str(CONNECT_TIMEOUT_S),
        "application_name": "recon",
        **url.parameters,
        "client_encoding": "UTF8",
    }
    parts = {"host": url.host, "dbname": url.name, "user": url.user, "password": url.password}
    present = {key: value for key, value in parts.items() if value}
    try:
        return make_conninfo(port=url.port, **wanted, **present)
    except psycopg.Error as error:
        raise refusal(url, str(error)) from None


def refusal(url: DatabaseUrl, message: str) -> DatabaseError:
    """The error of a server that does not let one in, from the driver's `message`."""
    reason = _one_line(message).partition("Multiple connection attempts")[0]
    reason = reason.removeprefix("connection failed: ")
    again = reason.find("connection to server", 1)
    reason = reason[:again] if again > 0 else reason
    return DatabaseError(
        "PostgreSQL cannot be reached",
        where=url.label,
        found=url.redact(reason).rstrip(". "),
        next_step=next((hint for part, hint in HINTS.items() if part in reason), "Check the URL"),
    )


def _server_words(message: str) -> str:
    """What the server said, without the driver's preface and our own query."""
    return _one_line(
        message.partition("Query was:")[0].rpartition("ERROR:")[2].partition("SQLSTATE")[0].partition("LINE ")[0]
    )


def _one_line(message: str) -> str:
    return " ".join(message.split())
