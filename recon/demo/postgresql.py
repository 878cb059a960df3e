"""The generated club in PostgreSQL: schema, rows and faults in one transaction, in an empty database only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from recon.database.postgresql import conninfo
from recon.database.postgresql_refusal import refusal
from recon.errors import DatabaseError
from recon.sql import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from recon.database import DatabaseUrl
    from recon.demo.club import Club
    from recon.demo.fault import Fault

SCHEMA = Path(__file__).with_name("postgresql.sql")
COPY = "copy {table} ({columns}) from stdin"
DROP_CONSTRAINT = "alter table {table} drop constraint {constraint}"
CREATE_SCHEMA = "create schema if not exists {schema}"
ENTER_SCHEMA = "set local search_path to {schema}"
# Tables and views created by users, in any schema.
TABLES = """
select n.nspname || '.' || c.relname
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f')
  and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
order by 1"""
SHOWN_TABLES = 5


def write_postgresql(url: DatabaseUrl, club: Club, faults: Sequence[Fault], finish: Callable[[], None]) -> None:
    """Write the club into the empty database at `url`, completely or not at all.

    Args:
        url: The URL of a PostgreSQL database; the schema that it names is created if missing.
        club: The club to write.
        faults: Planted in this order; the constraints that would reject them are dropped.
        finish: Called before the transaction ends; if it raises, everything is rolled back.

    Raises:
        DatabaseError: The database cannot be reached, is not empty, or refuses the statements.
    """
    try:
        connection = psycopg.connect(conninfo(url))
    except psycopg.Error as error:
        raise refusal(url, str(error)) from None
    try:
        with connection:
            _require_empty(connection, url)
            _enter_schema(connection, url.schema)
            connection.execute(SCHEMA.read_bytes())
            _copy_tables(connection, club.tables)
            _plant(connection, faults)
            finish()
    except psycopg.Error as error:
        raise DatabaseError(
            "The demo cannot be written",
            where=url.label,
            found=url.redact(" ".join(str(error).split())),
            next_step="Nothing was written; use an empty database that this user may create tables in",
        ) from None


def _require_empty(connection: psycopg.Connection, url: DatabaseUrl) -> None:
    tables = [name for (name,) in connection.execute(TABLES).fetchall()]
    if tables:
        shown = ", ".join(tables[:SHOWN_TABLES]) + (", …" if len(tables) > SHOWN_TABLES else "")
        raise DatabaseError(
            "The demo is only written into an empty database",
            where=url.label,
            expected="no table in any schema",
            found=f"{len(tables)}: {shown}",
            next_step="Create a database for it (createdb recon_demo) and name that one; nothing was changed",
        )


def _enter_schema(connection: psycopg.Connection, schema: str | None) -> None:
    if schema is not None:
        connection.execute(CREATE_SCHEMA.format(schema=quote(schema)).encode())
        connection.execute(ENTER_SCHEMA.format(schema=quote(schema)).encode())


def _copy_tables(connection: psycopg.Connection, tables: Mapping[str, Sequence[Mapping[str, object]]]) -> None:
    for table, rows in tables.items():
        if rows:
            names = list(rows[0])
            statement = COPY.format(table=quote(table), columns=", ".join(map(quote, names)))
            with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
                for row in rows:
                    copy.write_row([row[name] for name in names])


def _plant(connection: psycopg.Connection, faults: Iterable[Fault]) -> None:
    for fault in faults:
        for table, constraint in fault.breaks:
            statement = DROP_CONSTRAINT.format(table=quote(table), constraint=quote(constraint))
            connection.execute(statement.encode())
        for sql in fault.sql:
            connection.execute(sql.encode())
