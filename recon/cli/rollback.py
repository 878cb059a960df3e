"""recon rollback."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

import recon
from recon.cli import CONTEXT
from recon.cli.assessing import assessment_exit_code
from recon.cli.instants import instant
from recon.cli.interrupts import end_typing_at_interrupts
from recon.cli.options import PATH, JudgingCommand, advising, bundle_option, offered, one_bundle
from recon.errors import UsageError
from recon.report.assessment.console import AssessmentConsole
from recon.report.console import RULE
from recon.report.progress_line import LINE, working
from recon.report.rollback.console import plan_footer, plan_lines, question_lines
from recon.report.rollback.restore import restore_footer, restore_lines, restore_question
from recon.report.text import printable
from recon.rollback.files import read_plan
from recon.rollback.restore.files import is_restore, read_restore
from recon.verification.advice import load_advice

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recon.rollback.applying import AppliedPlan
    from recon.rollback.restore.applying import AppliedRestore
    from recon.verification.advice_table import Issue

by_option = click.option("--by", metavar="NAME", help="Who does this.  [default: the account]")
plan_argument = click.argument("plan", type=PATH, metavar="PLAN")
yes_option = click.option(
    "--yes",
    "run_id",
    metavar="RUN_ID",
    help="The run that the plan undoes, or the database, in the place of typing it.",
)
approval_option = click.option(
    "--approval",
    type=PATH,
    metavar="FILE",
    help="Another person's signature over the plan's digest.  [default: plan.sha256.sig beside the plan]",
)
approvers_option = click.option(
    "--approvers",
    type=PATH,
    metavar="FILE",
    help="Who may approve, as ssh-keygen's allowed signers; needed on production.",
)
max_option = click.option(
    "--max-delete",
    type=click.IntRange(1),
    default=100_000,
    show_default=True,
    metavar="ROWS",
    help="The most rows that the plan may delete or put back.",
)


pg_bin_option = click.option(
    "--pg-bin",
    type=PATH,
    metavar="FOLDER",
    help="The folder of pg_dump and pg_restore, for a restore.  [default: the PATH, then the usual folders]",
)
scratch_option = click.option(
    "--scratch-database",
    metavar="DATABASE",
    help="Make the scratch database on the server of this one.  [default: the server of --database]",
)
without_option = click.option(
    "--without-present-state",
    is_flag=True,
    help="Restore although what is there now is damaged and cannot be backed up: it could not be brought back.",
)
end_sessions_option = click.option(
    "--end-sessions", is_flag=True, help="Of a plan with --swap: end the sessions of others when the names change."
)
outputs_option = click.option(
    "--outputs", type=PATH, metavar="FOLDER", default="outputs", show_default=True, help="The folder of runs."
)
backup_argument = click.argument("backup", type=PATH, metavar="BACKUP")
limit_option = click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="How long a program of the database may take.  [default: an hour]",
)


class Steps:
    """Prints the steps of a transaction, and shows on a terminal that the last of them is being taken."""

    def __init__(self) -> None:
        self._title = ""

    def step(self, title: str) -> None:
        """Announce a step."""
        self._print(f"{title}...", title)

    def note(self, text: str) -> None:
        """Print what was found or done."""
        self._print(f"  - {printable(text)}", self._title)

    def _print(self, line: str, title: str) -> None:
        LINE.wipe()
        click.echo(line)
        self._title = title
        LINE.show(title)


@click.group("rollback", context_settings=CONTEXT)
def command() -> None:
    """Undo exactly what a run did (Level 1), or restore a backup (Level 2): plan, apply, and put back."""


@command.command("plan", cls=JudgingCommand, context_settings=CONTEXT)
@bundle_option
@click.option("--run-id", metavar="ID", help="The run, where its importer left no bundle.")
@click.option(
    "--started-at",
    metavar="TIME",
    help="When the importer was started, e.g. 2024-01-15T14:30:00Z; without a bundle only.",
)
@click.option(
    "--include",
    multiple=True,
    metavar="TABLE",
    help="Also delete the rows of this table that refer to deleted ones; may be repeated.",
)
@click.option(
    "--backup",
    metavar="BACKUP",
    help="A backup from before the run, whose values the rows that the run updated get back: a folder of recon backup "
    "create, a dump, a SQLite file, or a variable that names a restored database.  [default: the audit table's old "
    "values]",
)
@offered("database")
@offered("exports")
@offered("profile")
@offered("timeout_s")
@outputs_option
@by_option
def plan(**given: Any) -> int:
    """Plan what is deleted and what is kept, and why; the database is only read.

    BUNDLE may also be the folder of a run of recon that verified it.
    Exit codes: 0 planned, 2 error, 130 interrupted.
    """
    context = click.get_current_context()
    named = [path for path in (given["bundle"], *context.args) if path is not None]
    given["bundle"] = one_bundle(context, named) if named else None
    started_at = given.pop("started_at")
    if started_at is not None:
        given["started_at"] = instant(started_at, "--started-at")
    with working("planning the rollback"):
        planned = recon.plan_rollback(recon.RollbackOptions(**given))
    for line in plan_lines(planned.plan):
        click.echo(line)
    click.echo(f"\n  - Read it: {planned.folder / 'plan.md'}")
    click.echo(f"  - SHA-256: {planned.sha256}")
    click.echo(f"  - Apply it: recon rollback apply {planned.folder}\n")
    _say_whom_to_escalate_to("failure", 1, given["bundle"])
    for line in plan_footer(planned.plan):
        click.echo(line)
    return 0


def _say_whom_to_escalate_to(issue: str, level: int, bundle: str | None = None) -> None:
    """Print it, by the working folder's table of advice, or the runbook's: a rollback is always escalated (3.7)."""
    table = load_advice(advising(bundle, None))
    found: Issue = getattr(table.issues, issue)
    click.echo(f"Escalate to: {printable(found.contact)} (priority: {printable(found.priority)})")
    click.echo(f"  - A rollback is required: Level {level}\n")


@command.command("restore", context_settings=CONTEXT)
@backup_argument
@offered("database")
@click.option(
    "--swap", is_flag=True, help="Restore into a new database, which takes the name of the present one; that one stays."
)
@offered("profile")
@outputs_option
@pg_bin_option
@limit_option
@by_option
def restore(**given: Any) -> int:
    """Plan to put a backup in the place of all that the database holds (Level 2).

    The database is only read. The plan says what was written since the backup and would be lost.
    Exit codes: 0 planned, 2 error, 130 interrupted.
    """
    with working("planning the restore"):
        planned = recon.plan_restore(recon.RestoreOptions(**given))
    for line in restore_lines(planned.plan):
        click.echo(line)
    click.echo(f"\n  - Read it: {planned.folder / 'plan.md'}")
    click.echo(f"  - SHA-256: {planned.sha256}")
    click.echo(f"  - Apply it: recon rollback apply {planned.folder}\n")
    _say_whom_to_escalate_to("corruption", 2)
    for line in restore_footer(planned.plan):
        click.echo(line)
    return 0


@command.command("rehearse", context_settings=CONTEXT)
@backup_argument
@click.option("-b", "--bundle", type=PATH, metavar="BUNDLE", help="The run that Level 1 undoes; needs a later backup.")
@click.option("--run-id", metavar="ID", help="The same, where its importer left no bundle.")
@offered("database")
@scratch_option
@offered("profile")
@outputs_option
@pg_bin_option
@limit_option
def rehearse(**given: Any) -> int:
    """Play both levels on a scratch database, and measure how long they take.

    The scratch database is made for this, and dropped at the end; --database itself is only asked what it is.
    Exit codes: 0 all passed, 1 one or more failed, 2 error or incomplete, 130 interrupted.
    """
    console = AssessmentConsole(verbose=False)
    played = recon.rehearse_rollback(recon.RehearsalOptions(**given), console)
    console.finished(played.assessment, f"Kept in: {played.folder}")
    return assessment_exit_code(played.assessment, "failure")


def applying_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add what apply and revert share."""
    options = [
        plan_argument,
        yes_option,
        approval_option,
        approvers_option,
        max_option,
        offered("database"),
        offered("profile"),
        offered("timeout_s"),
        pg_bin_option,
        scratch_option,
        without_option,
        end_sessions_option,
        by_option,
    ]
    for add in reversed(options):
        function = add(function)
    return function


@command.command("apply", context_settings=CONTEXT)
@applying_options
def apply(**given: Any) -> int:
    """Do what a plan says, or nothing, and verify it against the plan.

    The run id, of a restore the database's name, is typed on a terminal, or given with --yes.
    Exit codes: 0 rolled back or restored, 1 not as planned, 2 error and nothing changed, 130 interrupted.
    """
    if is_restore(given["plan"]):
        return _finished(recon.apply_restore, given, "Replace")
    return _finished(recon.apply_rollback, given, "Delete")


@command.command("revert", context_settings=CONTEXT)
@applying_options
def revert(**given: Any) -> int:
    """Put back what an applied plan deleted or replaced, or nothing.

    The run id, of a restore the database's name, is typed on a terminal, or given with --yes.
    Exit codes: 0 reverted, 1 not as planned, 2 error and nothing changed, 130 interrupted.
    """
    if is_restore(given["plan"]):
        return _finished(recon.revert_restore, given, "Bring back what was there before")
    return _finished(recon.revert_rollback, given, "Put back")


def _finished(act: Callable[..., AppliedPlan | AppliedRestore], given: dict[str, Any], verb: str) -> int:
    given["run_id"] = given["run_id"] or _typed(given["plan"], verb)
    console = AssessmentConsole(verbose=False)
    applied = act(recon.ApplyOptions(**given), Steps(), console)
    console.finished(applied.assessment, f"Kept in: {applied.stored.folder}")
    click.echo(f"\n{RULE}\n  {applied.words}\n{RULE}")
    return assessment_exit_code(applied.assessment, "failure")


def _typed(plan: Path, verb: str) -> str:
    """Say what the plan does, and ask for the run id.

    Raises:
        UsageError: There is no terminal to ask on.
        RollbackError: The plan cannot be read.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(
            "A rollback is not applied unasked",
            where="--yes",
            expected="the run id, typed on a terminal or given with --yes",
            found="no terminal",
            next_step="Read the plan, then name the run: --yes RUN_ID",
        )
    if is_restore(plan):
        lines, question = restore_question(read_restore(plan).plan), f"{verb}? Type the database's name to go on"
    else:
        lines = question_lines(read_plan(plan).plan)
        question = f"{verb} what the plan lists? Type the run id to go on"
    for line in lines:
        click.echo(line)
    end_typing_at_interrupts()
    return str(click.prompt(question)).strip()
