"""Which rows a run created whose importer left no bundle: what the database itself recorded, and time stamps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from recon.errors import RollbackError, suggest
from recon.ledger.calibration import TOLERANCE
from recon.model import ENTITIES
from recon.rollback.evidence import ASK, NAMES, STATEMENTS, EntityEvidence, RunEvidence, Window, newer_runs
from recon.sql import literal

if TYPE_CHECKING:
    from recon.warehouse import Warehouse

# A run does not pause longer than this while it writes; a longer pause means two runs under one id, or stamps that a
# later run did not renew.
LONGEST_PAUSE = timedelta(hours=1)
# How long before its mapping a row may have been written; a run that ended just before must not be taken for this one.
SLACK = timedelta(seconds=2)
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
"""What has to be in the warehouse."""


def evidence_of_run(run_id: str, warehouse: Warehouse, started_at: datetime | None) -> RunEvidence:
    """Return what the database proves about a run without a bundle.

    Args:
        run_id: The run's id, as the database recorded it.
        warehouse: Holds a snapshot with `READS`.
        started_at: When the importer was started, as its operator knows, with its offset; None: the first mapping of
            the run counts as its beginning.

    Raises:
        RollbackError: The database does not know the run, or what it recorded of it does not tell when it wrote.
    """
    span = _span(run_id, warehouse)
    first = started_at.astimezone(UTC).replace(tzinfo=None) if started_at else span["first"]
    window = Window(first - SLACK, span["last"] + TOLERANCE, span["last"] + TOLERANCE)
    found = [_entity(entity, run_id, window, warehouse) for entity in ENTITIES]
    notices = [
        f"{count:,} {entity} of the time of the run have no id mapping of it, and are kept: whose they are is not known"
        for entity in ENTITIES
        if (count := _unnamed(entity, run_id, window, warehouse))
    ]
    return RunEvidence(
        run_id,
        (
            "There is no bundle: what the run created is told by the database alone",
            f"The database's id mappings name the run on {span['n']:,} rows, "
            + (
                f"and its operator says when it started: {first} UTC"
                if started_at
                else "of which the first counts as its beginning"
            ),
            *(f"{each.entity}: {each.proof}" for each in found if each.created or each.kept),
        ),
        window.started_at,
        window.ended_at,
        tuple(found),
        newer_runs(warehouse, run_id, window.ended_at),
        ("Rows that the run updated are not known without a bundle", *notices),
    )


def _span(run_id: str, warehouse: Warehouse) -> dict[str, Any]:
    absent = {**warehouse.missing, **warehouse.unreadable}
    for column in ("", ".run_id", ".synced_at"):
        reason = absent.get(f"target.id_mappings{column}")
        if reason:
            raise RollbackError(
                "Without a bundle, only id mappings tell what a run wrote",
                where=run_id,
                expected="mappings with a run and a time",
                found=reason,
                next_step=f"Name the run's bundle; without one: {ASK[0].lower()}{ASK[1:]}",
            )
    span = warehouse.rows(STATEMENTS["span"], {"run_id": run_id})[0]
    if not span["n"]:
        known = [row["run_id"] for row in warehouse.rows(STATEMENTS["known_runs"])]
        raise RollbackError(
            "No id mapping of the database names this run",
            where="--run-id",
            expected=", ".join(known[:5]) or "a run that the database recorded",
            found=run_id[:100],
            next_step=suggest(run_id, known) or "Check the id, or name the run's bundle",
        )
    if span["stamped"] < span["n"] or (span["longest_pause"] or timedelta()) > LONGEST_PAUSE:
        raise RollbackError(
            "The times of the run's id mappings are not those of one run",
            where=run_id,
            expected=f"times without a pause of more than {LONGEST_PAUSE}",
            found=f"{span['first']} to {span['last']}, longest pause {span['longest_pause']}",
            next_step=ASK,
        )
    return span


def _entity(entity: str, run_id: str, window: Window, warehouse: Warehouse) -> EntityEvidence:
    rows = warehouse.rows(_named("mapped", entity), {**window.parameters, "run_id": run_id})
    return EntityEvidence(
        entity,
        "an id mapping of the run names the row, and its created_at lies within the time of these mappings",
        tuple(row["id"] for row in rows if row["why"] is None),
        {row["id"]: row["why"] for row in rows if row["why"]},
    )


def _unnamed(entity: str, run_id: str, window: Window, warehouse: Warehouse) -> int:
    found = warehouse.rows(_named("unnamed", entity), {**window.parameters, "run_id": run_id})
    return int(found[0]["n"])


def _named(statement: str, entity: str) -> str:
    return STATEMENTS[statement].format(entity=entity, names=", ".join(map(literal, NAMES[entity])))
