"""Which rows a run created, as far as bundle and database prove it; an id mapping alone proves nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recon.errors import RollbackError
from recon.ledger.calibration import TOLERANCE, calibrate
from recon.ledger.entities import EVERY_ENTITY
from recon.ledger.pairing import RUN
from recon.model import ENTITIES
from recon.sql import named_statements

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from recon.bundle import Bundle
    from recon.ledger.calibration import Calibration
    from recon.warehouse import Warehouse

STATEMENTS = named_statements(Path(__file__).with_name("created.sql"))
ASK = "Ask the DBA whether the backup that was made before the run can be restored (Level 2)"
NAMES = {entity.name: entity.mapped_as for entity in EVERY_ENTITY}


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
    """

    entity: str
    proof: str
    created: tuple[str, ...]
    kept: Mapping[str, str] = field(default_factory=dict)
    updated: Mapping[str, str | None] = field(default_factory=dict)
    lost: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunEvidence:
    """What is known of one run.

    Attributes:
        sentences: What the plan relies on, one sentence each.
        started_at, ended_at: The time in which the run wrote, by the database's clock, with its tolerance; None:
            unknown.
        newer_runs: Ids of runs that were recorded after it.
        notices: What else is to be known, one sentence each.
    """

    run_id: str
    sentences: tuple[str, ...]
    started_at: datetime | None
    ended_at: datetime | None
    entities: tuple[EntityEvidence, ...]
    newer_runs: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


def evidence_of_bundle(bundle: Bundle, warehouse: Warehouse) -> RunEvidence:
    """Return what bundle and database prove about the run.

    Args:
        bundle: The run's bundle.
        warehouse: Holds bundle, snapshot and ledger.

    Raises:
        RollbackError: Nothing proves which rows the run created, or bundle and database disagree about it.
    """
    run = warehouse.rows(RUN)[0]
    _require_run(bundle, run)
    evaluated = [name for name in ENTITIES if f"ledger.{name}" not in warehouse.missing]
    calibrations = calibrate(evaluated, warehouse, run)
    found, spans = [], []
    for name in ENTITIES:
        with_records = name in bundle.recorded and name in evaluated
        window = _window(calibrations.get(name), run)
        if bundle.entities[name].created:
            spans.append(window)
        evidence = _by_records(name, window, warehouse) if with_records else _by_stamps(bundle, name, window, warehouse)
        found.append(evidence)
    started = min((w.started_at for w in spans if w.started_at), default=None)
    ended = max((w.ended_at for w in spans if w.ended_at), default=None)
    return RunEvidence(
        bundle.run_id,
        tuple(dict.fromkeys(_sentences(bundle, found))),
        started,
        ended,
        tuple(found),
        newer_runs(warehouse, bundle.run_id, ended),
        tuple(_notices(run, calibrations)),
    )


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


def _require_run(bundle: Bundle, run: Mapping[str, Any]) -> None:
    if bundle.dry_run:
        raise RollbackError(
            "The bundle is of a dry run, which wrote nothing to the database",
            where=str(bundle.path)[:300],
            expected="dryRun false",
            found="dryRun true",
            next_step="Name the bundle of the run that is to be undone",
        )
    if run["started_at"] is None:
        raise RollbackError(
            "The report does not say when the run started, so created_at proves nothing",
            where=str(bundle.path)[:300],
            expected="startedAt",
            found="none",
            next_step=ASK,
        )


def _window(calibration: Calibration | None, run: Mapping[str, Any]) -> Window:
    """The time by the clock of created_at; without any row to measure the clock on, by the run's own."""
    started, ended = run["started_at"], run["completed_at"]
    if calibration is None:
        return Window(started - TOLERANCE, ended and ended + TOLERANCE, ended and ended + TOLERANCE)
    offset = calibration.created.offset
    if offset is None:
        return Window(None, None, None)
    ended = ended and ended + offset + TOLERANCE
    return Window(started + offset - TOLERANCE, ended, calibration.edited_after)


def _by_records(entity: str, window: Window, warehouse: Warehouse) -> EntityEvidence:
    """Created are rows whose record says so, and whose created_at lies within the run."""
    is_dated = window.started_at is not None
    rows = warehouse.rows(STATEMENTS["records"].format(entity=entity), window.parameters)
    created = [row for row in rows if row["is_created"]]
    if created and not is_dated:
        raise RollbackError(
            f"Nothing but the report says that the run created the {len(created):,} {entity}",
            where=f"created_at of the {entity}",
            expected="times within the run",
            found=_absence(entity, warehouse),
            next_step=ASK,
        )
    return EntityEvidence(
        entity,
        "the bundle's record says create, the row exists, and its created_at lies within the run",
        tuple(row["id"] for row in created if row["why"] is None),
        {row["id"]: row["why"] for row in created if row["why"]},
        {row["id"]: row["why"] for row in rows if not row["is_created"]},
        _lost(entity, warehouse),
    )


def _absence(entity: str, warehouse: Warehouse) -> str:
    absent = warehouse.missing.get(f"target.{entity}.created_at")
    return absent or "times before or after it, on most rows"


def _by_stamps(bundle: Bundle, entity: str, window: Window, warehouse: Warehouse) -> EntityEvidence:
    """Without records: created are rows whose created_at lies within the run, and no more than the report says."""
    report = bundle.entities[entity]
    are_paired = entity in bundle.exports and f"ledger.{entity}" not in warehouse.missing
    rows = warehouse.rows(STATEMENTS["stamps"].format(entity=entity), {**window.parameters, "are_paired": are_paired})
    if len(rows) > report.created:
        raise RollbackError(
            f"Not all rows of the {entity} within the time of the run can be the run's",
            where=f"created_at of the {entity}",
            expected=f"at most {report.created:,} rows, as many as the report says were created",
            found=f"{len(rows):,}",
            next_step=ASK,
        )
    if report.created and not rows:
        raise RollbackError(
            f"The report says that {report.created:,} {entity} were created, and no row is of that time",
            where=f"created_at of the {entity}",
            expected=f"times between {window.started_at} and {window.ended_at or 'now'}",
            found=_absence(entity, warehouse),
            next_step="Check that the bundle is of this database; without it: --run-id",
        )
    exported = ", an export has its record" if are_paired else ""
    return EntityEvidence(
        entity,
        f"its created_at lies within the run{exported}, and there are no more such rows than the report says",
        tuple(row["id"] for row in rows if row["why"] is None),
        {row["id"]: row["why"] for row in rows if row["why"]},
        lost=_lost(entity, warehouse),
    )


def _lost(entity: str, warehouse: Warehouse) -> tuple[str, ...]:
    return tuple(row["id"] for row in warehouse.rows(STATEMENTS["lost"].format(entity=entity)))


def newer_runs(warehouse: Warehouse, run_id: str, ended_at: datetime | None) -> tuple[str, ...]:
    """Return the ids of the runs that the database recorded after this one; none where its end is not known."""
    rows = warehouse.rows(STATEMENTS["newer"], {"run_id": run_id, "ended_at": ended_at})
    return tuple(row["run_id"] for row in rows)


def _sentences(bundle: Bundle, found: list[EntityEvidence]) -> Iterator[str]:
    for each in found:
        if each.created or each.kept or bundle.entities[each.entity].created:
            yield f"{each.entity}: {each.proof}"


def _notices(run: Mapping[str, Any], calibrations: Mapping[str, Calibration]) -> Iterator[str]:
    if run["completed_at"] is None:
        yield "The report does not say when the run ended: rows that were changed since cannot be told by time"
    for name, calibration in calibrations.items():
        if calibration.remark:
            yield f"{name}: {calibration.remark}"
