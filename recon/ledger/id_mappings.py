"""Judges the database's id mappings: what the next sync would create again, or write over another's row."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from recon.ledger.entities import EVERY_ENTITY
from recon.ledger.fragments import absent_mapping_columns
from recon.sql import literal, named_statements

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recon.ledger.entities import Entity
    from recon.warehouse import Warehouse

STATEMENTS = named_statements(Path(__file__).with_name("id_mappings.sql"))
NEEDED = {"entity_type", "wa_id", "target_id"}
IDS = "select distinct cast(id as varchar) as id from target.{entity}"


def judge_mappings(warehouse: Warehouse, run: Mapping[str, object]) -> None:
    """Fill `ledger.id_mappings` and `ledger.mapped`, from the mappings of database and bundle.

    Some importers write no mapping at all, or none of registrations: an entity is recorded if the database maps any of
    it, or if the bundle does and the database maps any other. Both tables stay empty where the database lacks a column.

    Args:
        warehouse: A warehouse whose `ledger.<entity>` is paired.
        run: The run's run_id.
    """
    if absent_mapping_columns(warehouse) & NEEDED:
        return
    for entity in EVERY_ENTITY:
        _judge(entity, warehouse, run["run_id"])


def _judge(entity: Entity, warehouse: Warehouse, run_id: object) -> None:
    parts = {
        "entity": entity.name,
        "names": ", ".join(map(literal, entity.mapped_as)),
        "every_name": ", ".join(literal(name) for each in EVERY_ENTITY for name in each.mapped_as),
        "others": " union all ".join(IDS.format(entity=other.name) for other in EVERY_ENTITY if other != entity),
    }
    values: dict[str, object] = {"entity": entity.name, "run_id": run_id}
    if warehouse.execute(STATEMENTS["settled"].format(**parts), values).fetchall():
        return
    values |= warehouse.rows(STATEMENTS["recorded"].format(**parts), values)[0]
    searched = ("claimants", "halves", "findings") if values["is_recorded"] else ()
    for name in ("mappings", "listed", "expected", *searched, "mapped", "close"):
        sql = STATEMENTS[name].format(**parts)
        named = {key: value for key, value in values.items() if f"${key}" in sql}
        warehouse.execute(sql, named or None)
