"""The plan of a restore for people: Markdown, and the console's lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.report.console import RULE
from recon.report.table import markdown_table
from recon.report.text import age_words, markdown, plural, printable, timestamp
from recon.rollback.files import DIGEST
from recon.rollback.restore.files import BEFORE, NEWER
from recon.rollback.restore.plan import drop_statement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.rollback.restore.plan import LostTable, RestorePlan

SHOWN = 50
SHOWN_ON_CONSOLE = 8
STEPS = (
    "The plan's digest, the database's identity, the approval, the backup and its manifest are checked again.",
    "The backup is restored into a scratch database, and every table is compared with the manifest there.",
    "The present state is backed up into this folder, and has to be the one that this plan is about.",
    "The backup is put in place, as said above; the audit row comes with it or not at all.",
    "What is there afterwards is verified against the manifest.",
    "Up to the last moment of the fourth step, ending it anywhere leaves the database as it was.",
)
SWAP_STEPS = (
    "The plan's digest, the database's identity, the approval, backup, manifest and rights are checked again.",
    "The backup is restored into a new database, and every table is compared with the manifest there.",
    "Settings, grants, owner, limits and comment of the database are carried over; the audit row is written.",
    "Writers are kept out, what is there has to be what this plan is about, and both change names in one transaction.",
    "What is there afterwards is verified against the manifest, and against the database of before.",
    "Up to the commit of the fourth step, ending it anywhere leaves the database as it was.",
)


def restore_summary(plan: RestorePlan) -> str:
    """What the plan does, in one sentence."""
    where = "in a new database that takes the name of this one" if plan.kept_as else "in the place of what is there"
    what = f"puts {plural(plan.rows, 'row')} of {plural(plan.tables, 'table')} {where}"
    if plan.present is None:
        return f"{what}, which cannot be read"
    return f"{what}; {plural(len(plan.lost), 'table')} {'differs' if len(plan.lost) == 1 else 'differ'}"


def restore_lines(plan: RestorePlan) -> Iterator[str]:
    """The block that says what a plan does."""
    yield from (RULE, "  Restore Plan (Level 2)", f"  Started: {timestamp(plan.made_at)}", RULE, "")
    yield f"Database: {printable(plan.database)} ({plan.environment})"
    yield f"Backup: {printable(plan.backup)}"
    yield f"Instant: {plan.snapshot_at:%Y-%m-%d %H:%M:%S} UTC, {_age(plan)} before this plan"
    yield from ("", "What shows that the backup is whole:", *(f"  - {printable(each)}" for each in plan.proof))
    yield from ("", "What was written since, and would be lost:")
    yield from (f"  - {printable(each.table)}: {printable(_lost_words(each))}" for each in plan.lost[:SHOWN_ON_CONSOLE])
    if len(plan.lost) > SHOWN_ON_CONSOLE:
        yield f"  - and {len(plan.lost) - SHOWN_ON_CONSOLE:,} more tables"
    if not plan.lost:
        yield (
            "  - not known: the database cannot be read"
            if plan.present is None
            else "  - nothing: every table is alike"
        )
    yield from _known(plan)


def _known(plan: RestorePlan) -> Iterator[str]:
    found = plan.survey.differences
    known = [f"{printable(each.kind)}: {printable(each.name)}: {each.fate}" for each in found[:SHOWN_ON_CONSOLE]]
    if len(found) > SHOWN_ON_CONSOLE:
        known.append(f"and {len(found) - SHOWN_ON_CONSOLE:,} more that the backup's schema does not have")
    known += map(printable, (*plan.survey.remarks, *plan.notices, *plan.limits))
    known += [f"this keeps it from being applied: {printable(each)}" for each in plan.survey.obstacles]
    known += [f"this role lacks: {printable(each)}" for each in plan.survey.missing_rights[:SHOWN_ON_CONSOLE]]
    known.append(_rehearsed(plan))
    yield from ("", "To know:", *(f"  - {line}" for line in known))


def restore_footer(plan: RestorePlan) -> Iterator[str]:
    """The last lines of a plan."""
    yield from (RULE, f"  PLANNED: {restore_summary(plan)}", "  Nothing has been changed", RULE)


def restore_question(plan: RestorePlan) -> Iterator[str]:
    """What a person reads who is asked whether a plan is to be applied, or reverted."""
    yield f"The plan {restore_summary(plan)}."
    yield f"Database: {printable(plan.database)} ({plan.environment})"


def render_restore(plan: RestorePlan, sha256: str, folder: str) -> str:
    """The complete document; arguments as of the plan of Level 1."""
    return "\n".join(_document(plan, sha256, folder))


def _document(plan: RestorePlan, sha256: str, folder: str) -> Iterator[str]:
    yield from (f"# Restore Plan: {markdown(plan.name)}", "")
    yield from (f"**The plan {markdown(restore_summary(plan))}.** Nothing has been changed yet.", "")
    yield from (*markdown_table(("", "Value"), _facts(plan, sha256)), "")
    yield from (f"- {markdown(each)}" for each in plan.notices)
    yield from ("", "## What Shows That the Backup Is Whole", "", *(f"- {markdown(each)}" for each in plan.proof), "")
    yield from ("## What Was Written Since, and Would Be Lost", "", *_lost(plan), "")
    yield from ("## What Else Is Newer Than the Backup", "", *_differences(plan), "")
    yield from ("## What Else Is Concerned", "", *_concerned(plan), "")
    yield from ("## How It Is Done", "", f"{plan.way}.", "")
    yield from (f"{number}. {step}" for number, step in enumerate(SWAP_STEPS if plan.kept_as else STEPS, 1))
    yield from ("", *(f"- {markdown(limit)}" for limit in plan.limits), "")
    yield from ("## How to Apply It", "", *_commands(plan, folder), "")


def _facts(plan: RestorePlan, sha256: str) -> list[tuple[str, str]]:
    return [
        ("Database", markdown(plan.database)),
        ("Environment", plan.environment),
        ("Backup", markdown(plan.backup)),
        ("It shows", f"{plan.snapshot_at:%Y-%m-%d %H:%M:%S} UTC, {_age(plan)} before this plan"),
        ("Made by", markdown(plan.made_by)),
        ("Made at", timestamp(plan.made_at)),
        ("Time it takes", markdown(_rehearsed(plan))),
        ("Plan", plan.id),
        ("SHA-256", f"`{sha256}`"),
    ]


def _age(plan: RestorePlan) -> str:
    return age_words(plan.made_at - plan.snapshot_at)


def _rehearsed(plan: RestorePlan) -> str:
    if plan.rehearsed is None:
        return "not rehearsed: recon rollback rehearse says how long it takes"
    return plan.rehearsed.words(plan.made_at)


def _lost_words(each: LostTable) -> str:
    if each.rows is None:
        back = "" if each.backup_rows is None else f", and comes back with {plural(each.backup_rows, 'row')}"
        return f"{each.found}{back}"
    if each.backup_rows is None:
        return f"{plural(each.rows, 'row')}, all of them: the backup has no such table"
    stamps = [
        f"{number:,} {words} since"
        for number, words in ((each.created, "created"), (each.edited, "edited"))
        if number is not None
    ]
    known = f" ({', '.join(stamps)}, by their stamps)" if stamps else ""
    return f"{each.found}: {plural(each.rows, 'row')} now, {each.backup_rows:,} in the backup{known}"


def _lost(plan: RestorePlan) -> Iterator[str]:
    if not plan.lost:
        yield "It is not known." if plan.present is None else "Nothing: every table holds what the backup holds."
        return
    header = ("Table", "How it differs", "Rows now", "In the backup", "Created since", "Edited since")
    numbers = [
        (markdown(each.table), each.found, *map(_number, (each.rows, each.backup_rows, each.created, each.edited)))
        for each in plan.lost
    ]
    yield from markdown_table(header, numbers, 4)
    yield from (
        "",
        "Created and edited are known by the rows' stamps; deletions and rows without stamps are not in them.",
    )


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _differences(plan: RestorePlan) -> Iterator[str]:
    found = plan.survey.differences
    if not found:
        yield "Nothing."
        return
    rows = [(each.kind, markdown(each.name), each.fate) for each in found[:SHOWN]]
    yield from markdown_table(("Kind", "What", "What becomes of it"), rows)
    if len(found) > SHOWN:
        yield from ("", f"and {len(found) - SHOWN:,} more.")
    yield from ("", f"`{NEWER}` holds the statements, to put back by hand what is still wanted.")


def _concerned(plan: RestorePlan) -> Iterator[str]:
    remarks = [f"This keeps it from being applied: {each}" for each in plan.survey.obstacles]
    remarks += [*plan.survey.remarks, *(f"This role lacks: {each}" for each in plan.survey.missing_rights)]
    if plan.survey.absent:
        remarks.append(f"{len(plan.survey.absent):,} parts of the backup's schema are not there now, and come back")
    yield from (f"- {markdown(each)}" for each in remarks or ["Nothing."])


def _commands(plan: RestorePlan, folder: str) -> Iterator[str]:
    yield "On production another person signs the plan first:"
    yield from ("", "```", f"ssh-keygen -Y sign -f KEY -n recon-rollback {folder}/{DIGEST}", "```", "")
    yield "Then, under the database's name:"
    yield from ("", "```", f"recon rollback apply {folder} --yes {plan.name}", "```", "")
    if plan.kept_as:
        yield f"To bring back what was there before, which stays as the database {markdown(plan.kept_as)}:"
    else:
        yield f"To bring back what was there before, which is kept in `{BEFORE}`:"
    yield from ("", "```", f"recon rollback revert {folder} --yes {plan.name}", "```")
    if plan.kept_as:
        yield from ("", "When it is not wanted any more:", "", "```", drop_statement(plan.kept_as), "```")
