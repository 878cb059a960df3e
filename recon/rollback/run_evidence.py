"""Which rows a run created whose importer left no bundle: what the database itself recorded, and time stamps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from recon.errors import RollbackError, UsageError, suggest
from recon.ledger.calibration import TOLERANCE
from recon.model import ENTITIES
from recon.rollback.evidence import ASK, STATEMENTS, EntityEvidence, RunEvidence, Window, newer_runs, statement_of
from recon.warehouse.reads import ROLLED_BACK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.warehouse import Warehouse

# A run does not pause longer than this while it writes; a longer pause means two runs under one id, or stamps that a
# later run did not renew.
LONGEST_PAUSE = timedelta(hours=1)
# How long before its mapping a row may have been written; a run that ended just before must not be taken for this one.
SLACK = timedelta(seconds=2)


def evidence_of_run(run_id: str, warehouse: Warehouse, started_at: datetime | None) -> RunEvidence:
    """Return what the database proves about a run without a bundle.

    Args:
        run_id: The run's id, as the database recorded it.
        warehouse: Holds a snapshot with `READS` of recon.rollback.evidence.
        started_at: When the importer was started, as its operator knows, with its offset; None: the first mapping of
            the run counts as its beginning.

    Raises:
        RollbackError: The database does not know the run, or what it recorded of it does not tell when it wrote.
    """
    span = _span(run_id, warehouse)
    first = _start(started_at, span) if started_at else span["first"] - SLACK
    window = Window(first, span["last"] + TOLERANCE, span["last"] + TOLERANCE)
    found = [_entity(entity, run_id, window, warehouse, is_start_known=bool(started_at)) for entity in ENTITIES]
    _require_one_run(found, span, warehouse)
    notices = [
        f"{count:,} {entity} of the time of the run have no id mapping of it, and are kept: whose they are is not known"
        for entity in ENTITIES
        if (count := _unnamed(entity, run_id, window, warehouse))
    ]
    return RunEvidence(
        run_id,
        (
            "There is no bundle: what the run created is known from the database alone",
            f"The database's id mappings name the run on {span['n']:,} rows, "
            + (
                f"and its operator says when it started: {window.started_at} UTC"
                if started_at
                else "of which the first counts as its beginning"
            ),
            *(f"{each.entity}: {each.proof}" for each in found if each.created or each.kept),
        ),
        window.started_at,
        window.ended_at,
        tuple(found),
        newer_runs(warehouse, run_id, window.ended_at),
        ("Rows that the run updated are not known without a bundle", *_nothing_created(found), *notices),
        first.replace(tzinfo=UTC),
    )


def _start(started_at: datetime, span: dict[str, Any]) -> datetime:
    """Return when the run started, in UTC without zone.

    Raises:
        UsageError: It has no offset, or the run wrote before it.
    """
    first = started_at.astimezone(UTC).replace(tzinfo=None)
    if started_at.tzinfo is None or first > span["first"] + TOLERANCE:
        raise UsageError(
            "The run cannot have started then",
            where="--started-at",
            expected=f"a time with its offset, not after the run's first id mapping: {span['first']} UTC",
            found=started_at.isoformat(),
            next_step="Look up in the importer's log when it started, or leave --started-at out",
        )
    return first


def _require_one_run(found: list[EntityEvidence], span: dict[str, Any], warehouse: Warehouse) -> None:
    """Require that rows were created without a long pause up to the first mapping.

    Raises:
        RollbackError: There is a pause, so that another run may have created the earlier rows.
    """
    moments = " union all ".join(
        STATEMENTS["moments"].format(entity=each.entity, place=place) for place, each in enumerate(found)
    )
    created = {f"created_{place}": list(each.created) for place, each in enumerate(found)}
    values = {"first": span["first"], **created}
    pause = warehouse.rows(STATEMENTS["creations"].format(moments=moments), values)[0]["longest_pause"]
    if pause and pause > LONGEST_PAUSE:
        raise RollbackError(
            "Rows were created in two times: two runs may have created them",
            where="created_at",
            expected=f"no pause of more than {LONGEST_PAUSE} up to the run's first id mapping, {span['first']}",
            found=str(pause),
            next_step="Check --started-at against the importer's log",
        )


def _nothing_created(found: list[EntityEvidence]) -> Iterator[str]:
    """Say why, if all rows are kept."""
    if not any(each.created for each in found):
        yield (
            "The database shows no row that this run created; if the importer writes its id mappings at the end, name "
            "the time when it was started: --started-at"
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
        raise _unknown(run_id, warehouse)
    if span["stamped"] < span["n"] or (span["longest_pause"] or timedelta()) > LONGEST_PAUSE:
        raise RollbackError(
            "The times of the run's id mappings are not those of one run",
            where=run_id,
            expected=f"times without a pause of more than {LONGEST_PAUSE}",
            found=f"{span['first']} to {span['last']}, longest pause {span['longest_pause']}",
            next_step=ASK,
        )
    return span


def _unknown(run_id: str, warehouse: Warehouse) -> RollbackError:
    """The error for a run that no mapping names."""
    places = {
        row["run_id"]: row["places"] for row in warehouse.rows(STATEMENTS["known_runs"], {"rolled_back": ROLLED_BACK})
    }
    if run_id in places:
        return RollbackError(
            "The database names the run, but not the rows that it wrote",
            where=run_id[:100],
            expected="id mappings of the run",
            found=f"its id in {places[run_id]} alone",
            next_step=f"Name the run's bundle; without one: {ASK[0].lower()}{ASK[1:]}",
        )
    return RollbackError(
        "No id mapping of the database names this run",
        where="--run-id",
        expected=", ".join([*places][:5]) or "a run that the database recorded",
        found=run_id[:100],
        next_step=suggest(run_id, places) or "Check the id, or name the run's bundle",
    )


def _entity(entity: str, run_id: str, window: Window, warehouse: Warehouse, *, is_start_known: bool) -> EntityEvidence:
    values = {**window.parameters, "run_id": run_id, "is_start_known": is_start_known}
    rows = warehouse.rows(statement_of("mapped", entity), values)
    return EntityEvidence(
        entity,
        "an id mapping of the run names the row, and its created_at lies within the time of these mappings",
        tuple(row["id"] for row in rows if row["why"] is None),
        {row["id"]: row["why"] for row in rows if row["why"]},
    )


def _unnamed(entity: str, run_id: str, window: Window, warehouse: Warehouse) -> int:
    found = warehouse.rows(statement_of("unnamed", entity), {**window.parameters, "run_id": run_id})
    return int(found[0]["n"])
