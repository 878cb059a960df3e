"""The application's database: SQLite or PostgreSQL, read from its catalogue, written in one transaction."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

from exports import ImportFailedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

SCHEMA = Path(__file__).with_name("target.sql")
TABLES = {"members": "Member", "events": "Event", "registrations": "EventRegistration"}
BATCH = 500
STAMP = "%Y-%m-%dT%H:%M:%S.%f"


class Target:
    """A connection in one transaction.

    Args:
        connection: A connection of sqlite3 or psycopg.
        mark: How a parameter is written.
    """

    def __init__(self, connection: Any, mark: str) -> None:
        self._connection, self._mark = connection, mark
        self._columns: dict[str, list[str]] = {}

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query, whose parameters are written as ?."""
        cursor = self._connection.cursor()
        cursor.execute(sql.replace("?", self._mark), values)
        return [tuple(row) for row in cursor.fetchall()]

    def columns(self, table: str) -> list[str]:
        """Return the names of a table's columns; none: there is no such table."""
        if table not in self._columns:
            if self._mark == "?":
                sql = "select name from pragma_table_info(?)"
            else:
                sql = (
                    "select column_name from information_schema.columns where table_name = ? order by ordinal_position"
                )
            self._columns[table] = [name for (name,) in self.rows(sql, [table])]
        return self._columns[table]

    def insert(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows that have the same columns; columns that the table lacks are left out."""
        for names, group in _by_columns(rows, self.columns(table)):
            marks = ", ".join([self._mark] * len(names))
            sql = f'insert into "{table}" ({_quoted(names)}) values ({marks})'  # noqa: S608 - names of the catalogue
            self._many(sql, [[row[name] for name in names] for row in group])

    def update(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Update rows by their id."""
        for names, group in _by_columns(rows, self.columns(table)):
            changed = [name for name in names if name != "id"]
            pairs = ", ".join(f'"{name}" = {self._mark}' for name in changed)
            sql = f'update "{table}" set {pairs} where id = {self._mark}'  # noqa: S608 - names of the catalogue
            self._many(sql, [[row[name] for name in (*changed, "id")] for row in group])

    def run(self, sql: str, values: Sequence[object] = ()) -> None:
        """Run a statement, whose parameters are written as ?."""
        self._connection.cursor().execute(sql.replace("?", self._mark), values)

    def _many(self, sql: str, rows: list[list[Any]]) -> None:
        for start in range(0, len(rows), BATCH):
            self._connection.cursor().executemany(sql, rows[start : start + BATCH])


@contextmanager
def opened(name: str | None, *, writes: bool) -> Iterator[Target]:
    """Open the database in one transaction, which is committed at the end, or rolled back where anything fails.

    Args:
        name: A file of SQLite, an environment variable that holds a URL, or a URL; None: DATABASE_URL.
        writes: Whether anything may be written; if not, the database itself refuses it.

    Raises:
        ImportFailedError: It cannot be opened.
    """
    place = os.environ.get(name or "DATABASE_URL", name or "")
    if not place:
        raise ImportFailedError("expected a database (--database, or DATABASE_URL), found none")
    if place.startswith(("postgresql://", "postgres://")):
        connection, mark = _postgresql(place, writes=writes), "%s"
    else:
        connection, mark = _sqlite(place.removeprefix("sqlite:///"), writes=writes), "?"
    try:
        yield Target(connection, mark)
        if writes:
            connection.commit()
        else:
            connection.rollback()
    except BaseException:
        connection.rollback()
        raise
    finally:
        connection.close()


def _sqlite(place: str, *, writes: bool) -> Any:
    if not Path(place).is_file():
        raise ImportFailedError(
            f"{place}: expected the application's database, found no file (--create-tables makes one)"
        )
    connection = sqlite3.connect(f"file:{quote(place)}?mode={'rw' if writes else 'ro'}", uri=True, isolation_level=None)
    connection.execute("pragma foreign_keys = on")
    connection.execute("begin immediate" if writes else "begin")
    return connection


def _postgresql(url: str, *, writes: bool) -> Any:
    import psycopg  # noqa: PLC0415 - SQLite needs no driver

    try:
        connection = psycopg.connect(url)
    except psycopg.OperationalError as error:
        raise ImportFailedError(
            f"expected a database that can be reached, found: {str(error).splitlines()[0]}"
        ) from error
    connection.read_only = not writes
    return connection


def create_tables(name: str | None) -> None:
    """Create a SQLite database with the application's tables, its statuses and its tiers; an existing file stays.

    Raises:
        ImportFailedError: The file exists, or none is named.
    """
    place = os.environ.get(name or "DATABASE_URL", name or "").removeprefix("sqlite:///")
    if not place or "://" in place:
        raise ImportFailedError(f"--create-tables: expected a file of SQLite, found {'a server' if place else 'none'}")
    if Path(place).exists():
        raise ImportFailedError(f"{place}: expected no file, found one")
    connection = sqlite3.connect(place)
    connection.executescript(SCHEMA.read_text(encoding="utf-8"))
    connection.commit()
    connection.close()


def now() -> str:
    """Return the present instant as the application stores it."""
    return stored_time(datetime.now(UTC).isoformat())


def stored_time(iso: str) -> str:
    """Return an instant as the application stores it: UTC, milliseconds."""
    return datetime.fromisoformat(iso).astimezone(UTC).strftime(STAMP)[:-3]


def audit_row(run_id: str, counts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row by which the application knows of the run."""
    return {
        "id": str(uuid4()),
        "action": "CREATE",
        "resourceType": "MigrationRun",
        "resourceId": str(uuid4()),
        "metadata": json.dumps({"syncRunId": run_id, **counts}),
        "createdAt": now(),
    }


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _by_columns(
    rows: Sequence[Mapping[str, Any]], known: Sequence[str]
) -> Iterator[tuple[list[str], list[Mapping[str, Any]]]]:
    """The rows in groups of the same columns, of which those that the table lacks are left out."""
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(name for name in row if name in known), []).append(row)
    yield from ((list(names), group) for names, group in groups.items())
