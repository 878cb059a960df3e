"""An assessment as tables: its facts, its checks, and a sheet for each check with what it found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.report.text import timestamp
from recon.report.workbook.contents import Workbook, checks_of, kept_sheets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.model import Assessment


def assessment_workbook(assessment: Assessment) -> Workbook:
    """The tables of an assessment; nothing in them is decided on."""
    checks = assessment.checks
    facts, sheets = tuple(_facts(assessment)), kept_sheets(checks)
    return Workbook(assessment.title, facts, checks_of(checks), sheets, masked=assessment.masked, is_whole=False)


def _facts(assessment: Assessment) -> Iterator[tuple[str, str]]:
    yield "Verdict", str(assessment.verdict)
    yield "Started", timestamp(assessment.started_at)
    for part in assessment.parts:
        yield from ((f"{part.title}: {one.label}", one.value) for one in part.facts)
    yield from (("Next step", step) for step in assessment.next_steps)
