"""recon verify."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

import click

import recon
from recon.cli import CONTEXT
from recon.cli.failures import failure_plan
from recon.cli.options import JudgingCommand, exit_code, judging_options
from recon.errors import OutputError
from recon.report import plan_outputs, write_reports
from recon.report.commands import command_for
from recon.report.console import Console
from recon.report.formats import EVERY_FORMAT
from recon.report.github import publish
from recon.report.output import misleading
from recon.report.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from recon.report.workbook.contents import Workbook

SUFFIXES = ", ".join(f"{chosen.suffix} for {name}" for name, chosen in EVERY_FORMAT.items() if name != "markdown")


@click.command("verify", cls=JudgingCommand, context_settings=CONTEXT)
@click.option(
    "-o",
    "--output",
    "places",
    type=click.Path(readable=False, allow_dash=True),
    multiple=True,
    metavar="FILE",
    help="Output report path, or - for standard output. With several formats: one for each, in order, or one for "
    f"all, which gets each format's suffix.  [default: ./verification-report.md, {SUFFIXES}]",
)
@click.option(
    "-f",
    "--format",
    "format_names",
    type=click.Choice(list(EVERY_FORMAT)),
    multiple=True,
    default=("markdown",),
    help="Output format; may be repeated.  [default: markdown]",
)
@judging_options
def command(
    options: recon.VerifyOptions,
    places: tuple[str, ...],
    format_names: tuple[str, ...],
    verbose: bool,
    fail_on: str,
) -> int:
    """Verify a migration: bundle and database in, verdict out.

    Exit codes: 0 all checks passed, 1 one or more checks failed, 2 error or incomplete, 130 interrupted.
    """
    outputs = plan_outputs(format_names, places)
    for note in misleading(outputs):
        click.echo(printable(note), err=True)
    err = any(output.is_stdout for output in outputs)
    console = Console(verbose=verbose, err=err)
    verification, tables = _judged(options, console, wants_tables=any(output.is_tables for output in outputs))
    console.report_writing()
    unwritten = write_reports(
        verification,
        outputs,
        fail_on=fail_on,
        tables=tables,
        command=command_for(options),
        starting=console.next_output,
    )
    plan = failure_plan()
    plan.outputs = tuple(unwritten)
    written = [output.words for output in outputs if output not in unwritten]
    if not unwritten:
        plan.reached, plan.written_to = exit_code(verification, fail_on), ", ".join(written)
    places_written = (f"Report written to: {words}" for words in written)
    console.finished(verification, *places_written, fail_on="failure" if unwritten else fail_on)
    publish(verification, os.environ, err=err)
    if unwritten:
        raise OutputError.of(list(unwritten.values()))
    return exit_code(verification, fail_on)


def _judged(
    options: recon.VerifyOptions, console: Console, *, wants_tables: bool
) -> tuple[recon.Verification, Callable[[], Workbook] | None]:
    """The verification; and, where some are wanted, the tables of all that it found, while they can be read."""
    if not wants_tables:
        return recon.verify(options, console), None
    with import_module("recon.verification.verify").judged(options, console) as judgement:
        workbook = import_module("recon.answers.workbook").judged_workbook(judgement)
        return judgement.verification, lambda: workbook
