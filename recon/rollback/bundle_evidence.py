"""Which rows a run created, as far as its bundle and the database prove it; an id mapping alone proves nothing."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from recon.errors import RollbackError
from recon.ledger.calibration import calibrate
from recon.ledger.pairing import RUN
from recon.model import ENTITIES
from recon.rollback.clock_evidence import clock_shift, require_times, window_of
from recon.rollback.evidence import (
    ASK,
    EntityEvidence,
    RunEvidence,
    Window,
    absence,
    lost_ids,
    newer_runs,
    statement_of,
)
from recon.rollback.stamp_evidence import by_stamps
from recon.warehouse.reads import ROLLED_BACK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recon.bundle import Bundle
    from recon.ledger.calibration import Calibration
    from recon.warehouse import Warehouse

OTHER_ID = "its record names another id, so it may not be the row that the run wrote"


def require_real(bundle: Bundle) -> None:
    """Require that the run wrote to the database.

    Raises:
        RollbackError: It was a dry run.
    """
    if bundle.dry_run:
        raise RollbackError(
            "The bundle is of a dry run, which wrote nothing to the database",
            where=str(bundle.path)[:300],
            expected="dryRun false",
            found="dryRun true",
            next_step="Name the bundle of the run that is to be undone",
        )


def evidence_of_bundle(bundle: Bundle, warehouse: Warehouse) -> RunEvidence:
    """Return what bundle and database prove about the run.

    Args:
        bundle: The run's bundle.
        warehouse: Holds bundle, `READS` and ledger.

    Raises:
        RollbackError: Nothing proves which rows the run created, or bundle and database disagree about it.
    """
    run = warehouse.rows(RUN)[0]
    require_times(bundle, run)
    evaluated = [name for name in ENTITIES if f"ledger.{name}" not in warehouse.missing]
    calibrations = calibrate(evaluated, warehouse, run)
    shift = clock_shift(calibrations, warehouse, run)
    found, spans, notices = [], [], [*_notices(run, calibrations)]
    for name in ENTITIES:
        with_records = name in bundle.recorded - {*bundle.exports} and name in evaluated
        window = window_of(calibrations[name] if with_records else None, run, shift)
        if bundle.entities[name].created:
            spans.append(window)
        evidence = (_by_records if with_records else by_stamps)(bundle, name, window, warehouse)
        found.append(evidence)
        notices += evidence.notices
    _require_any(bundle, found, warehouse)
    started = min((w.started_at for w in spans if w.started_at), default=None)
    ended = max((w.ended_at for w in spans if w.ended_at), default=None)
    return RunEvidence(
        bundle.run_id,
        tuple(dict.fromkeys(_sentences(bundle, found))),
        started,
        ended,
        tuple(found),
        newer_runs(warehouse, bundle.run_id, ended),
        tuple(notices),
        run["started_at"].replace(tzinfo=UTC),
    )


def _by_records(bundle: Bundle, entity: str, window: Window, warehouse: Warehouse) -> EntityEvidence:
    """Created are rows whose record says so, and whose created_at lies within the run."""
    said = warehouse.rows(statement_of("said", entity))[0]
    reported = bundle.entities[entity].created
    if said["created"] != reported:
        undecided = f", and {said['undecided']:,} say nothing" if said["undecided"] else ""
        raise RollbackError(
            f"The report contradicts itself about the {entity} that the run created",
            where=f"{entity} of the report",
            expected=f"{reported:,} records that say create, as the report counts",
            found=f"{said['created']:,}{undecided}",
            next_step=ASK,
        )
    values = {**window.parameters, "run_id": bundle.run_id, "other_id": OTHER_ID}
    rows = warehouse.rows(statement_of("records", entity), values)
    created = [row for row in rows if row["is_created"]]
    if created and (window.started_at is None or all(row["created_at"] is None for row in created)):
        raise RollbackError(
            f"Nothing but the report says that the run created the {len(created):,} {entity}",
            where=f"created_at of the {entity}",
            expected="times within the run",
            found=absence(entity, warehouse),
            next_step=ASK,
        )
    unclaimed = warehouse.rows(statement_of("unclaimed", entity), window.parameters)[0]["n"]
    return EntityEvidence(
        entity,
        "the bundle's record says create, the row exists, and its created_at lies within the run",
        tuple(row["id"] for row in created if row["why"] is None),
        {row["id"]: row["why"] for row in created if row["why"]},
        {row["id"]: row["why"] for row in rows if not row["is_created"]},
        lost_ids(entity, warehouse),
        (f"{unclaimed:,} {entity} were created during the run, and no record names them: kept",) if unclaimed else (),
    )


def _require_any(bundle: Bundle, found: list[EntityEvidence], warehouse: Warehouse) -> None:
    """Require that something of the run is in the database.

    Raises:
        RollbackError: Nothing is.
    """
    wrote = sum(bundle.entities[name].expected for name in ENTITIES)
    whys = (why for each in found for why in (*each.kept.values(), *each.updated.values()))
    if not wrote or any(each.created for each in found) or any(why != OTHER_ID for why in whys):
        return
    if any(_is_remembered(each, warehouse) for each in found):
        return
    states = {row["run_id"] for row in warehouse.rows("select run_id from target.runs")}
    raise RollbackError(
        "None of the rows that the run wrote is in this database",
        where=str(bundle.path)[:300],
        expected=f"some of {wrote:,} rows that the report says were created or updated",
        found="none: the run was rolled back before" if f"{bundle.run_id}{ROLLED_BACK}" in states else "none",
        next_step="Name the database that the run wrote to",
    )


def _is_remembered(evidence: EntityEvidence, warehouse: Warehouse) -> bool:
    lost = {"lost": list(evidence.lost)}
    return bool(lost["lost"]) and bool(warehouse.rows(statement_of("remembered", evidence.entity), lost)[0]["is_any"])


def _sentences(bundle: Bundle, found: list[EntityEvidence]) -> Iterator[str]:
    for each in found:
        if each.created or each.kept or bundle.entities[each.entity].created:
            yield f"{each.entity}: {each.proof}"


def _notices(run: Mapping[str, Any], calibrations: Mapping[str, Calibration]) -> Iterator[str]:
    if run["completed_at"] is None:
        yield "The report does not say when the run ended: rows that were changed since cannot be recognised by time"
    for name, calibration in calibrations.items():
        if calibration.remark:
            yield f"{name}: {calibration.remark}"
        if calibration.created.rows and not calibration.updated.rows:
            yield f"{name}: without updated_at, an edit shows only in a field that the record holds"
