"""Why records have no row: missing required fields, and the fate of the parents that they reference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from recon.ledger.kinds import KINDS
from recon.model import SINGULAR
from recon.sql import literal, named_statements, quote

if TYPE_CHECKING:
    from recon.ledger.entities import Entity
    from recon.ledger.outcomes import Outcomes
    from recon.warehouse import Warehouse

STATEMENTS = named_statements(Path(__file__).with_name("losses.sql"))
KINDS_AS_VALUES = ", ".join(f"({literal(k.name)}, {k.is_explained}, {k.is_harmless})" for k in KINDS.values())
LACKS = "case when coalesce(trim({column}), '') = '' then {name} end"


def name_losses(entity: Entity, outcomes: Outcomes, warehouse: Warehouse, key_types: dict[str, str]) -> None:
    """Name the causes of records without a row and of rows without a record, in `ledger.<entity>`.

    Args:
        entity: The entity; the causes of the entities before it are already named.
        outcomes: The outcomes that its records and rows have.
        warehouse: A warehouse whose ledger is paired.
        key_types: The DuckDB type of the id, by entity.
    """
    run = warehouse.connection.execute
    if outcomes.is_open:
        _name_lacking(entity, outcomes.rest.source, warehouse, key_types)
        if warehouse.row_count("target.id_mappings"):
            run(STATEMENTS["mapped"].format(entity=entity.name, names=", ".join(map(literal, entity.mapped_as))))
        run(STATEMENTS["unexplained"].format(entity=entity.name))
    if "rejected" in outcomes.of_records:
        run(STATEMENTS["rejected"].format(entity=entity.name))
    if "unexpected" in outcomes.of_rows:
        run(STATEMENTS["unexpected"].format(entity=entity.name))
    if {*outcomes.of_records, *outcomes.of_rows} - {"landed", "claimed", None}:
        run(STATEMENTS["classify"].format(entity=entity.name, kinds=KINDS_AS_VALUES))


def _name_lacking(entity: Entity, source: str, warehouse: Warehouse, key_types: dict[str, str]) -> None:
    run = warehouse.connection.execute
    columns = ", ".join(map(quote, entity.required))
    run(STATEMENTS["lost"].format(entity=entity.name, columns=columns, source=source))
    own = [name for name in entity.required if name not in entity.parents]
    if own:
        lacks = ", ".join(LACKS.format(column=quote(name), name=literal(name)) for name in own)
        run(STATEMENTS["lacking"].format(entity=entity.name, lacks=lacks))
    for column, parents in entity.parents.items():
        parts = {"entity": entity.name, "one": SINGULAR[parents], "column": quote(column), "parents": parents}
        run(STATEMENTS["unlinked"].format(**parts))
        run(STATEMENTS["orphaned"].format(**parts, key_type=key_types[parents]))
