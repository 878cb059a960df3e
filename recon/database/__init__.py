"""A database behind a URL, read-only: what it has, and its rows as polars frames."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from recon.database.url import DatabaseUrl, parse_url, resolve_database
from recon.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import polars as pl

__all__ = [
    "Catalogue",
    "DatabaseUrl",
    "Query",
    "ReadError",
    "SelectColumn",
    "Source",
    "open_source",
    "parse_url",
    "resolve_database",
]

# A driver loads only when its kind of database is opened: each costs a tenth of a second or more.
SOURCES = {"postgresql": "recon.database.postgresql", "sqlite": "recon.database.sqlite"}

Catalogue = dict[str, dict[str, str]]
"""Table → column → type: "uuid", "integer", "timestamp", "timestamptz", "boolean", "json" or "text"."""


@dataclass(frozen=True)
class SelectColumn:
    """A column of a query: the application's name, the name it gets, and the type it is cast to.

    Attributes:
        transport: "uuid", "integer", "timestamp", "boolean" or "text": how it travels.
        json_keys: Keys to look for, in order, when the column holds a JSON object.
        latest: Take the greatest value of the group instead of the value itself.
    """

    source_name: str
    name: str
    transport: str = "text"
    json_keys: tuple[str, ...] = ()
    latest: bool = False


@dataclass(frozen=True)
class Query:
    """A read of one table; grouped, it gives a row for each value of the first column, and `rows`, their number.

    Attributes:
        only: A column and the value that it has in the rows to read, for a query that is not grouped; None: all rows.
    """

    table: str
    columns: tuple[SelectColumn, ...]
    grouped: bool = False
    only: tuple[str, str] | None = None


class ReadError(Exception):
    """One table could not be read; the text is the server's own, on one line and without secrets."""


class Source(Protocol):
    """A read-only database: every read of one Source sees the same instant where `consistent` says so.

    Attributes:
        label: Kind, version, place and name; never a user, never a password.
        guarantee: Which consistency holds between the tables, one sentence.
        typed: Whether columns have the catalogue's types; otherwise every value travels as text.
    """

    label: str
    guarantee: str
    consistent: bool
    typed: bool

    def catalogue(self) -> Catalogue:
        """Tables and views with their columns, read live."""

    def missing_hint(self, table: str) -> str | None:
        """Where else a table of that name lies, when it is not in the catalogue."""

    def refusal_hint(self, reason: str) -> str:
        """What to do about a table that could not be read, for this reason."""

    def read(self, query: Query) -> Iterator[pl.DataFrame]:
        """The rows of `query` in batches; text columns as String, uuid as 16-byte Binary.

        Raises:
            ReadError: The server refused; later reads still work.
        """

    def close(self) -> None:
        """End the transaction, remove what was copied."""


def open_source(url: DatabaseUrl) -> Source:
    """Open the database at `url` read-only.

    Raises:
        DatabaseError: It cannot be reached, within seconds and in one sentence.
    """
    return cast("Source", import_module(SOURCES[url.kind]).connect(url))


SELECT = "select {columns} from {table}"
SELECT_ONLY = "select {columns} from {table} where {column} = {value}"
SELECT_GROUPS = "select {columns}, {rows} from {table} where {key} is not null group by {key}"


def render(query: Query, table: str, rows: str, casts: Mapping[str, str]) -> str:
    """The SQL of `query`, every column by name with an explicit cast.

    Args:
        query: What to read.
        table: The quoted, qualified table.
        rows: The expression that counts a group's rows.
        casts: Transport → template with `{value}`; "json" turns a column and `{key}` into a value.
    """
    expressions = [_expression(column, casts) for column in query.columns]
    columns = ", ".join(f"{e} as {quote(c.name)}" for e, c in zip(expressions, query.columns, strict=True))
    if query.only:
        column, value = query.only
        return SELECT_ONLY.format(columns=columns, table=table, column=quote(column), value=literal(value))
    if not query.grouped:
        return SELECT.format(columns=columns, table=table)
    return SELECT_GROUPS.format(columns=columns, rows=rows, table=table, key=_value(query.columns[0], casts))


def _expression(column: SelectColumn, casts: Mapping[str, str]) -> str:
    value = _value(column, casts)
    return casts[column.transport].format(value=f"max({value})" if column.latest else value)


def _value(column: SelectColumn, casts: Mapping[str, str]) -> str:
    name = quote(column.source_name)
    if not column.json_keys:
        return name
    found = [f"nullif({casts['json'].format(value=name, key=literal(key))}, '')" for key in column.json_keys]
    return f"coalesce({', '.join(found)})" if len(found) > 1 else found[0]
