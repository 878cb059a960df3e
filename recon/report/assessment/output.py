"""Writes an assessment's reports."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from recon.errors import OutputError
from recon.report.output import deliver, write_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.model import Assessment
    from recon.report.output import Output

STRICT = ("junit",)
MODULES = {"csv-long": "csv"}


def assessment_text(assessment: Assessment, format_name: str, *, fail_on: str = "failure") -> str:
    """The report in one of `recon.report.FORMATS`; `fail_on`: "warning" where a warning counts as a failure."""
    renderer = import_module(f"recon.report.assessment.{MODULES.get(format_name, format_name)}")
    strictly = fail_on == "warning" and format_name in STRICT
    text: str = (renderer.render_strictly if strictly else renderer.render)(assessment)
    return text


def write_assessment(
    assessment: Assessment, outputs: Sequence[Output], *, fail_on: str = "failure"
) -> dict[Output, OutputError]:
    """Write each report; a failure does not keep the others from being written.

    Returns:
        The error of each output that was not written.
    """
    unwritten = {}
    for output in outputs:
        try:
            if output.is_tables:
                made = import_module("recon.report.assessment.workbook").assessment_workbook(assessment)
                write_tables(made, output)
            else:
                deliver(assessment_text(assessment, output.format_name, fail_on=fail_on), output)
        except OutputError as error:
            unwritten[output] = error
    return unwritten
