"""A rollback on the console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.report.console import RULE
from recon.report.rollback.markdown import summary
from recon.report.text import plural, printable, timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.rollback.plan import RollbackPlan

SHOWN = 3


def plan_lines(plan: RollbackPlan) -> Iterator[str]:
    """The block that says what a plan does."""
    yield from (RULE, "  Rollback Plan (Level 1)", f"  Started: {timestamp(plan.made_at)}", RULE, "")
    yield f"Run ID: {printable(plan.run_id)}"
    yield f"Database: {printable(plan.database)} ({plan.environment})"
    yield from ("", "What shows that the run created these rows:")
    yield from (f"  - {printable(sentence)}" for sentence in plan.evidence)
    yield from ("", "In the order of deletion:")
    for each in plan.deleted:
        yield f"  - {printable(each.table.name)}: {len(each.rows):,} of {plural(each.before, 'row')}"
    for each in (*plan.deleted, *plan.kept):
        if each.kept:
            yield f"  - kept: {plural(len(each.kept), 'row')} of {printable(each.table.name)}"
            for row in each.kept[:SHOWN]:
                yield f"      {printable(row.key)}: {printable(row.why)}"
            if len(each.kept) > SHOWN:
                yield f"      and {len(each.kept) - SHOWN:,} more"
    for restored in plan.restored:
        name = printable(restored.table.name)
        if restored.rows:
            yield f"  - changed back: {plural(len(restored.rows), 'row')} of {name}"
        if restored.kept:
            yield f"  - updated by the run and kept: {plural(len(restored.kept), 'row')} of {name}"
    yield from _warnings(plan)


def _warnings(plan: RollbackPlan) -> Iterator[str]:
    known = [
        *(
            f"{printable(r.table.name)} could be reached {printable(r.through)}: {r.rows:,} rows, none changes"
            for r in plan.reached
        ),
        *(printable(notice) for notice in plan.notices),
    ]
    if plan.newer_runs:
        known.append(f"newer runs are recorded: {printable(', '.join(plan.newer_runs))}")
    if plan.seconds:
        known.append(f"foreign keys without an index take about {plan.seconds:,.0f} s")
    if plan.audit.why:
        known.append(printable(plan.audit.why))
    if plan.reverse.not_proven:
        known.append(f"the reverse SQL is not proven yet: {printable(plan.reverse.not_proven)}")
    if known:
        yield from ("", "To know:", *(f"  - {line}" for line in known))


def plan_footer(plan: RollbackPlan) -> Iterator[str]:
    """The last lines of a plan."""
    yield from (RULE, f"  PLANNED: {summary(plan)}", "  Nothing has been changed", RULE)


def question_lines(plan: RollbackPlan) -> Iterator[str]:
    """What a person reads who is asked whether a plan is to be applied, or reverted."""
    yield f"The plan {summary(plan)}."
    yield f"Database: {printable(plan.database)} ({plan.environment})"
