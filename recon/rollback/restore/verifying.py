"""Verifies a restore against the backup's manifest, after it is in place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recon.backup.contents import TableContent, TableMismatch, compare_contents
from recon.model import Fact, Findings, Probe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recon.backup.manifest import BackupManifest
    from recon.backup.replacing import Survey
    from recon.model import Check
    from recon.rollback.restore.plan import RestorePlan

PART = "verification"
LOOK = "Escalate to the DBA: recon rollback revert brings back what was there before"
TABLES = Probe(
    "tables_as_in_backup",
    "Tables",
    PART,
    "Every table holds what the backup's manifest says.",
    "The restore did not do what its plan says, or the application wrote to the database since",
    LOOK,
)
SCHEMA = Probe(
    "schema_as_in_backup",
    "Schema",
    PART,
    "Everything is there that the backup's schema has: keys, indexes, views, functions, triggers, owners and grants.",
    "The application would run on a database without it",
    LOOK,
)
STANDING = Probe(
    "newer_tables_stay",
    "Newer Tables",
    PART,
    "The tables that are newer than the backup hold what they held.",
    "Rows are gone that the plan does not name",
    LOOK,
)


def facts_of_restore(plan: RestorePlan) -> Iterator[Fact]:
    """Yield what was planned."""
    yield Fact("Database", plan.database)
    yield Fact("Backup", plan.backup)
    yield Fact("Instant of the backup", f"{plan.snapshot_at:%Y-%m-%d %H:%M:%S} UTC")
    yield Fact("Plan", plan.id)
    yield Fact("Planned by", plan.made_by)


def without_record(differing: list[TableMismatch], audit: str | None) -> list[TableMismatch]:
    """The tables that differ, but for the audit table where it has the one row more that records a restore."""
    return [each for each in differing if each.table != audit or each.rows != (each.expected_rows or 0) + 1]


@dataclass(frozen=True)
class RestoredState:
    """A database after a restore.

    Attributes:
        tables: What it holds.
        survey: Made of it.
        audit: The audit table; None: there is none.
        standing: What the tables held that are newer than the backup and stay.
        was_done: Whether the backup was found in place, so that people may have written since.
    """

    tables: Mapping[str, TableContent]
    survey: Survey
    audit: str | None
    standing: Mapping[str, TableContent]
    was_done: bool


def verify_restored(manifest: BackupManifest, state: RestoredState) -> Iterator[Check]:
    """Yield the checks of a restored database."""
    yield _tables(manifest, state)
    yield _schema(state.survey)
    if state.standing:
        yield _standing(state)


def _tables(manifest: BackupManifest, state: RestoredState) -> Check:
    left_out = {*manifest.left_out, *state.standing}
    differing = without_record(compare_contents(manifest.tables, state.tables, left_out), state.audit)
    if not differing:
        recorded = f", and in {state.audit} the row that records it" if state.audit else ""
        return TABLES.passed(f"{manifest.rows:,} rows in {len(manifest.tables):,} tables, as in the manifest{recorded}")
    first = differing[0]
    words = f"{len(differing):,} of {len(manifest.tables):,} tables differ, first {first.table}: {first.found}"
    if state.was_done:
        return TABLES.warned(f"It was put in place before; since then, {words}", differing_rows(differing))
    return TABLES.failed(words, differing_rows(differing))


def _schema(survey: Survey) -> Check:
    if survey.absent:
        lacking = Findings([{"statement": text} for text in survey.absent])
        return SCHEMA.failed(f"{len(survey.absent):,} parts are missing, first {survey.absent[0]}", lacking)
    if survey.extra:
        extra = Findings([{"statement": text} for text in survey.extra])
        words = f"{len(survey.extra):,} owners or grants are others than in the backup, first {survey.extra[0]}"
        return SCHEMA.warned(words, extra)
    return SCHEMA.passed("Nothing of the backup's schema is missing")


def _standing(state: RestoredState) -> Check:
    found = {name: state.tables[name] for name in state.standing if name in state.tables}
    changed = compare_contents(state.standing, found)
    if changed and not state.was_done:
        return STANDING.failed(f"{changed[0].table}: {changed[0].found}", differing_rows(changed))
    return STANDING.passed(f"{len(state.standing):,} tables that are newer than the backup stayed")


def differing_rows(differing: list[TableMismatch]) -> Findings:
    """The tables that differ, for a report."""
    return Findings(
        [
            {"table": each.table, "expected_rows": each.expected_rows, "rows": each.rows, "found": each.found}
            for each in differing
        ]
    )
