"""The parts common to all PostgreSQL drivers: the start of the transaction, the catalogue, types and hints."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from recon.database.corruption import is_postgresql_corrupted
from recon.database.json_texts import grouped, texts_sql
from recon.database.postgresql_errors import kind_of, lost_advice, reading_advice, server_words
from recon.database.rendering import render
from recon.database.source import ReadError
from recon.database.surroundings import Surroundings, TableRights, Unvalidated
from recon.errors import DatabaseError
from recon.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import polars as pl

    from recon.database.address import DatabaseUrl
    from recon.database.rendering import Dialect
    from recon.database.source import Catalogue, Query

LOCK_TIMEOUT_S = 5.0
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Infinity, and years that not every part of recon can represent, become the ends of the calendar. The bounds have the
# type of the column, because a date may be too far away for a timestamp.
BOUNDED = """
case when {value} > '262142-12-31 00:00:00+00' then timestamp '9999-12-31 23:59:59.999'
     when {value} < '4714-12-31 00:00:00+00 BC' then timestamp '0001-01-01' else {instant} end"""
CASTS = {
    "uuid": "({value})::uuid",
    "integer": "({value})::bigint",
    "boolean": "({value})::boolean",
    "timestamp": BOUNDED.format(value="({value})", instant="({value})::timestamp"),
    "timestamptz": BOUNDED.format(value="({value})", instant="(({value}) at time zone 'UTC')"),
    "text": "({value})::text",
    "json": "(({value}) ->> {key})",
}
# PostgreSQL cannot write the character 0 or half a surrogate pair as text: their escapes are replaced beforehand.
JSON_OF_ESCAPES = r"""
case when strpos(({value})::text, {key}) > 0
     then regexp_replace(({value})::text, '(?<!\\)((?:\\\\)*)\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{{2}})',
                         '\1?', 'g')::json ->> {key} end"""
ROWS = 'count(*)::bigint as "rows"'
BEGIN = "begin isolation level repeatable read read only"
SETTINGS = (
    # A role or a database may set others, in which a value as text, or an instant, would be another.
    "set local datestyle = 'ISO, YMD'",
    "set local timezone = 'UTC'",
    "set local bytea_output = 'hex'",
    "set local extra_float_digits = 1",
    # Row security would silently hide rows; with it off, a query that it would filter is an error.
    "set local row_security = off",
    "set local lock_timeout = {lock_timeout_ms}",
    # A connection that only holds the snapshot for others is idle in its transaction.
    "set local idle_in_transaction_session_timeout = 0",
)
ISOLATION = """
select current_setting('transaction_isolation')::text as isolation,
       current_setting('transaction_read_only')::text as read_only,
       current_schema()::text as schema,
       current_setting('server_encoding')::text as encoding,
       current_setting('server_version')::text as version"""
COLUMNS = """
with recursive base as (
  select t.oid, t.oid as base from pg_catalog.pg_type t where t.typtype <> 'd'
  union all
  select d.oid, b.base from pg_catalog.pg_type d join base b on b.oid = d.typbasetype where d.typtype = 'd')
select c.relname::text as table_name, a.attname::text as column_name, t.typname::text as type_name
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join base b on b.oid = a.atttypid
join pg_catalog.pg_type t on t.oid = b.base
where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname = {schema}
order by c.relname, a.attnum"""
SCHEMAS_WITH = """
select n.nspname::text as schema from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relname = {table} order by 1"""
SURROUNDINGS = """
select current_user::text as name, r.rolsuper::text as is_superuser,
       pg_catalog.pg_database_size(current_database())::bigint as size_bytes,
       (extract(epoch from pg_catalog.clock_timestamp()) * 1000000)::bigint as clock_us,
       (select s.reset_val from pg_catalog.pg_settings s where s.name = 'TimeZone')::text as time_zone,
       pg_catalog.pg_is_in_recovery()::text as is_standby
from pg_catalog.pg_roles r where r.rolname = current_user"""
# A role that may read some columns can read what rules require of them.
RIGHTS = """
select c.relname::text as table_name,
       pg_catalog.has_any_column_privilege(c.oid, 'SELECT')::text as reads,
       pg_catalog.has_any_column_privilege(c.oid, 'INSERT')::text as inserts,
       pg_catalog.has_any_column_privilege(c.oid, 'UPDATE')::text as updates,
       pg_catalog.has_table_privilege(c.oid, 'DELETE')::text as deletes
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname = {schema} order by 1"""
UNVALIDATED = """
select c.relname::text as table_name, k.conname::text as name, pg_catalog.pg_get_constraintdef(k.oid)::text as words
from pg_catalog.pg_constraint k join pg_catalog.pg_class c on c.oid = k.conrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where not k.convalidated and n.nspname = {schema} order by 1, 2"""
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


def refused(words: str, sqlstate: str | None) -> ReadError:
    """The error for a table that the server does not let be read.

    Args:
        words: The driver's message, without secrets.
        sqlstate: The SQLSTATE; None: the driver gives none.
    """
    said = server_words(words)
    is_corrupted = is_postgresql_corrupted(said, kind_of(words, sqlstate))
    return ReadError(said, reading_advice(words, sqlstate), is_corruption=is_corrupted)


class PostgresqlSource(ABC):
    """A PostgreSQL database inside one transaction, whichever driver reads it.

    Attributes:
        driver: The driver's name, as shown in the label.
        encryption: Whether the connection is encrypted, in a few words.
    """

    typed = True
    consistent = True
    encryption = "unknown"
    guarantee: str
    driver: str
    label: str

    def __init__(self, url: DatabaseUrl, timeout_s: float | None) -> None:
        self._url, self.limit_s = url, timeout_s
        # The lock timeout is shorter than recon's own limit, because the server's message explains more.
        lock_timeout_s = LOCK_TIMEOUT_S if timeout_s is None else 0.8 * timeout_s
        self._lock_timeout_ms = int(lock_timeout_s * 1000)
        self._kinds: dict[str, dict[str, str]] = {}
        self._settings = [sql.format(lock_timeout_ms=self._lock_timeout_ms) for sql in SETTINGS]

    @abstractmethod
    def read(self, query: Query) -> Iterator[pl.DataFrame]:
        """Yield the rows of `query` in batches."""

    @abstractmethod
    def cancel(self) -> None:
        """Cancel the running query on the server."""

    @abstractmethod
    def close(self) -> None:
        """End the transaction and its connections."""

    @abstractmethod
    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return all rows of a catalogue query, on the transaction's connection."""

    def prepare(self, queries: Sequence[Query]) -> None:  # noqa: B027 - there is nothing to do, for any driver
        """Do nothing: the transaction already has its snapshot."""

    def catalogue(self) -> Catalogue:
        """Return tables and views of the schema, including those that this user may not read."""
        found: Catalogue = {}
        for table, column, kind in self._rows(COLUMNS.format(schema=literal(self._schema))):
            found.setdefault(table, {})[column] = TYPES.get(kind, "text")
            self._kinds.setdefault(table, {})[column] = kind
        return found

    def _answer(
        self, query: Query, dialect: Dialect, send: Callable[[str], Iterator[pl.DataFrame]]
    ) -> Iterator[pl.DataFrame]:
        """Yield the rows of `query`, whose SQL `send` executes; one bad JSON text does not keep the others back."""
        table, key = quote(self._schema, query.table), query.columns[0]
        kind = self._kinds.get(query.table, {}).get(key.source_name, "jsonb")
        if key.json_keys and kind not in ("json", "jsonb"):
            yield grouped(query, send(texts_sql(query, table, dialect)))
            return
        json = JSON_OF_ESCAPES if kind == "json" else dialect.casts["json"]
        yield from send(render(query, table, replace(dialect, casts={**dialect.casts, "json": json})))

    def surroundings(self) -> Surroundings:
        """Return what the server says about itself and about the role that is connected."""
        schema = literal(self._schema)
        user, is_superuser, size, clock_us, zone, is_standby = self._rows(SURROUNDINGS)[0]
        rights = self._rows(RIGHTS.format(schema=schema))
        return Surroundings(
            user=user,
            is_superuser=is_superuser == "true",
            size_bytes=size,
            clock=EPOCH + timedelta(microseconds=clock_us),
            time_zone=zone,
            is_writable=is_standby == "false",
            rights=tuple(TableRights(table, *(right == "true" for right in each)) for table, *each in rights),
            unvalidated=tuple(Unvalidated(*row) for row in self._rows(UNVALIDATED.format(schema=schema))),
        )

    def missing_hint(self, table: str) -> str | None:
        """Return a hint that names the schemas that have a table of that name."""
        schemas = [schema for (schema,) in self._rows(SCHEMAS_WITH.format(table=literal(table)))]
        if not schemas:
            return None
        return f"It is in schema {', '.join(schemas)}: add ?schema={schemas[0]} to the URL"

    def refusal_hint(self, reason: str) -> str:
        """Return what to do about a reason whose class is unknown."""
        return reading_advice(reason)

    def _lost(self, error: Exception) -> DatabaseError:
        """Return the error for a connection that was lost while it was read, with what ended it."""
        words = self._url.redact(str(error))
        return DatabaseError(
            "The server closed the connection while it was read",
            where=self._url.label,
            found=server_words(words).rstrip(". "),
            next_step=lost_advice(words, getattr(error, "sqlstate", None)),
        )

    def _begin(self) -> None:
        """Check the transaction that was begun, and set schema and label.

        Raises:
            DatabaseError: It is not the requested kind of transaction.
        """
        isolation, read_only, schema, self._encoding, version = self._rows(ISOLATION)[0]
        self._require_snapshot(isolation, read_only)
        self._schema = self._url.schema or schema or "public"
        place = f"{self._url.label}, schema {self._schema!r}"
        self.label = f"PostgreSQL {version.split()[0]} through {self.driver}, {place}"

    def _require_snapshot(self, isolation: str, read_only: str) -> None:
        if (isolation, read_only) != ("repeatable read", "on"):
            raise DatabaseError(
                "The server did not grant one consistent read-only transaction",
                where=self._url.label,
                expected="repeatable read, read only",
                found=f"{isolation}, read only {read_only}",
                next_step="Connect to the server itself rather than through a statement-pooling proxy",
            )
