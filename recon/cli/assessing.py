"""What the commands share that assess something: their options, the console, the reports and the exit code."""

from __future__ import annotations

import os
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from recon.cli.failures import failure_plan
from recon.cli.options import fail_on_option, verbose_option
from recon.errors import EvidenceError, OutputError
from recon.profile import BUILT_IN
from recon.report import plan_outputs
from recon.report.assessment.console import AssessmentConsole
from recon.report.assessment.github import publish_assessment
from recon.report.assessment.output import write_assessment
from recon.report.formats import EVERY_FORMAT
from recon.report.output import misleading
from recon.report.text import printable
from recon.rules import layers_of
from recon.runs.assessments import keep_assessment
from recon.runs.evidence.inputs import named_inputs
from recon.runs.site.building import SITE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from recon.errors import ReconError
    from recon.model import Assessment
    from recon.preflight.assessing import AssessmentListener

    Assessing = Callable[[AssessmentListener], Assessment]

F = TypeVar("F", bound="Callable[..., Any]")
EXIT_CODES = {"PASSED": 0, "FAILED": 1, "INCOMPLETE": 2}


def reporting_options(stem: str, title: str, *, keeps: bool = False) -> Callable[[F], F]:
    """Add the options of reports to a command that returns what to assess; it then returns the exit code.

    The command is a function of its own options; it returns a function that takes a listener and returns an
    Assessment.

    Args:
        stem: The default path of a report, without its suffix; without options only the console is written to.
        title: What is reported where an error keeps the assessment from its end.
        keeps: The command has an option `outputs`, the folder of runs, in which the assessment is kept.
    """

    def decorate(command: F) -> F:
        @wraps(command)
        def reporting(
            format_names: tuple[str, ...], places: tuple[str, ...], fail_on: str, *, verbose: bool, **given: Any
        ) -> int:
            asked = format_names or (("markdown",) if places else ())
            reports = plan_outputs(asked, places, stem)
            for note in misleading(reports):
                click.echo(printable(note), err=True)
            err = any(report.is_stdout for report in reports)
            plan = failure_plan()
            plan.err, plan.outputs, plan.heading = err, reports, title
            console = AssessmentConsole(verbose=verbose, err=err)
            assessment = command(**given)(console)
            unwritten = write_assessment(assessment, reports, fail_on=fail_on)
            plan.outputs = tuple(unwritten)
            written = [f"Report written to: {report.words}" for report in reports if report not in unwritten]
            errors: list[ReconError] = [*unwritten.values()]
            if keeps:
                written += _kept(given, assessment, errors)
            console.finished(assessment, *written, fail_on="failure" if errors else fail_on)
            publish_assessment(assessment, os.environ, err=err)
            if errors:
                raise OutputError.of(errors)
            return assessment_exit_code(assessment, fail_on)

        for add in reversed([*_report_options(stem), verbose_option, fail_on_option]):
            reporting = add(reporting)
        return cast("F", reporting)

    return decorate


def _kept(given: Mapping[str, Any], assessment: Assessment, errors: list[ReconError]) -> list[str]:
    """Keep the assessment among the runs, and return where; an error is added to `errors`."""
    outputs = Path(given["outputs"])
    layers, profile = layers_of(given.get("expectations", ())), given.get("profile") or BUILT_IN
    inputs = named_inputs(given.get("bundle"), layers, (profile, given.get("config")))
    try:
        folder = keep_assessment(outputs, assessment, inputs)
    except (OutputError, EvidenceError) as error:
        errors.append(error)
        return []
    return [f"Kept in: {folder}", f"Site: {outputs / SITE / 'index.html'}"]


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
            type=click.Choice(list(EVERY_FORMAT)),
            multiple=True,
            help=f"Also write a report in this format; may be repeated.  [default place: {stem} and its suffix]",
        ),
    ]
