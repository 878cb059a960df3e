"""An assessment as one self-contained HTML page: no script, no URL, and a policy that would block both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.report.html import section_words
from recon.report.templates import environment, source_hash, stylesheet
from recon.report.text import timestamp

if TYPE_CHECKING:
    from recon.model import Assessment


def render(assessment: Assessment) -> str:
    """The complete report."""
    style = stylesheet()
    page = environment().get_template("assessment/report.html.jinja")
    return page.render(
        v=assessment,
        style=style,
        style_hash=source_hash(style),
        started=timestamp(assessment.started_at),
        **section_words(),
    )
