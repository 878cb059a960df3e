"""What is known of a run: which rows it created and updated, and what shows that."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recon.ledger.entities import EVERY_ENTITY
from recon.model import ENTITIES
from recon.sql import literal, named_statements
from recon.warehouse.reads import ROLLED_BACK

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from recon.warehouse import Warehouse

STATEMENTS = named_statements(Path(__file__).with_name("created.sql"))
ASK = "Ask the DBA whether the backup that was made before the run can be restored (Level 2)"
NAMES = {entity.name: entity.mapped_as for entity in EVERY_ENTITY}
READS = frozenset(
    (
        *(f"target.{entity}.{column}" for entity in ENTITIES for column in ("id", "created_at", "updated_at")),
        *(
            f"target.id_mappings.{column}"
            for column in ("entity_type", "target_id", "run_id", "synced_at", "updated_at")
        ),
        "target.runs",
    )
)
"""What has to be in the warehouse, of the database."""


@dataclass(frozen=True)
class EntityEvidence:
    """What is known of one entity's rows.

    Attributes:
        proof: What shows that the run created the rows of `created`, one sentence.
        created: Their ids, in recon's spelling.
        kept: Rows that the run may have created, and that are kept: id → why.
        updated: Rows that the run wrote to and did not create: id → why they cannot be changed back; None: they hold
            what the run wrote.
        lost: Ids of rows that the run created, as its records say, and that no row has.
        notices: What else is to be known, one sentence each.
    """

    entity: str
    proof: str
    created: tuple[str, ...]
    kept: Mapping[str, str] = field(default_factory=dict)
    updated: Mapping[str, str | None] = field(default_factory=dict)
    lost: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunEvidence:
    """What is known of one run.

    Attributes:
        sentences: What the plan relies on, one sentence each.
        started_at, ended_at: The time in which the run wrote, by the database's clock, with its tolerance; None:
            unknown.
        newer_runs: Ids of runs that were recorded after it.
        began_at: When it began, UTC, as its report, its operator or its first id mapping says; None: unknown.
        notices: What else is to be known, one sentence each.
    """

    run_id: str
    sentences: tuple[str, ...]
    started_at: datetime | None
    ended_at: datetime | None
    entities: tuple[EntityEvidence, ...]
    newer_runs: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    began_at: datetime | None = None


@dataclass(frozen=True)
class Window:
    """The time in which the run wrote one entity's rows, by the database's clock, with a minute on both sides.

    Attributes:
        edited_after: The instant after which a change of a row was not the run's; None: unknown.
    """

    started_at: datetime | None
    ended_at: datetime | None
    edited_after: datetime | None

    @property
    def parameters(self) -> dict[str, Any]:
        """The values for statements."""
        return {"started_at": self.started_at, "ended_at": self.ended_at, "edited_after": self.edited_after}


def newer_runs(warehouse: Warehouse, run_id: str, ended_at: datetime | None) -> tuple[str, ...]:
    """Return the ids of the runs that the database recorded after this one; none where its end is not known."""
    values = {"run_id": run_id, "ended_at": ended_at, "rolled_back": ROLLED_BACK}
    return tuple(row["run_id"] for row in warehouse.rows(STATEMENTS["newer"], values))


def statement_of(statement: str, entity: str) -> str:
    """Return a statement of `created.sql` for one entity."""
    names = ", ".join(map(literal, NAMES[entity]))
    others = STATEMENTS["others"].format(names=names)
    return STATEMENTS[statement].format(entity=entity, names=names, others=others)


def absence(entity: str, warehouse: Warehouse) -> str:
    """Return what is wrong with the times of creation of an entity's rows."""
    absent = warehouse.missing.get(f"target.{entity}.created_at")
    return absent or "none, or times before or after it, on most rows"


def lost_ids(entity: str, warehouse: Warehouse) -> tuple[str, ...]:
    """Return the ids of rows that the run created, as its records say, and that no row has."""
    return tuple(row["id"] for row in warehouse.rows(statement_of("lost", entity)))
