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
NOTHING_REACHED = "Nothing: no foreign key deletes or empties rows of other tables by itself."
STEPS = (
    "The plan's digest, the database's identity, the tables and their foreign keys are compared with the plan.",
    "Other sessions that write to these tables, and runs that the plan does not know, end it.",
    "Every row is locked, children first, and compared with its digest; no lock is waited for longer than seconds.",
    "Rows that refer to planned rows and are not planned end it.",
    "The statements are sent, and each must affect exactly the planned number of rows.",
    "An audit row with the plan's id is written.",
    "The digest of all other rows, in these tables and in those that a cascade could reach, must be unchanged.",
    "All of it is committed together; if anything is not as planned, nothing is changed.",
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
    times = f"{plan.started_at:%Y-%m-%d %H:%M:%S} to {ended} UTC, by the database's clock" if plan.started_at else ""
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
    header = ("Table", "Rows", "Deleted", "Kept", "Left")
    rows = []
    for each in (*plan.deleted, *plan.kept):
        left = each.before - len(each.rows)
        counts = (each.before, len(each.rows), len(each.kept), left)
        rows.append((markdown(f"{each.table.name} ({each.title})"), *(f"{count:,}" for count in counts)))
    yield from markdown_table(header, rows, 4) if rows else ["None."]
    yield ""
    yield "In the order of deletion. " + "; ".join(f"{markdown(each.title)}: {each.proof}" for each in plan.deleted)


def _kept(plan: RollbackPlan) -> Iterator[str]:
    for each in (*plan.deleted, *plan.kept):
        if each.kept:
            yield from (f"### Kept: {plural(len(each.kept), 'row')} of {markdown(each.table.name)}", "")
            yield from (*_reasons(each.kept), "")


def _reasons(kept: Sequence[KeptRow]) -> Iterator[str]:
    yield from markdown_table(("Row", "Why it is kept"), [(markdown(k.key), markdown(k.why)) for k in kept[:SHOWN]])
    if len(kept) > SHOWN:
        yield from ("", f"and {len(kept) - SHOWN:,} more, all in `{PLAN}`.")


def _restored(plan: RollbackPlan) -> Iterator[str]:
    for each in plan.restored:
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
