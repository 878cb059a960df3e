"""A database behind a URL, read-only: what it has, and its rows as polars frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from recon.background import await_result, start
from recon.database.address import DatabaseUrl
from recon.database.url import parse_url, resolve_database
from recon.errors import DatabaseError
from recon.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future

    import polars as pl

__all__ = [
    "Catalogue",
    "DatabaseUrl",
    "Dialect",
    "Query",
    "ReadError",
    "SelectColumn",
    "Source",
    "open_source",
    "parse_url",
    "render",
    "render_value",
    "resolve_database",
]

# A driver loads only when its kind of database is opened: each costs a tenth of a second or more.
SOURCES = {
    "postgresql": "recon.database.postgresql",
    "mysql": "recon.database.mysql",
    "sqlite": "recon.database.sqlite",
    "duckdb": "recon.database.duckdb_file",
}
# A server that took the connection but answers nothing more is given up after this, unless the user says otherwise.
OPEN_LIMIT_S = 30.0

Catalogue = dict[str, dict[str, str]]
"""Table → column → type: "uuid", "integer", "timestamp", "timestamptz", "boolean", "json" or "text"."""


class SelectColumn(Struct, frozen=True):
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


class Query(Struct, frozen=True):
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
        label: Kind, version, driver, place and name; never a user, never a password.
        guarantee: Which consistency holds between the tables, one sentence.
        typed: Whether columns have the catalogue's types; otherwise every value travels as text.
        limit_s: Seconds that the caller waits for rows; None: as long as it takes.
    """

    label: str
    guarantee: str
    consistent: bool
    typed: bool
    limit_s: float | None

    def catalogue(self) -> Catalogue:
        """Tables and views with their columns, read live."""

    def missing_hint(self, table: str) -> str | None:
        """Where else a table of that name lies, when it is not in the catalogue."""

    def refusal_hint(self, reason: str) -> str:
        """What to do about a table that could not be read, for this reason."""

    def prepare(self, queries: Sequence[Query]) -> None:
        """Told every read to come, in its order, before the first of them."""

    def read(self, query: Query) -> Iterator[pl.DataFrame]:
        """The rows of `query` in batches; text columns as String, uuid as text or 16-byte Binary.

        Raises:
            ReadError: The server refused; later reads still work.
        """

    def cancel(self) -> None:
        """End the read that another thread waits for, also on the server."""

    def close(self) -> None:
        """End the transaction, remove what was copied; a read that could not be ended is left alone."""


def open_source(url: DatabaseUrl, timeout_s: float | None = None) -> Source:
    """Open the database at `url` read-only.

    Args:
        url: Where it is.
        timeout_s: Seconds that opening a server may take; None: 5 for its answer, 30 in all. A file is copied or
            opened for as long as that takes.

    Raises:
        DatabaseError: It cannot be reached, within seconds and in one sentence.
    """
    opening: Future[Source] = start(partial(import_module(SOURCES[url.kind]).connect, url, timeout_s))
    if url.path is not None:
        return await_result(opening)
    limit_s = OPEN_LIMIT_S if timeout_s is None else timeout_s + 1
    try:
        return await_result(opening, limit_s)
    except TimeoutError:
        opening.add_done_callback(_close_late)
        raise DatabaseError(
            "The database server does not answer",
            where=url.label,
            expected=f"an open connection within {limit_s:g} s",
            found="none",
            next_step="Check that the server is not overloaded or stopped, or raise --timeout",
        ) from None


def _close_late(opening: Future[Source]) -> None:
    if opening.exception() is None:
        opening.result().close()


SELECT = "select {columns} from {table}"
SELECT_ONLY = "select {columns} from {table} where {column} = {value}"
SELECT_GROUPS = "select {columns}, {rows} from {table} where {key} is not null group by {key}"


class Dialect(Struct, frozen=True):
    """How a database's SQL writes what `render` needs.

    Attributes:
        rows: The expression that counts a group's rows, with its name.
        casts: Transport → template with `{value}`; "json" turns a column and `{key}` into a value.
        quote: Quotes a name.
        literal: Quotes a text.
    """

    rows: str
    casts: Mapping[str, str]
    quote: Callable[[str], str] = quote
    literal: Callable[[str], str] = literal


def render(query: Query, table: str, dialect: Dialect) -> str:
    """The SQL of `query` on the quoted, qualified `table`, every column by name with an explicit cast."""
    expressions = [_expression(column, dialect) for column in query.columns]
    columns = ", ".join(f"{e} as {dialect.quote(c.name)}" for e, c in zip(expressions, query.columns, strict=True))
    if query.only:
        column, value = query.only
        wanted = {"column": dialect.quote(column), "value": dialect.literal(value)}
        return SELECT_ONLY.format(columns=columns, table=table, **wanted)
    if not query.grouped:
        return SELECT.format(columns=columns, table=table)
    key = render_value(query.columns[0], dialect)
    return SELECT_GROUPS.format(columns=columns, rows=dialect.rows, table=table, key=key)


def _expression(column: SelectColumn, dialect: Dialect) -> str:
    value = render_value(column, dialect)
    return dialect.casts[column.transport].format(value=f"max({value})" if column.latest else value)


def render_value(column: SelectColumn, dialect: Dialect) -> str:
    """The value of a column, or of the first of its JSON keys that is there, not cast to anything."""
    name, template = dialect.quote(column.source_name), dialect.casts["json"]
    if not column.json_keys:
        return name
    keys = [template.format(value=name, key=dialect.literal(key)) for key in column.json_keys]
    found = [f"nullif({key}, '')" for key in keys]
    return f"coalesce({', '.join(found)})" if len(found) > 1 else found[0]
