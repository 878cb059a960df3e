"""An assessment on GitHub Actions: the summary of a step and its annotations."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recon.model import Outcome
from recon.report.assessment.markdown import render
from recon.report.github import LEFT_OUT, SUMMARY, annotations_of, append_summary, first_lines, on_github

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recon.model import Assessment


def publish_assessment(assessment: Assessment, environment: Mapping[str, str], *, err: bool = False) -> None:
    """Append an assessment to the step's summary and annotate what did not pass, each if GitHub asks for it.

    Args:
        assessment: What to report.
        environment: Environment variables by name.
        err: Annotations go to standard error, because standard output holds a report.
    """
    if environment.get(SUMMARY):
        append_summary(lambda room: _summary(assessment, room), Path(environment[SUMMARY]))
    if on_github(environment):
        errors = [c for c in assessment.unpassed if c.outcome is not Outcome.WARN]
        warnings = [c for c in assessment.unpassed if c.outcome is Outcome.WARN]
        for line in chain(annotations_of("error", [], errors), annotations_of("warning", [], warnings)):
            click.echo(line, err=err)


def _summary(assessment: Assessment, most_bytes: int) -> str:
    text, is_whole = first_lines(f"\n{render(assessment)}", most_bytes - len(LEFT_OUT.encode()))
    return text if is_whole else text + LEFT_OUT
