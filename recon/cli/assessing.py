"""What the commands share that assess something: their options, the console, the reports and the exit code."""

from __future__ import annotations

import os
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from recon.cli.failures import failure_plan
from recon.cli.options import fail_on_option, verbose_option
from recon.errors import OutputError
from recon.report import FORMATS, plan_outputs
from recon.report.assessment.console import AssessmentConsole
from recon.report.assessment.github import publish_assessment
from recon.report.assessment.output import write_assessment
from recon.report.output import misleading
from recon.report.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from recon.model import Assessment
    from recon.preflight.assessing import AssessmentListener

    Assessing = Callable[[AssessmentListener], Assessment]

F = TypeVar("F", bound="Callable[..., Any]")
EXIT_CODES = {"PASSED": 0, "FAILED": 1, "INCOMPLETE": 2}


def reporting_options(stem: str) -> Callable[[F], F]:
    """Add the options of reports to a command that returns what to assess; it then returns the exit code.

    Args:
        stem: The default path of a report, without its suffix; by default only the console is written to.

    The command is a function of its own options; it returns a function that takes a listener and returns an
    Assessment.
    """

    def decorate(command: F) -> F:
        @wraps(command)
        def reporting(
            format_names: tuple[str, ...], places: tuple[str, ...], fail_on: str, *, verbose: bool, **given: Any
        ) -> int:
            asked = format_names or (("markdown",) if places else ())
            outputs = plan_outputs(asked, places, stem)
            for note in misleading(outputs):
                click.echo(printable(note), err=True)
            err = any(output.is_stdout for output in outputs)
            plan = failure_plan()
            plan.err, plan.outputs = err, outputs
            console = AssessmentConsole(verbose=verbose, err=err)
            assessment = command(**given)(console)
            unwritten = write_assessment(assessment, outputs, fail_on=fail_on)
            plan.outputs = tuple(unwritten)
            written = (output.words for output in outputs if output not in unwritten)
            console.finished(assessment, *(f"Report written to: {words}" for words in written))
            publish_assessment(assessment, os.environ, err=err)
            if unwritten:
                raise OutputError.of(list(unwritten.values()))
            return assessment_exit_code(assessment, fail_on)

        for add in reversed([*_report_options(stem), verbose_option, fail_on_option]):
            reporting = add(reporting)
        return cast("F", reporting)

    return decorate


def assessment_exit_code(assessment: Assessment, fail_on: str) -> int:
    """0 PASSED, 1 FAILED (or, if requested, warnings), 2 INCOMPLETE."""
    if assessment.verdict == "PASSED":
        return int(fail_on == "warning" and assessment.summary.warnings > 0)
    return EXIT_CODES[assessment.verdict]


def _report_options(stem: str) -> list[Callable[[Any], Any]]:
    return [
        click.option(
            "-o",
            "--output",
            "places",
            type=click.Path(readable=False, allow_dash=True),
            multiple=True,
            metavar="FILE",
            help="Also write a report here, or to standard output with -; see --format.",
        ),
        click.option(
            "-f",
            "--format",
            "format_names",
            type=click.Choice(list(FORMATS)),
            multiple=True,
            help=f"Also write a report in this format; may be repeated.  [default place: {stem} and its suffix]",
        ),
    ]
