"""A guided migration as one self-contained HTML page: no URL, and a policy that allows one script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recon.model import Outcome, Verdict
from recon.report.migration.words import (
    NOT_BEGUN,
    asked_for,
    ending,
    facts,
    headline,
    kind,
    moment,
    place,
    resume_command,
    shown,
    steps_of,
)
from recon.report.page.frame import PageFrame
from recon.report.templates import MARKS, environment
from recon.report.text import timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recon.model.migration import Migration
    from recon.report.migration.words import Attempt

SIGNS = {
    Verdict.PASSED: MARKS["PASS"],
    Verdict.FAILED: MARKS["FAIL"],
    Verdict.INCOMPLETE: MARKS["ERROR"],
    "open": "…",
    "abandoned": "\N{EN DASH}",
}
LEAST_WIDTH = 0.5


@dataclass(frozen=True)
class PageLink:
    """A page about a step.

    Attributes:
        address: Its location relative to the migration's page.
    """

    label: str
    address: str


def render(migration: Migration, folder_name: str, links: Mapping[str, Sequence[PageLink]]) -> str:
    """The complete page.

    Args:
        migration: What to render.
        folder_name: The name of its folder, for the command that continues.
        links: The pages about each attempt, by its folder.
    """
    templates = environment("report/migration")
    style = templates.get_template("page.css.jinja").render()
    longest = max((step.duration_ms or 0 for step in migration.steps), default=0)

    def width(attempt: Attempt) -> str:
        """Percentage of the longest attempt's duration."""
        return f"{max(100 * (attempt.step.duration_ms or 0) / longest, LEAST_WIDTH) if longest else LEAST_WIDTH:.1f}"

    return PageFrame(style).render(
        templates.get_template("page.html.jinja"),
        m=migration,
        headline=headline(migration),
        kind=kind(migration),
        sign=SIGNS[kind(migration)],
        at=place(migration) if migration.is_open else None,
        resume=resume_command(folder_name),
        steps=steps_of(migration),
        links=links,
        width=width,
        signs={outcome: MARKS[outcome] for outcome in Outcome} | {None: SIGNS["open"]},
        not_begun=NOT_BEGUN if migration.is_open else f"It was {NOT_BEGUN}",
        facts=facts(migration),
        asked={"Settings": asked_for(migration.settings), "Importer": asked_for(migration.importer)},
        ending=ending(migration),
        moment=moment,
        timestamp=timestamp,
        shown=shown,
    )
