"""Parses SQL for the warehouse, and requires of a query that it is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

PARSED: dict[str, tuple[duckdb.Statement, ...]] = {}
MOST_PARSED = 1000


def parsed(sql: str, connection: duckdb.DuckDBPyConnection) -> tuple[duckdb.Statement, ...]:
    """Parse `sql`, cached: parsing takes as long as planning, and the next warehouse of this process runs the same."""
    found = PARSED.get(sql)
    if found is None:
        found = tuple(connection.extract_statements(sql))
        if len(PARSED) < MOST_PARSED:
            PARSED[sql] = found
    return found


def query_of(sql: str, connection: duckdb.DuckDBPyConnection) -> duckdb.Statement:
    """Return the single statement of `sql`, which must be a select.

    Raises:
        ValueError: There is no statement, more than one, or one that is not a select.
    """
    statements = parsed(sql, connection)
    kinds = [_kind(statement) for statement in statements]
    if kinds != ["SELECT"]:
        raise ValueError(f"a rule's SQL is one select, not {', '.join(kinds) or 'nothing'}")
    return statements[0]


def _kind(statement: duckdb.Statement) -> str:
    """The kind of statement; the Python package has no name for the newest."""
    try:
        name: str = statement.type.name
    except ValueError:
        return "another statement"
    return name


def named(statement: duckdb.Statement, parameters: Mapping[str, Any] | None) -> dict[str, Any]:
    """The `parameters` that the statement names."""
    names = statement.named_parameters
    return {name: value for name, value in (parameters or {}).items() if name in names}


def fetched(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, Any] | None, limit: int
) -> list[dict[str, Any]]:
    """The first rows of a query with a small result, keyed by column name; `limit` -1: all rows."""
    statement = query_of(sql, connection)
    cursor = connection.execute(statement, named(statement, parameters))
    names = [column[0] for column in cursor.description or ()]
    found = cursor.fetchall() if limit < 0 else cursor.fetchmany(limit)
    cursor.complete()
    return [dict(zip(names, row, strict=True)) for row in found]
