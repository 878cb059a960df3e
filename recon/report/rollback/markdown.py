"""The plan of a rollback as Markdown: what a DBA and a merge captain read before they sign."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from recon.report.table import markdown_table
from recon.report.text import markdown, plural, timestamp
from recon.rollback.files import DIGEST, PLAN, STATEMENTS
from recon.rollback.reverse import FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recon.rollback.plan import KeptRow, RollbackPlan

SHOWN = 20
MAPPINGS = "id mappings"
NOTHING_REACHED = "Nothing: no foreign key deletes or empties rows of other tables by itself."
STEPS = (
    "The plan's digest, the database's identity, the tables and their foreign keys are compared with the plan.",
    "It stops if other sessions write to these tables, or if a run was recorded that the plan does not know.",
    "Every row is locked, children first, and compared with its digest. No lock is waited for longer than seconds.",
    "It stops if rows that are not planned refer to planned rows.",
    "The statements are sent. Each must affect exactly the planned number of rows.",
    "An audit row with the plan's id is written.",
    "The digest of all other rows, in these tables and in those that a cascade could reach, must be unchanged.",
    "All of it is committed together. If it stops before that, or anything is not as planned, nothing is changed.",
    "What is there afterwards is verified against the plan, in a transaction of its own.",
)


def render(plan: RollbackPlan, sha256: str, folder: str) -> str:
    """The complete document.

    Args:
        plan: The plan.
        sha256: Its digest.
        folder: Its folder, for the commands.
    """
    return "\n".join(_lines(plan, sha256, folder))


def summary(plan: RollbackPlan) -> str:
    """What the plan does, in one sentence."""
    parts = [f"deletes {plural(plan.rows, 'row')} of {plural(len(plan.deleted), 'table')}"]
    if plan.restored_rows:
        parts.append(f"changes {plural(plan.restored_rows, 'row')} back")
    parts.append(f"keeps {plural(plan.kept_rows, 'row')} of the run")
    return ", ".join(parts)


def _lines(plan: RollbackPlan, sha256: str, folder: str) -> Iterator[str]:
    yield from (f"# Rollback Plan: {markdown(plan.run_id)}", "")
    yield from (f"**The plan {summary(plan)}.** Nothing has been changed yet.", "")
    yield from (*markdown_table(("", "Value"), _facts(plan, sha256)), "")
    for notice in plan.notices:
        yield f"- {markdown(notice)}"
    yield from ([""] if plan.notices else [])
    yield from ("## What Shows That the Run Created These Rows", "")
    yield from (*(f"- {markdown(sentence)}" for sentence in plan.evidence), "")
    yield from ("## Rows", "", *_rows(plan), "")
    yield from _kept(plan)
    yield from _restored(plan)
    yield from ("## What Deletions Could Reach", "", *_reached(plan), "")
    yield from ("## What Hangs on These Tables", "", *_remarks(plan), "")
    yield from ("## How It Is Done", "")
    yield from (f"{number}. {step}" for number, step in enumerate(STEPS, 1))
    yield from ("", *(f"- {markdown(limit)}" for limit in plan.limits), *([""] if plan.limits else []))
    yield from (f"`{STATEMENTS}` holds every statement as it is sent, in order.", "")
    yield from ("## How to Apply It", "", *_commands(plan, folder), "")


def _facts(plan: RollbackPlan, sha256: str) -> list[tuple[str, str]]:
    ended = f"{plan.ended_at:%Y-%m-%d %H:%M:%S}" if plan.ended_at else "not known"
    times = (
        f"{plan.started_at:%Y-%m-%d %H:%M:%S} to {ended} UTC, by the database's clock, give or take a minute"
        if plan.started_at
        else ""
    )
    return [
        ("Database", markdown(plan.database)),
        ("Environment", plan.environment),
        ("Run ID", markdown(plan.run_id)),
        ("Bundle", markdown(plan.bundle) if plan.bundle else "none"),
        ("The run wrote", times or "not known"),
        ("Newer runs", markdown(", ".join(plan.newer_runs)) or "none is recorded"),
        ("Made by", markdown(plan.made_by)),
        ("Made at", timestamp(plan.made_at)),
        ("Plan", plan.id),
        ("SHA-256", f"`{sha256}`"),
        ("Reverse SQL", markdown(plan.reverse.not_proven) or "replayed in temporary tables: equal rows came back"),
        ("Audit row", markdown(plan.audit.why) or f"in {markdown(plan.audit.table.name if plan.audit.table else '')}"),
    ]


def _rows(plan: RollbackPlan) -> Iterator[str]:
    header = ("Table", "Rows", "Deleted", "Kept", "Left afterwards")
    rows = []
    for each in (*plan.deleted, *plan.kept):
        left = each.before - len(each.rows)
        counts = (each.before, len(each.rows), len(each.kept), left)
        named = f"{each.table.name} ({each.title})" if each.title != each.table.name else each.table.name
        rows.append((markdown(named), *(f"{count:,}" for count in counts)))
    yield from markdown_table(header, rows, 4) if rows else ["None."]
    if plan.deleted:
        yield from (
            "",
            "The tables are in the order of deletion. *Kept* are rows of the run that stay, with the reason below.",
        )
    known = " ".join(plan.evidence)
    others = [each for each in plan.deleted if each.proof not in known]
    if others:
        yield from ("", *(f"- {markdown(each.title)}: deleted because {each.proof}" for each in others))


def _kept(plan: RollbackPlan) -> Iterator[str]:
    # Id mappings, which are deleted first, are kept because of the rows that they name: these are to be read first.
    for each in sorted((*plan.deleted, *plan.kept), key=lambda each: each.title == MAPPINGS):
        if each.kept:
            yield from (f"### Kept: {plural(len(each.kept), 'row')} of {markdown(each.table.name)}", "")
            yield from (*_reasons(each.kept), "")


def _reasons(kept: Sequence[KeptRow]) -> Iterator[str]:
    """Each row with its reason; where all have the same one, that and their ids."""
    whys = {row.why for row in kept}
    if len(whys) == 1 and len(kept) > 1:
        yield f"Each of them: {markdown(whys.pop())}."
        yield from ("", ", ".join(markdown(row.key) for row in kept[:SHOWN]))
    else:
        rows = [(markdown(row.key), markdown(row.why)) for row in kept[:SHOWN]]
        yield from markdown_table(("Row", "Why it is kept"), rows)
    if len(kept) > SHOWN:
        yield from ("", f"and {len(kept) - SHOWN:,} more, all in `{PLAN}`.")


def _restored(plan: RollbackPlan) -> Iterator[str]:
    for each in sorted(plan.restored, key=lambda each: each.title == MAPPINGS):
        yield from (f"### Updated by the Run: {markdown(each.table.name)}", "")
        counted = Counter(value.column for row in each.rows for value in row.values)
        if each.rows:
            columns = ", ".join(f"{markdown(column)} of {plural(n, 'row')}" for column, n in counted.items())
            yield from (f"Changed back, to the values of {markdown(each.source)}: {columns}.", "")
        if each.kept:
            yield from (*_reasons(each.kept), "")


def _reached(plan: RollbackPlan) -> Iterator[str]:
    if not plan.reached:
        yield NOTHING_REACHED
        return
    rows = [(markdown(r.table.name), markdown(r.through), f"{r.rows:,}", "0") for r in plan.reached]
    yield from markdown_table(("Table", "Through", "Rows", "Changed"), rows, 2)
    yield from ("", "A row that one of these refers to is kept, so that none of them fires.")


def _remarks(plan: RollbackPlan) -> Iterator[str]:
    names = {table.sql: table.name for table in plan.written}
    if not plan.remarks and not plan.slow:
        yield "Nothing that a deletion would notice."
    for remark in plan.remarks:
        named = f" `{remark.name}`" if remark.name else ""
        yield f"- {markdown(names.get(remark.table, remark.table))}: {remark.kind}{named} {markdown(remark.meaning)}"
    for slow in plan.slow:
        place = markdown(f"{slow.reference.table} ({', '.join(slow.reference.columns)})")
        parents = f"{plural(slow.parents, 'row')} of {markdown(slow.reference.parent)}"
        yield f"- {place} has no index, and is read as a whole for each of {parents}: about {slow.seconds:,.0f} s"


def _commands(plan: RollbackPlan, folder: str) -> Iterator[str]:
    yield "```bash"
    if plan.environment == "production":
        yield "# another person reads this plan and signs it"
        yield f"ssh-keygen -Y sign -f KEY -n recon-rollback {folder}/{DIGEST}"
        yield f"recon rollback apply {folder} --yes {plan.run_id} --approvers FILE"
    else:
        yield f"recon rollback apply {folder} --yes {plan.run_id}"
    yield from ("# and to put everything back", f"recon rollback revert {folder} --yes {plan.run_id}", "```", "")
    yield f"Keep the folder together: `{FILE}` holds every deleted row whole, with personal data."
