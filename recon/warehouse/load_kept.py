"""Exposes a kept snapshot as the warehouse's schema `target`, in place of a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from recon.sql import quote
from recon.warehouse.kept import read_state
from recon.warehouse.load_column import STORED, LoadColumn
from recon.warehouse.reads import RUN_FIELDS, RUNS, wanted_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from recon.model import SnapshotInfo
    from recon.profile import Profile
    from recon.warehouse.session import Warehouse

# Tables that every session begins with; older snapshots lack some of them.
OF_THE_SESSION = ("unreadable_values", "raw_values", "readings")
NOT_KEPT = "the snapshot was taken without it: verify the database itself"
KEPT_COLUMNS = """
select table_name, column_name from duckdb_columns() where database_name = 'kept' and schema_name = 'target'"""
VIEW = "create view target.{table} as select {columns} from kept.target.{table}"


def load_snapshot(warehouse: Warehouse, profile: Profile, requires: Iterable[str]) -> SnapshotInfo:
    """Expose the kept snapshot that the warehouse was opened on as its schema `target`, by views; nothing is copied.

    A table or column that rules require and the file lacks is recorded as missing; it is empty or all null.

    Raises:
        DatabaseError: The file has a version that this recon does not know, or is incomplete.
    """
    state = read_state(warehouse)
    kept: dict[str, list[str]] = {}
    for table, column in warehouse.execute(KEPT_COLUMNS).fetchall():
        kept.setdefault(table, []).append(column)
    warehouse.missing |= state.missing
    warehouse.unreadable |= state.unreadable
    requires = set(requires)
    wanted = wanted_columns(profile, requires)
    for table in (each for each in OF_THE_SESSION if each in kept):
        warehouse.execute(f"drop table target.{table}")
    for table, columns in kept.items():
        _show(warehouse, profile, table, columns, wanted.get(table, set()))
        if f"target.{table}" in state.rows:
            warehouse.count_rows(
                f"target.{table}", state.rows[f"target.{table}"], state.first_columns[f"target.{table}"]
            )
    _create_absent(warehouse, profile, {name: columns for name, columns in wanted.items() if name not in kept})
    if RUNS in requires and RUNS.partition(".")[2] not in kept:
        warehouse.create(RUNS, RUN_FIELDS)
        warehouse.missing[RUNS] = NOT_KEPT
    warehouse.verify_loads()
    return replace(
        state.snapshot,
        guarantee=f"Kept snapshot: {state.snapshot.guarantee.removeprefix('Kept snapshot: ')}",
        not_read={**warehouse.missing, **warehouse.unreadable},
    )


def _show(warehouse: Warehouse, profile: Profile, table: str, columns: Sequence[str], wanted: Iterable[str]) -> None:
    """Create a view of one kept table, with null columns in place of those that it lacks."""
    shown = [quote(column) for column in columns]
    types = _types(profile, table)
    for column in sorted(set(wanted) - set(columns)):
        shown.append(f"cast(null as {STORED[types[column]]}) as {quote(column)}")
        warehouse.missing.setdefault(f"target.{table}.{column}", NOT_KEPT)
    warehouse.execute(VIEW.format(table=quote(table), columns=", ".join(shown)))


def _create_absent(warehouse: Warehouse, profile: Profile, absent: Mapping[str, set[str]]) -> None:
    for table, columns in absent.items():
        types = _types(profile, table)
        named = sorted(columns) or list(types)
        warehouse.create(f"target.{table}", [LoadColumn(name, types[name], is_absent=True) for name in named])
        warehouse.missing.setdefault(f"target.{table}", NOT_KEPT)


def _types(profile: Profile, table: str) -> dict[str, str]:
    found = profile.table(table)
    return {column.name: column.type for column in found.columns} if found else {}
