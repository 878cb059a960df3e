"""What a dry run would do to the database as it is: rows to create and update, and what the tables hold afterwards."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from recon.database import open_source, resolve_database
from recon.errors import ReconError
from recon.ledger.builder import LEVELS
from recon.masking import mask_text
from recon.model import ENTITIES, Fact, Findings, Probe
from recon.preflight.dry_run.bundle import CATEGORY
from recon.preflight.dry_run.records import unlisted_sentence
from recon.preflight.dry_run.violating import STATEMENTS, few, found
from recon.preflight.wording import counted
from recon.profile import load_profile
from recon.warehouse.load_database import take_snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.model import Check
    from recon.preflight.dry_run.options import DryRunOptions
    from recon.warehouse import Warehouse

MOST_PERCENT = 5
LEAST_COVERED_PERCENT = 95
READ = (
    "target.members.id",
    "target.members.email",
    "target.members.tier_id",
    "target.events.id",
    "target.events.title",
    "target.events.start_time",
    "target.registrations.id",
    "target.registrations.event_id",
    "target.registrations.member_id",
    "target.tiers.id",
    "target.tiers.code",
    "target.tiers.sort_order",
)
NATURAL = {"members": ("email",), "events": ("title", "start_time")}
TIERS = ("target.tiers", "target.tiers.id", "target.tiers.code", "target.members.tier_id")
CREATED = Probe(
    "dry_run_created",
    "Rows to Create",
    CATEGORY,
    "No row that the dry run would create is there already.",
    "The database changed since, or the importer does not recognise its own rows: they would be there twice",
    "Do the dry run again on this database; if it stays, look at how the importer finds rows",
)
UPDATED = Probe(
    "dry_run_updated",
    "Rows to Update",
    CATEGORY,
    "Every row that the dry run would update is there.",
    "The dry run was done on another database, or rows were deleted since",
    "Check which database the dry run used, and do it again on this one",
)
PARENTS = Probe(
    "dry_run_parents",
    "Members and Events of Registrations",
    CATEGORY,
    "The member and the event of every registration are there or would be written.",
    "Registrations would be refused, or belong to nobody",
    "Do the dry run again on this database",
)
SIZE = Probe(
    "dry_run_size",
    "Counts Against the Database",
    CATEGORY,
    f"No more rows are updated than are there; a table that is not empty grows by at most {MOST_PERCENT} %, and at "
    f"most {MOST_PERCENT} % of its rows are left alone.",
    "The rows to come and the rows that are there may not be the same people and events",
    "Compare the table's rows with the source: whose are those that are not updated?",
)
COVERAGE = Probe(
    "dry_run_tiers",
    "Tiers Afterwards",
    CATEGORY,
    f"Members would be spread over tiers that exist, and {LEAST_COVERED_PERCENT} % of them would have one.",
    "Levels are not mapped, or tiers are not seeded",
    "Run the tier seeder, complete the tier mapping, and do the dry run again",
)
PROBES = (CREATED, UPDATED, PARENTS, SIZE, COVERAGE)


def ask_target(warehouse: Warehouse, options: DryRunOptions) -> Iterator[Fact | Check]:
    """Ask what the dry run would do to the database; without one, nothing of it is known."""
    try:
        database = _load(warehouse, options)
    except ReconError as error:
        first, *others = PROBES
        yield first.not_evaluated(mask_text(error.message))
        yield from (probe.not_evaluated(f"The database was not read: see {first.name}") for probe in others)
        return
    yield Fact("Database", database)
    yield from _afterwards(warehouse)
    yield _created(warehouse)
    yield _updated(warehouse)
    yield _parents(warehouse)
    yield _size(warehouse)
    yield from _tiers(warehouse)


def _load(warehouse: Warehouse, options: DryRunOptions) -> str:
    """Read what is needed of the database into the warehouse; returns the database's name."""
    profile = load_profile(options.profile).require_whole()
    url = resolve_database(options.database, options.environment)
    with closing(open_source(url, options.timeout_s)) as source:
        snapshot = take_snapshot(source, profile, READ, warehouse)
    warehouse.execute(STATEMENTS["snapshot_keys"])
    warehouse.execute("create schema if not exists ledger")
    warehouse.execute(LEVELS["policies"])
    return snapshot.database


def _unlisted(warehouse: Warehouse, entities: tuple[str, ...] = ENTITIES) -> list[str]:
    return [name for name in entities if f"source.{name}" in warehouse.missing]


def _not_told(warehouse: Warehouse, entities: tuple[str, ...] = ENTITIES) -> str | None:
    """Why the records do not state which rows would be created and updated; None where they do."""
    unlisted = _unlisted(warehouse, entities)
    if unlisted:
        return unlisted_sentence(unlisted)
    exported = [name for name in entities if f"source.{name}" in warehouse.origins]
    if exported:
        return f"The exports of {' and '.join(exported)} do not state which rows would be created and which updated"
    return None


def _unkeyed(warehouse: Warehouse) -> str | None:
    """What of the database is not known, so that rows cannot be found by what the importer finds them by."""
    absent = {**warehouse.missing, **warehouse.unreadable}
    needed = [f"target.{entity}.{column}" for entity, columns in NATURAL.items() for column in columns]
    return next((absent[name] for name in needed if name in absent), None)


def _afterwards(warehouse: Warehouse) -> Iterator[Fact]:
    for row in warehouse.rows(STATEMENTS["sizes"]):
        after = row["present"] + row["created"]
        words = f"{after:,} ({row['present']:,} present, {row['created']:,} created, {row['updated']:,} updated)"
        yield Fact(f"{row['entity'].capitalize()} afterwards", words)


def _created(warehouse: Warehouse) -> Check:
    not_told, unkeyed = _not_told(warehouse), _unkeyed(warehouse)
    there = found(warehouse, STATEMENTS["existing"])
    if there.total:
        message = f"{counted(there.total, 'record')} to create, whose rows are there already"
        return there.judge(CREATED.failed, message)
    if not_told:
        return CREATED.not_evaluated(not_told)
    if unkeyed:
        return CREATED.warned(f"None is there by its id; not looked up by what rows are found by: {unkeyed}")
    (number,) = warehouse.rows("select count(*) as n from dry_run.written where action = 'create'")
    none = f"None of {counted(number['n'], 'row')} to create is there"
    return CREATED.passed(none if number["n"] else "None to create")


def _updated(warehouse: Warehouse) -> Check:
    not_told = _not_told(warehouse)
    if not_told:
        return UPDATED.not_evaluated(not_told)
    lost = found(warehouse, STATEMENTS["unmatched"])
    if lost.total:
        return lost.judge(UPDATED.failed, f"{counted(lost.total, 'record')} to update, whose rows are not there")
    (number,) = warehouse.rows("select count(*) as n from dry_run.written where action = 'update'")
    every = f"All of {counted(number['n'], 'row')} to update are there"
    return UPDATED.passed(every if number["n"] else "None to update")


def _parents(warehouse: Warehouse) -> Check:
    unlisted = _unlisted(warehouse)
    if unlisted:
        return PARENTS.not_evaluated(unlisted_sentence(unlisted))
    origins = [name for name in ENTITIES if f"source.{name}" in warehouse.origins]
    if origins:
        return PARENTS.not_evaluated(f"The exports of {' and '.join(origins)} do not state the ids of rows")
    lost = found(warehouse, STATEMENTS["unknown_parents"])
    if lost.total:
        return lost.judge(PARENTS.failed, f"{counted(lost.total, 'member or event')} of registrations not there")
    (number,) = warehouse.rows("select count(*) as n from dry_run.written where entity = 'registrations'")
    if not number["n"]:
        return PARENTS.warned("Nothing to compare: no registration would be written")
    return PARENTS.passed(f"There for all of {counted(number['n'], 'registration')}")


def _size(warehouse: Warehouse) -> Check:
    rows = warehouse.rows(STATEMENTS["sizes"])
    listed = not _not_told(warehouse)
    impossible, remarkable = [], []
    for row in rows:
        updates = (row["updated_rows"] or 0) if listed else row["updated"]
        # Without records, a row that is created and then updated is counted twice.
        most = row["present"] + (0 if listed else row["created"])
        if updates > most:
            impossible.append(row | {"problem": f"{updates:,} updates of a table of {counted(row['present'], 'row')}"})
        else:
            remarkable += [row | {"problem": problem} for problem in _remarks(row, updates)]
    if impossible:
        return few(impossible).judge(SIZE.failed, _listed(impossible))
    if remarkable:
        return few(remarkable).judge(SIZE.warned, _listed(remarkable))
    after = ", ".join(f"{row['present'] + row['created']:,} {row['entity']}" for row in rows)
    return SIZE.passed(f"{after} afterwards")


def _remarks(row: dict[str, Any], updates: int) -> Iterator[str]:
    present, created = row["present"], row["created"]
    if not present:
        if not created:
            yield "nothing to compare: no row there, none to create"
        elif updates:
            yield f"{counted(updates, 'update')} although the table is empty"
        return
    if 100 * created > MOST_PERCENT * present:
        yield (
            f"{created:,} created beside {present:,} that are there: it grows by {100 * created / present:.0f} %, more "
            f"than {MOST_PERCENT} %"
        )
    left = present - updates
    if 100 * left > MOST_PERCENT * present:
        yield f"{left:,} of {present:,} that are there are left alone, more than {MOST_PERCENT} %"


def _listed(rows: list[dict[str, Any]]) -> str:
    return "; ".join(f"{row['entity']}: {row['problem']}" for row in rows)


def _tiers(warehouse: Warehouse) -> Iterator[Fact | Check]:
    absent = {**warehouse.missing, **warehouse.unreadable}
    not_recorded = next((absent[name] for name in TIERS if name in absent), None)
    unlisted = _unlisted(warehouse, ("members",))
    if unlisted or "source.members.level" in absent:
        yield COVERAGE.not_evaluated(unlisted_sentence(unlisted) if unlisted else absent["source.members.level"])
        return
    if not_recorded:
        yield COVERAGE.warned(f"Tiers are not recorded: {not_recorded}")
        return
    if not warehouse.rows(STATEMENTS["tier_sources"])[0]["sources"]:
        yield COVERAGE.warned("Not known: neither the records nor a tier mapping among the policies say who gets which")
        return
    rows = warehouse.rows(STATEMENTS["tiers"])
    yield from (Fact(f"Tier {row['code']} afterwards", f"{row['members']:,}") for row in rows)
    yield _coverage(rows)


def _coverage(rows: list[dict[str, Any]]) -> Check:
    total = sum(row["members"] for row in rows)
    if not total:
        return COVERAGE.not_evaluated("There would be no members")
    with_tier = [row for row in rows if row["is_seeded"]]
    unseeded = [row for row in rows if not row["is_seeded"] and row["code"] != "(none)"]
    covered = sum(row["members"] for row in with_tier)
    share = Findings(expected=LEAST_COVERED_PERCENT, actual=round(100 * covered / total, 1), unit="%")
    if unseeded:
        words = ", ".join(f"{row['code']} ({counted(row['members'], 'member')})" for row in unseeded)
        return few(unseeded).judge(COVERAGE.warned, f"Tiers that are not in the database: {words}")
    if 100 * covered < LEAST_COVERED_PERCENT * total:
        message = f"{covered:,} of {counted(total, 'member')} would have a tier, less than {LEAST_COVERED_PERCENT} %"
        return COVERAGE.warned(message, share)
    if len(with_tier) == 1 and total > 1:
        only = f"All members that have a tier would be in {with_tier[0]['code']}: verify the mapping"
        return COVERAGE.warned(only, share)
    return COVERAGE.passed(f"{covered:,} of {counted(total, 'member')} would have one of {len(with_tier)} tiers", share)
