"""recon rollback."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

import recon
from recon.cli import CONTEXT
from recon.cli.assessing import assessment_exit_code
from recon.cli.instants import instant
from recon.cli.interrupts import end_typing_at_interrupts, ended_in_order
from recon.cli.options import PATH, JudgingCommand, bundle_option, offered, one_bundle
from recon.errors import UsageError
from recon.report.assessment.console import AssessmentConsole
from recon.report.console import RULE
from recon.report.rollback.console import plan_footer, plan_lines, question_lines
from recon.report.text import printable
from recon.rollback.files import read_plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recon.rollback.applying import AppliedPlan

by_option = click.option("--by", metavar="NAME", help="Who does this.  [default: the account]")
plan_argument = click.argument("plan", type=PATH, metavar="PLAN")
yes_option = click.option(
    "--yes", "run_id", metavar="RUN_ID", help="The run that the plan undoes, in the place of typing it."
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


class Steps:
    """Prints the steps of a transaction."""

    def step(self, title: str) -> None:
        """Announce a step."""
        click.echo(f"{title}...")

    def note(self, text: str) -> None:
        """Print what was found or done."""
        click.echo(f"  - {printable(text)}")


@click.group("rollback", context_settings=CONTEXT)
def command() -> None:
    """Undo exactly what a run did (Level 1): plan, apply, and put back."""


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
@click.option(
    "--outputs", type=PATH, metavar="FOLDER", default="outputs", show_default=True, help="The folder of runs."
)
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
    with ended_in_order():
        planned = recon.plan_rollback(recon.RollbackOptions(**given))
    for line in plan_lines(planned.plan):
        click.echo(line)
    click.echo(f"\n  - Read it: {planned.folder / 'plan.md'}")
    click.echo(f"  - SHA-256: {planned.sha256}")
    click.echo(f"  - Apply it: recon rollback apply {planned.folder}\n")
    for line in plan_footer(planned.plan):
        click.echo(line)
    return 0


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
        by_option,
    ]
    for add in reversed(options):
        function = add(function)
    return function


@command.command("apply", context_settings=CONTEXT)
@applying_options
def apply(**given: Any) -> int:
    """Do what a plan says, or nothing, and verify it against the plan.

    The run id is typed on a terminal, or given with --yes.
    Exit codes: 0 rolled back, 1 not as planned, 2 error and nothing changed, 130 interrupted.
    """
    return _finished(recon.apply_rollback, given, "Delete")


@command.command("revert", context_settings=CONTEXT)
@applying_options
def revert(**given: Any) -> int:
    """Put back what an applied plan deleted, or nothing.

    The run id is typed on a terminal, or given with --yes.
    Exit codes: 0 reverted, 1 not as planned, 2 error and nothing changed, 130 interrupted.
    """
    return _finished(recon.revert_rollback, given, "Put back")


def _finished(act: Callable[..., AppliedPlan], given: dict[str, Any], verb: str) -> int:
    given["run_id"] = given["run_id"] or _typed(given["plan"], verb)
    console = AssessmentConsole(verbose=False)
    with ended_in_order():
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
    for line in question_lines(read_plan(plan).plan):
        click.echo(line)
    end_typing_at_interrupts()
    return str(click.prompt(f"{verb} what the plan lists? Type the run id to go on")).strip()
