"""Renders a query as SQL for one kind of database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from recon.sql import literal, quote

if TYPE_CHECKING:
    from recon.database.source import Query, SelectColumn

SELECT = "select {columns} from {table}"
SELECT_ONLY = "select {columns} from {table} where {column} = {value}"
SELECT_GROUPS = "select {columns}, {rows} from {table} where {key} is not null group by {key}"


class Dialect(Struct, frozen=True):
    """The parts of a database's SQL dialect that `render` needs.

    Attributes:
        rows: The expression that counts the rows of a group, with its alias.
        casts: Transport → template with `{value}`; "json" extracts the value of `{key}` from a column; "key" is for
            keys as text, where these need another one than "text".
        quote: Quotes an identifier.
        literal: Quotes a string literal.
    """

    rows: str
    casts: Mapping[str, str]
    quote: Callable[[str], str] = quote
    literal: Callable[[str], str] = literal


def render(query: Query, table: str, dialect: Dialect) -> str:
    """Return the SQL of `query` on the quoted, qualified `table`, every column by name with an explicit cast."""
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
    cast = "key" if column.is_key and column.transport == "text" and "key" in dialect.casts else column.transport
    return dialect.casts[cast].format(value=f"max({value})" if column.latest else value)


def render_value(column: SelectColumn, dialect: Dialect) -> str:
    """Return the SQL of a column's value, or of the first of its JSON keys with a value, without a cast."""
    name, template = dialect.quote(column.source_name), dialect.casts["json"]
    if not column.json_keys:
        return name
    keys = [template.format(value=name, key=dialect.literal(key)) for key in column.json_keys]
    found = [f"nullif({key}, '')" for key in keys]
    return f"coalesce({', '.join(found)})" if len(found) > 1 else found[0]
