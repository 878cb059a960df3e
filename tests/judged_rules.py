"""Single shipped rules judged on given rows, without a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from recon.bundle import FRAMES
from recon.ledger import LedgerSettings, account_for
from recon.model import ENTITIES, Check
from recon.profile import load_profile
from recon.rules import Rule, load_rules, shipped_folder
from recon.rules.evaluation import evaluate
from recon.warehouse import LoadColumn, Warehouse
from recon.warehouse.reads import RUN_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


TARGET: dict[str, tuple[LoadColumn, ...]] = {
    "members": (LoadColumn("id", "key"), LoadColumn("tier_id", "key")),
    "events": (LoadColumn("id", "key"),),
    "registrations": (LoadColumn("id", "key"), LoadColumn("member_id", "key"), LoadColumn("event_id", "key")),
    "tiers": (LoadColumn("id", "key"), LoadColumn("code", "text"), LoadColumn("sort_order", "integer")),
    "id_mappings": (
        LoadColumn("entity_type", "text"),
        LoadColumn("wa_id", "text"),
        LoadColumn("target_id", "key"),
        LoadColumn("run_id", "text", is_absent=True),
    ),
    "runs": RUN_FIELDS,
}
RULES: Mapping[str, Rule] = {rule.id: rule for rule in load_rules([shipped_folder("expectations")])}


def warehouse_of(
    source: Mapping[str, pl.DataFrame] | None = None,
    target: Mapping[str, Sequence[tuple[object, ...]]] | None = None,
    *,
    has_ledger: bool = True,
) -> Warehouse:
    """A warehouse that holds the bundle's frames and the given rows; all else is empty, and no record is listed.

    Args:
        source: Frames by the name of their table in the schema `source`; columns that they lack are null.
        target: Rows by the name of their table, values in the order of `TARGET`.
        has_ledger: Whether a rule reads the ledger.
    """
    warehouse = Warehouse()
    empty = {name: pl.DataFrame(schema=schema) for name, schema in FRAMES.items()}
    given = {name: pl.concat([empty[name], frame], how="diagonal_relaxed") for name, frame in (source or {}).items()}
    warehouse.load_source({**empty, **given})
    for table, fields in TARGET.items():
        warehouse.create(f"target.{table}", fields)
        columns = {f.name: pl.String for f in fields if not f.is_absent}
        rows = [[None if value is None else str(value) for value in row] for row in (target or {}).get(table, ())]
        if rows:
            frame = pl.DataFrame(rows, schema=columns, orient="row")
            warehouse.append(f"target.{table}", frame, fields, table)
    for entity in ENTITIES:
        warehouse.create(f"source.{entity}", [LoadColumn("source_row", "integer")])
        warehouse.missing[f"source.{entity}"] = f"the bundle counts its {entity} and does not list them"
    if has_ledger:
        account_for(warehouse, LedgerSettings(load_profile()))
    return warehouse


def judge(
    check_id: str,
    source: Mapping[str, pl.DataFrame] | None = None,
    target: Mapping[str, Sequence[tuple[object, ...]]] | None = None,
) -> Check:
    """The check of the shipped rule on the given rows."""
    rule = RULES[check_id]
    has_ledger = any(name.startswith("ledger.") for name in rule.reads)
    with warehouse_of(source, target, has_ledger=has_ledger) as warehouse:
        return evaluate(rule, warehouse)
