"""What must be in a database before an import: statuses and tiers; and what earlier imports left there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.model import ENTITIES, Fact, Findings, Probe
from recon.warehouse import Warehouse
from recon.warehouse.load_database import take_snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.database import Source
    from recon.model import Check
    from recon.profile import Profile

PART = "environment"
USUAL = {
    "statuses": "one row per status code that the importer writes, e.g. active, lapsed, pending_new",
    "tiers": "one row per code: PROSPECT, NEWCOMER, FIRST_YEAR, SECOND_YEAR, THIRD_YEAR, ALUMNI, LAPSED, GENERAL",
}
SEEDED = {
    name: Probe(
        f"{name}_seeded",
        f"{name.capitalize()} Seeded",
        PART,
        f"The table of {name} has rows that members can refer to.",
        meaning,
        f"Run the application's seeder before the import, or insert {USUAL[name]}",
    )
    for name, meaning in (
        ("statuses", "Every member of the import would be rejected: its status does not exist"),
        ("tiers", "Every member of the import would be without a tier"),
    )
}
LEFTOVERS = Probe(
    "leftovers",
    "Earlier Runs",
    PART,
    "No earlier import left its id mappings or run records in the database.",
    "Ids of an earlier import lead this one to other rows, and it updates where it should create",
    "Find out which run it was; undo it or clear its id mappings before the import, or state why they stay",
)
READ = (
    *("target.statuses.code", "target.tiers.code", "target.runs"),
    *("target.id_mappings.entity_type", "target.id_mappings.wa_id"),
    *(f"target.{entity}.id" for entity in ENTITIES),
)
CODES = "select distinct code from target.{name} where code is not null order by 1"
RUNS = "select run_id, max(recorded_at) as recorded_at, sum(rows) as rows from target.runs group by 1 order by 2, 1"


def ask_seeds(source: Source, profile: Profile) -> Iterator[Fact | Check]:
    """Yield whether statuses and tiers are there, how many rows each entity has, and what earlier runs left.

    Raises:
        DatabaseError: A required table cannot be read.
    """
    with Warehouse() as warehouse:
        snapshot = take_snapshot(source, profile, READ, warehouse)
        rows = {name: snapshot.rows.get(name, 0) for name in ENTITIES}
        yield Fact("Rows now", ", ".join(f"{count:,} {name}" for name, count in rows.items()))
        for name, probe in SEEDED.items():
            yield _seeded(warehouse, name, probe)
        yield _leftovers(warehouse)


def _seeded(warehouse: Warehouse, name: str, probe: Probe) -> Check:
    absence = _absence(warehouse, f"target.{name}", f"target.{name}.code")
    if absence:
        return probe.warned(f"not recorded: {absence}")
    codes = [row["code"] for row in warehouse.rows(CODES.format(name=name))]
    if not codes:
        return probe.failed(f"there are no {name}")
    return probe.passed(f"{len(codes)} {name}: {', '.join(codes[:10])}{'…' if len(codes) > 10 else ''}")


def _leftovers(warehouse: Warehouse) -> Check:
    refused = [name for name in ("target.id_mappings", "target.runs") if name in warehouse.unreadable]
    if refused:
        return LEFTOVERS.not_evaluated(warehouse.unreadable[refused[0]])
    absence = [warehouse.missing[name] for name in ("target.id_mappings", "target.runs") if name in warehouse.missing]
    mappings = warehouse.row_count("target.id_mappings")
    runs = warehouse.rows(RUNS)
    if mappings or runs:
        rows = tuple({"run_id": r["run_id"], "recorded_at": r["recorded_at"], "rows": r["rows"]} for r in runs)
        sentence = (
            f"{mappings:,} id mapping{'s' * (mappings != 1)} and {len(runs)} recorded run{'s' * (len(runs) != 1)}"
        )
        return LEFTOVERS.warned(sentence, Findings(rows))
    if len(absence) == 2:
        return LEFTOVERS.warned(f"not recorded: {'; '.join(absence)}")
    return LEFTOVERS.passed("none: no id mappings and no recorded runs")


def _absence(warehouse: Warehouse, *names: str) -> str | None:
    found = (warehouse.missing.get(name) or warehouse.unreadable.get(name) for name in names)
    return next(filter(None, found), None)
