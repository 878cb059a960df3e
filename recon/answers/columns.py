"""The columns that questions read, as views that have all of them: null where a snapshot lacks one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.ledger.entities import EVERY_ENTITY
from recon.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

RECORD = ("source_row", "wa_id", "target_id", "action")
SOURCE = {
    **{entity.name: (*RECORD, *(field.name for field in entity.fields)) for entity in EVERY_ENTITY},
    "errors": ("entity", "source_row", "wa_id", "message"),
    "id_mappings": ("entity_type", "wa_id", "target_id"),
}
TARGET = {
    **{entity.name: ("id", *dict.fromkeys(field.column for field in entity.fields)) for entity in EVERY_ENTITY},
    "id_mappings": ("entity_type", "wa_id", "target_id", "run_id"),
}
PRESENT = """
select column_name from duckdb_columns() where database_name = current_database() and schema_name = {schema}
and table_name = {table}"""
VIEW = "create temp view {view} as select {columns}"


def show_columns(connection: duckdb.DuckDBPyConnection) -> None:
    """Create bundle_members … and database_id_mappings; `record` is the place of a record in its list, from 0."""
    for schema, prefix, tables in (("source", "bundle", SOURCE), ("target", "database", TARGET)):
        for table, wanted in tables.items():
            found = connection.execute(PRESENT.format(schema=literal(schema), table=literal(table))).fetchall()
            present = {name for (name,) in found}
            columns = ", ".join(_columns(wanted, present))
            if not present:
                sql = f"{columns} where false"
            elif schema == "source":
                sql = f"{columns}, rowid as record from {schema}.{quote(table)}"
            else:
                sql = f"{columns} from {schema}.{quote(table)}"
            if not present and schema == "source":
                sql = f"{columns}, cast(null as bigint) as record where false"
            connection.execute(VIEW.format(view=f"{prefix}_{table}", columns=sql))


def _columns(wanted: tuple[str, ...], present: set[str]) -> Iterator[str]:
    for name in wanted:
        yield quote(name) if name in present else f"cast(null as varchar) as {quote(name)}"
