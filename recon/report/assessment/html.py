"""An assessment as one self-contained HTML page: no URL, and a policy that allows one script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.report.html import section_words
from recon.report.page.frame import PageFrame, page_template
from recon.report.text import timestamp

if TYPE_CHECKING:
    from recon.model import Assessment


# Facts that distinguish one assessment from another.
IDENTIFYING = ("Club", "Database", "Bundle", "Run", "Run ID", "Plan", "Backup")


def render(assessment: Assessment) -> str:
    """The complete report."""
    found = {fact.label: fact.value for part in assessment.parts for fact in part.facts if fact.label in IDENTIFYING}
    return PageFrame().render(
        page_template("assessment/report.html.jinja"),
        **section_words() | {"identity": found.items()},
        v=assessment,
        started=timestamp(assessment.started_at),
    )
