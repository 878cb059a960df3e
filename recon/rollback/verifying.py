"""Verifies a rollback against its plan, in a transaction of its own after the commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.model import Fact, Findings, Probe
from recon.rollback.exactness import content_of, count_differing
from recon.rollback.links import count_orphans
from recon.rollback.remembered import remembered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.database.writing import WritableDatabase
    from recon.model import Check
    from recon.rollback.plan import RollbackPlan

PART = "verification"
LOOK = "Escalate to the DBA: put the rows back with recon rollback revert, or restore the backup"
GONE = Probe(
    "planned_rows_gone",
    "Planned Rows",
    PART,
    "Every row that the plan deletes is gone.",
    "The rollback did not do what its plan says",
    LOOK,
)
KEPT = Probe(
    "kept_rows_named",
    "Kept Rows",
    PART,
    "No row of the run was kept.",
    "These rows are still there, each for the reason that is named: people edited them, or other rows refer to them",
    "Decide on each with the merge captain; what refers to them can go along with --include TABLE in a new plan",
)
REFERENCES = Probe(
    "references_hold",
    "References",
    PART,
    "No row refers to one that is gone.",
    "Rows refer to deleted ones, which the application will stumble over",
    LOOK,
)
MAPPINGS = Probe(
    "mappings_hold",
    "ID Mappings",
    PART,
    "No id mapping names a row that is gone.",
    "The next import takes deleted rows for existing ones, and does not create them",
    LOOK,
)
BACK = Probe(
    "planned_rows_back",
    "Planned Rows",
    PART,
    "Every row that the plan deleted is there again, as it was.",
    "The rows did not come back as they were",
    "Escalate to the DBA: the rows are in reverse.sql",
)
SHOWN = 1000


def facts_of(plan: RollbackPlan) -> Iterator[Fact]:
    """Yield what was planned."""
    yield Fact("Run ID", plan.run_id)
    yield Fact("Plan", plan.id)
    yield Fact("Database", plan.database)
    yield Fact("Planned by", plan.made_by)
    for each in plan.deleted:
        yield Fact(each.title.capitalize(), f"{len(each.rows):,} of {each.before:,} rows of {each.table.name}")


def verify_gone(plan: RollbackPlan, database: WritableDatabase) -> Iterator[Fact | Check]:
    """Yield the checks of a rollback, in an open transaction."""
    planned = {each.table: [row.key for row in each.rows] for each in plan.deleted}
    left = {table.name: content_of(table, keys, database).rows for table, keys in planned.items()}
    present = [{"table": name, "rows": rows} for name, rows in left.items() if rows]
    if present:
        found = Findings(present, expected=0, actual=sum(left.values()))
        yield GONE.failed(f"{sum(left.values()):,} of {plan.rows:,} planned rows are there", found)
    else:
        yield GONE.passed(f"All {plan.rows:,} planned rows are gone")
    yield _kept(plan)
    yield _references(plan, database)
    yield _mappings(plan, database)


def _kept(plan: RollbackPlan) -> Check:
    if not plan.kept_rows:
        return KEPT.passed("No row of the run was kept")
    rows = [
        {"table": each.table.name, "key": row.key, "why": row.why}
        # Id mappings last: they are kept because of the rows that they name.
        for each in (*plan.kept, *reversed(plan.deleted))
        for row in each.kept
    ]
    rows += [{"table": each.table.name, "key": row.key, "why": row.why} for each in plan.restored for row in each.kept]
    words = "1 row of the run was kept" if len(rows) == 1 else f"{len(rows):,} rows of the run were kept"
    return KEPT.warned(words, Findings(rows[:SHOWN], actual=len(rows)))


def _references(plan: RollbackPlan, database: WritableDatabase) -> Check:
    tables = {table.sql: table for table in database.tables()}
    rows, kept = [], 0
    for reference, before in zip(plan.references, plan.orphans, strict=True):
        found = count_orphans(reference, tables, database)
        kept += found
        if found > before:
            name = tables[reference.table].name
            rows.append({"table": name, "columns": ", ".join(reference.columns), "before": before, "now": found})
    if rows:
        return REFERENCES.failed("Rows refer to rows that are gone", Findings(rows))
    remark = f"; {kept:,} referred to nothing before, and still do" if kept else ""
    return REFERENCES.passed(f"No row refers to a deleted one, by {len(plan.references)} references{remark}")


def _mappings(plan: RollbackPlan, database: WritableDatabase) -> Check:
    if plan.mappings is None:
        return MAPPINGS.warned("The database has no id mappings: the importer's memory is not known")
    every = remembered(plan, plan.mappings, database)
    found = [{"mapping": ", ".join(each.key), "names": each.named} for each in every if each.is_planned]
    if found:
        findings = Findings(found[:SHOWN], actual=len(found))
        return MAPPINGS.failed(f"{len(found):,} id mappings name deleted rows", findings)
    return MAPPINGS.passed("No id mapping names a deleted row")


def verify_back(plan: RollbackPlan, database: WritableDatabase) -> Iterator[Fact | Check]:
    """Yield the checks of a reverted rollback, in an open transaction."""
    differing = {each.table.name: count_differing(each, database) for each in plan.deleted}
    rows = [{"table": name, "rows": count} for name, count in differing.items() if count]
    if rows:
        yield BACK.failed(f"{sum(differing.values()):,} of {plan.rows:,} rows are not as they were", Findings(rows))
    elif plan.orphaned_rows and not database.can_skip_references:
        left_out = f"{plan.orphaned_rows:,} that refer to nothing were left out: the server takes no such row"
        yield BACK.warned(f"{plan.rows - plan.orphaned_rows:,} rows are there again; {left_out}")
    else:
        yield BACK.passed(f"All {plan.rows:,} rows are there again, equal to those that were deleted")
    yield _references(plan, database)
