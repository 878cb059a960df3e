"""recon review."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from recon.cli import CONTEXT
from recon.cli.assessing import reporting_options
from recon.cli.interrupts import end_typing_at_interrupts
from recon.cli.options import PATH, JudgingCommand, bundle_option, offered, one_bundle
from recon.errors import UsageError
from recon.preflight.dry_run import DryRunOptions
from recon.preflight.reviewing import ReviewOptions, review
from recon.report.progress_line import LINE

if TYPE_CHECKING:
    from collections.abc import Callable

    from recon.model import Assessment
    from recon.preflight.assessing import AssessmentListener


@click.command("review", cls=JudgingCommand, context_settings=CONTEXT)
@bundle_option
@offered("database")
@click.option(
    "--config",
    type=PATH,
    metavar="FILE",
    help="The migration-config.json of the run to come; the dry run is to have had the same.  [default: not compared]",
)
@click.option(
    "--exports",
    type=PATH,
    metavar="FOLDER",
    help="The exports that the importer read; the dry run is to have read all of them.  [default: those in the bundle]",
)
@offered("profile")
@offered("timeout_s")
@click.option(
    "--max-age",
    "max_age_h",
    type=click.FloatRange(0, min_open=True),
    default=24.0,
    show_default=True,
    metavar="HOURS",
    help="How long ago the dry run may have completed.",
)
@click.option(
    "--outputs",
    type=PATH,
    default="outputs",
    show_default=True,
    metavar="FOLDER",
    help="The folder of runs, whose decisions.jsonl records the review.",
)
@click.option("--by", metavar="NAME", help="Who reviews it.  [default: the name of your account]")
@click.option("--yes", is_flag=True, help="Do not ask: it is reviewed. Without a terminal, this and --by are needed.")
@click.option("--despite", metavar="REASON", help="Record the review although checks failed, and why.")
@reporting_options("./dry-run-review", "Dry-Run Review")
def command(  # noqa: PLR0913, PLR0917 - one parameter for each option
    bundle: str | None,
    database: str | None,
    config: str | None,
    exports: str | None,
    profile: str | None,
    timeout_s: float | None,
    max_age_h: float,
    outputs: str,
    by: str | None,
    yes: bool,
    despite: str | None,
) -> Callable[[AssessmentListener], Assessment]:
    """Review a dry run: what it would do, what changed, and who looked at it.

    Shows the dry run, compares it with exports, configuration and database, says what changed since the last one that
    was reviewed, asks, and records the answer.

    Exit codes: 0 passed and reviewed, 1 one or more checks failed or it was not reviewed, 2 error or incomplete, 130
    interrupted.
    """
    context = click.get_current_context()
    named = one_bundle(context, [path for path in (bundle, *context.args) if path is not None])
    dry_run = DryRunOptions(named, database, config, exports, profile, max_age_h, timeout_s)
    if not yes or by is None:
        _require_terminal(yes=yes)
    options = ReviewOptions(dry_run, outputs, by, despite)
    return lambda listener: review(options, lambda question: yes or _confirm(question), listener)


def _require_terminal(*, yes: bool) -> None:
    if not _is_terminal():
        raise UsageError(
            "There is no terminal to ask on",
            where="--by" if yes else "--yes, --by",
            expected="--yes and --by NAME",
            found="--yes alone" if yes else "no --yes",
            next_step="Review it on a terminal, or say who did with --yes --by NAME",
        )


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _confirm(question: str) -> bool:
    """Ask on the terminal; standard output may hold a report."""
    LINE.wipe()
    end_typing_at_interrupts()
    try:
        return click.confirm(question, default=False, err=True)
    except click.Abort:
        # One that no part of the assessment takes for an error of its own.
        raise KeyboardInterrupt from None
