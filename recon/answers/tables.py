"""The tables of a judgement, what they hold and what their columns mean."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    import duckdb

MEANINGS = Path(__file__).with_name("tables.toml")
SCHEMAS = ("source", "target", "ledger", "checks")
COLUMNS = """
select schema_name || '.' || table_name as "table", column_name as "column", lower(data_type) as type
from duckdb_columns()
where database_name = current_database() and not internal and list_contains($schemas, schema_name)
and (schema_name = 'target' or table_name not in (select view_name from duckdb_views() where schema_name = 'ledger'))
order by list_position($schemas, schema_name), table_name, column_index"""


@cache
def meanings() -> dict[str, Any]:
    """What tables and columns mean, by their names."""
    with MEANINGS.open("rb") as file:
        return tomllib.load(file)


def tables_frame(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Return table, column, type (as DuckDB names it) and meaning (null: none is known); one row per column."""
    relation = connection.sql(COLUMNS, params={"schemas": list(SCHEMAS)})
    frame = pl.DataFrame(pl.from_arrow(relation.to_arrow_table()))
    found = [meaning(table, column) for table, column in frame.select("table", "column").iter_rows()]
    return frame.with_columns(pl.Series("meaning", found, dtype=pl.String))


def meaning(table: str, column: str) -> str | None:
    """Return what a column means; None where that is not known."""
    of_table: dict[str, str] = meanings()["columns-of"].get(table, {})
    of_all: dict[str, str] = meanings()["columns"]
    return of_table.get(column) or of_all.get(column)
