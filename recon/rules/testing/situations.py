"""Situations that a rule may meet: small warehouses that hold everything, nothing, or all but one thing."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_OID, UUID, uuid5

import polars as pl

from recon.bundle import open_bundle
from recon.bundle.columns import COLUMNS as RECORDS
from recon.bundle.formats import POLICIES as POLICIES_FILE
from recon.bundle.formats import REPORT, TIER_MAPPING, TIME_ZONE, Policy
from recon.ledger import DeclaredPolicies, LedgerSettings, account_for, ledger_columns
from recon.model import ENTITIES, SINGULAR
from recon.rules.policies import load_policy_definitions
from recon.rules.rule import table_of
from recon.scratch import ScratchFolder
from recon.sql import quote
from recon.warehouse import LoadColumn, Warehouse
from recon.warehouse.load_bundle import load_bundle
from recon.warehouse.reads import RUN_FIELDS, RUNS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from recon.bundle.columns import RecordColumn
    from recon.profile import Column, Profile, Table

ROWS = 2
MAPPINGS = "target.id_mappings"
FORGET = "drop table {table}"
FORGET_LEDGER = "drop schema if exists ledger cascade"
FORGET_COLUMN = "alter table {table} drop column {column}"
MAPPING = {f"level {row}": f"code {row}" for row in range(ROWS)}
POLICIES: tuple[dict[str, Any], ...] = (
    {"key": TIER_MAPPING, "value": MAPPING, "source": "manual"},
    {"key": TIME_ZONE, "value": "UTC", "source": "manual"},
    {"key": "display.organizationName", "value": "Club", "source": "manual"},
)
RUN_ID = "run-of-a-situation"
MOMENT = datetime(2024, 1, 15, 14, 28)  # noqa: DTZ001 - the warehouse holds UTC without zone


@dataclass(frozen=True)
class Situation:
    """The content of a rehearsal's warehouse.

    Attributes:
        name: In words, e.g. "members is empty".
        of_table: The table concerned ("target.members"); None: all of them.
        has_bundle_rows: Whether the bundle reports that rows were written.
        empty: Tables of the target without rows.
        missing: Tables and columns that the database lacks → the reason.
    """

    name: str
    of_table: str | None = None
    has_bundle_rows: bool = True
    empty: frozenset[str] = frozenset()
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_bare(self) -> bool:
        """Whether neither side has any row."""
        return bool(self.empty) and not self.has_bundle_rows

    @property
    def without_rows(self) -> frozenset[str]:
        """The tables without rows in which a rule could otherwise find something."""
        tables = self.empty | {name for name in self.missing if name.count(".") == 1}
        return tables if self.has_bundle_rows else tables | {"source.counts", "source.id_mappings"}


WHOLE = Situation("nothing is missing")


def situations(profile: Profile) -> Iterator[Situation]:
    """Every situation in which rules are rehearsed, starting with the one that lacks nothing."""
    tables = [f"target.{table.name}" for table in profile.tables] + [RUNS]
    optional = [f"target.{table.name}" for table in profile.tables if not table.required] + [RUNS]
    yield WHOLE
    yield Situation("everything is empty", has_bundle_rows=False, empty=frozenset(tables))
    yield Situation("the database is empty", empty=frozenset(tables))
    yield Situation("the bundle is empty", has_bundle_rows=False)
    for table in tables:
        yield Situation(f"{table} is empty", table, empty=frozenset({table}))
    for table in optional:
        yield Situation(f"{table} is missing", table, missing={table: f"the database has no table for {table}"})
    for entity in ENTITIES:
        listed = f"source.{entity}"
        yield Situation(f"{listed} is missing", listed, missing={listed: f"the bundle does not list its {entity}"})
    for entry in profile.tables:
        missing = _without_optional_columns(entry)
        yield Situation(f"target.{entry.name} has required columns only", f"target.{entry.name}", missing=missing)


def build(situation: Situation, profile: Profile, reads: Collection[str]) -> Warehouse:
    """Build a warehouse in that situation.

    Args:
        situation: The content of the warehouse.
        profile: Its tables and columns.
        reads: What the rules read; the bundle's records are loaded, and accounted for, where these name them.
    """
    warehouse = Warehouse()
    _load_bundle(warehouse, situation, reads)
    warehouse.missing |= situation.missing
    for table in profile.tables:
        _fill(warehouse, f"target.{table.name}", list(table.columns), situation)
    _fill_runs(warehouse, situation)
    if _needs_ledger(reads):
        account_for(warehouse, LedgerSettings(profile, policies=_declared(situation)))
    return warehouse


@contextmanager
def narrowed(
    warehouse: Warehouse, profile: Profile, reads: Collection[str], has_column: Mapping[str, bool]
) -> Iterator[None]:
    """Narrow a warehouse built for all rules to one built for what `reads` names; it is restored afterwards.

    Args:
        warehouse: Holds all tables of the profile.
        profile: Its tables and columns.
        reads: What a rule reads; other records of the bundle are absent, as is a ledger that it does not read.
        has_column: Whether the database has a column ("target.members.email"); a table without any is absent.
    """
    with warehouse.undone():
        if not _needs_ledger(reads):
            unread = {f"source.{entity}" for entity in ENTITIES} - {*map(table_of, reads)}
            for name in unread & {*warehouse.row_counts}:
                warehouse.execute(FORGET.format(table=quote(*name.split("."))))
            warehouse.execute(FORGET_LEDGER)
        for table in profile.tables:
            _forget(warehouse, table, [c for c in table.columns if not has_column[f"target.{table.name}.{c.name}"]])
        yield


def _load_bundle(warehouse: Warehouse, situation: Situation, reads: Iterable[str]) -> None:
    """Load a bundle that reports rows of each entity, or none, the way any other bundle is loaded."""
    with ScratchFolder("recon-rehearsal-") as folder:
        report = _report(ROWS if situation.has_bundle_rows else 0, situation.missing)
        (folder.path / REPORT).write_text(json.dumps(report), encoding="utf-8")
        (folder.path / POLICIES_FILE).write_text(json.dumps({"policies": _policies(situation)}), encoding="utf-8")
        with open_bundle(folder.path) as bundle:
            wanted = ledger_columns(ENTITIES) if _needs_ledger(reads) else set()
            load_bundle(bundle, warehouse, {*reads, *wanted})


def _needs_ledger(reads: Iterable[str]) -> bool:
    return any(reference.startswith("ledger.") for reference in reads)


def _forget(warehouse: Warehouse, table: Table, columns: Sequence[Column]) -> None:
    """Drop columns, or the whole table if these are all of its columns."""
    if len(columns) == len(table.columns):
        warehouse.execute(FORGET.format(table=quote("target", table.name)))
        return
    for column in columns:
        name, of_table = quote(column.name), quote("target", table.name)
        warehouse.execute(FORGET_COLUMN.format(table=of_table, column=name))


def _without_optional_columns(table: Table) -> dict[str, str]:
    names = [f"target.{table.name}.{column.name}" for column in table.columns if not column.required]
    return {name: f"the database has no column for {name}" for name in names}


def _fill(warehouse: Warehouse, name: str, columns: list[Column], situation: Situation) -> None:
    fields = [_field(column, is_absent=f"{name}.{column.name}" in situation.missing) for column in columns]
    warehouse.create(name, fields)
    if name not in situation.without_rows:
        values = {c.name: [_value(c, row) for row in range(ROWS)] for c in columns}
        if name == MAPPINGS:
            values |= _mappings()
        warehouse.append(name, pl.DataFrame(values), fields, name)


def _mappings() -> dict[str, list[Any]]:
    """The id mappings of the bundle's records, one row per record, as columns; the others are as in any table."""
    rows = [(entity, row) for entity in ENTITIES for row in range(ROWS)]
    return {
        "entity_type": [entity for entity, _ in rows],
        "wa_id": [str(row) for _, row in rows],
        "target_id": [_key(SINGULAR[entity], row).bytes for entity, row in rows],
        "run_id": [RUN_ID for _ in rows],
        "synced_at": [MOMENT for _ in rows],
        "updated_at": [MOMENT for _ in rows],
    }


def _field(column: Column, *, is_absent: bool) -> LoadColumn:
    """A column to load; keys are UUIDs, as on PostgreSQL: what a rule can do with those it can do with text as well."""
    kind = "uuid" if column.type == "key" else column.type
    return LoadColumn(column.name, kind, column.name, source_type=kind, is_absent=is_absent)


def _value(column: Column, row: int) -> Any:
    """A value of the column's type; keys of one domain are the same in every table."""
    if column.type == "key":
        return _key(column.domain, row).bytes
    values = {"integer": row, "timestamp": MOMENT, "boolean": True}
    return values.get(column.type, f"{column.name} {row}")


def _key(domain: str | None, row: int) -> UUID:
    return uuid5(NAMESPACE_OID, f"{domain} {row}")


def _fill_runs(warehouse: Warehouse, situation: Situation) -> None:
    warehouse.create(RUNS, RUN_FIELDS)
    if RUNS not in situation.without_rows:
        values = {"run_id": RUN_ID, "recorded_at": MOMENT, "rows": ROWS, "recorded_in": "a table"}
        fields = [replace(field, source_type=field.type) for field in RUN_FIELDS]
        warehouse.append(RUNS, pl.DataFrame([values]), fields, RUNS)


def _policies(situation: Situation) -> tuple[dict[str, Any], ...]:
    """The policies that the bundle declares: with nothing to report, not even the required ones."""
    return POLICIES if situation.has_bundle_rows else ()


def _declared(situation: Situation) -> DeclaredPolicies:
    policies = [Policy(each["key"], each["value"], each["source"]) for each in _policies(situation)]
    return DeclaredPolicies(policies, load_policy_definitions([]))


def _report(rows: int, missing: Iterable[str]) -> dict[str, Any]:
    """A migration report with `rows` rows of each entity; records that are `missing` are counted, not listed."""
    none = {"updated": 0, "skipped": 0, "errors": 0}
    entity = {"totalRows": rows, "parsed": rows, "created": rows, **none}
    mappings = [{"waId": str(row), "murmurantId": str(_key("member", row))} for row in range(rows)]
    return {
        "runId": RUN_ID,
        "startedAt": f"{MOMENT.isoformat()}Z",
        "completedAt": f"{MOMENT.isoformat()}Z",
        "dryRun": False,
        **{name: {**entity, "records": _records(name, rows, missing)} for name in ENTITIES},
        "errors": [],
        "idMapping": {"members": mappings},
    }


def _records(entity: str, rows: int, missing: Iterable[str]) -> list[dict[str, Any]] | str:
    if f"source.{entity}" in missing:
        return f"[{rows}]"
    return [{c.key: _written(c, SINGULAR[entity], row) for c in RECORDS[entity]} for row in range(rows)]


def _written(column: RecordColumn, domain: str, row: int) -> Any:
    """The content of a record's column: ids and keys that match the target's rows."""
    if column.kind == "list":
        return []
    if column.kind == "count":
        return row + 2
    if column.name == "target_id" or (column.name.endswith("_id") and column.kind == "value"):
        return str(_key(domain if column.name == "target_id" else column.name.removesuffix("_id"), row))
    known = {"wa_id": str(row), "action": "create", "is_published": True, "capacity": row, "status_code": f"code {row}"}
    is_moment = column.name.endswith(("_at", "_time"))
    return (
        f"{MOMENT.isoformat(timespec='milliseconds')}Z" if is_moment else known.get(column.name, f"{column.name} {row}")
    )
