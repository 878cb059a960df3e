"""A comparison of two runs as one self-contained HTML page: no URL, and a policy that allows one script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.report.changes.kinds import KINDS
from recon.report.changes.sections import headline, headline_text, sections
from recon.report.html import shape
from recon.report.page.frame import PageFrame
from recon.report.templates import environment
from recon.report.text import timestamp

if TYPE_CHECKING:
    from recon.model.changes import RunComparison

STYLES = ("since", "page")
OUTCOMES = ("PASS", "WARN", "FAIL", "ERROR", "PASSED", "FAILED", "INCOMPLETE")


def render(comparison: RunComparison, most: int, home: str = "") -> str:
    """The complete report.

    Args:
        comparison: What to render.
        most: Records to list of each check and change.
        home: The address of the page of all runs, relative to this one; empty: there is none.
    """
    templates = environment("report/changes")
    style = "".join(templates.get_template(f"{name}.css.jinja").render() for name in STYLES)
    return PageFrame(style).render(
        templates.get_template("page.html.jinja"),
        c=comparison,
        home=home,
        headline=headline(comparison.findings) if comparison.findings else [],
        headline_text=headline_text(comparison),
        kinds=KINDS,
        outcomes=OUTCOMES,
        sections=sections(comparison, most),
        shape=shape,
        timestamp=timestamp,
    )
