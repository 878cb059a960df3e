"""Which rows a run created whose report only counts its records: time stamps, exports and id mappings tell."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from recon.errors import RollbackError
from recon.rollback.evidence import ASK, EntityEvidence, Window, absence, lost_ids, statement_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recon.bundle import Bundle
    from recon.warehouse import Warehouse

# What shows whose a row is, where there are no records.
IDENTIFIED = {
    "are_exported": "an export has its record",
    "are_listed": "the bundle's id mapping names it",
    "are_mapped": "an id mapping of the database names it",
}
NOT_THE_RUNS = {
    "other run": "another run mapped them before this one ended",
    "no export has its record": "no export has their records",
    "not in the id mapping of the bundle": "the bundle's id mapping does not name them",
    "not in the id mappings of the database": "no id mapping names them",
}


def by_stamps(bundle: Bundle, entity: str, window: Window, warehouse: Warehouse) -> EntityEvidence:
    """Without records: created are rows whose created_at lies within the run, if nothing contradicts it.

    Where an export or an id mapping shows which rows are the run's, some may be gone; else all must be there.
    """
    created = bundle.entities[entity].created
    if created and window.ended_at is None:
        raise RollbackError(
            f"Nothing shows which {entity} the run created: its report lists no records, and not when it ended",
            where=str(bundle.path)[:300],
            expected="completedAt, or records",
            found=absence(entity, warehouse) if window.started_at is None else "none",
            next_step="Try without the bundle: --run-id, and --started-at",
        )
    of_run = {"run_id": bundle.run_id, "entity": entity}
    known = warehouse.rows(statement_of("identified", entity), of_run)[0]
    known["are_exported"] = entity in bundle.exports and f"ledger.{entity}" not in warehouse.missing
    found = warehouse.rows(statement_of("stamps", entity), {**window.parameters, **of_run, **known})
    rows = [row for row in found if row["whose"] is None]
    if len(rows) > created:
        raise RollbackError(
            f"Not all rows of the {entity} within the time of the run can be the run's",
            where=f"created_at of the {entity}",
            expected=f"at most {created:,} rows, as many as the report says were created",
            found=f"{len(rows):,}",
            next_step=ASK,
        )
    if len(rows) < created and (not rows or not any(known.values())):
        raise RollbackError(
            f"The report says that {created:,} {entity} were created, and fewer rows are of that time",
            where=f"created_at of the {entity}",
            expected=f"{created:,} times between {window.started_at} and {window.ended_at}",
            found=f"{len(rows):,}" if rows else f"0: {absence(entity, warehouse)}",
            next_step="Check that the bundle is of this database. If rows are gone since, the exports tell which are "
            "left: --exports FOLDER",
        )
    others = Counter(row["whose"] for row in found if row["whose"])
    return EntityEvidence(
        entity,
        _proof(known),
        tuple(row["id"] for row in rows if row["why"] is None),
        {row["id"]: row["why"] for row in rows if row["why"]},
        lost=lost_ids(entity, warehouse),
        notices=tuple(
            f"{n:,} {entity} of the time of the run are kept: {NOT_THE_RUNS[whose]}" for whose, n in others.items()
        ),
    )


def _proof(known: Mapping[str, bool]) -> str:
    """What shows that rows without records are the run's."""
    identified = [words for name, words in IDENTIFIED.items() if known[name]]
    return ", ".join(
        ("its created_at lies within the run", *identified, "and there are no more such rows than the report says")
    )
