"""An assessment as Markdown: what did not pass first, then each part, then what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.report.markdown import MARKS, unpassed_check
from recon.report.table import markdown_table
from recon.report.text import checks_line, markdown, timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.model import Assessment, Part


def render(assessment: Assessment) -> str:
    """The complete report."""
    return "\n".join(_lines(assessment))


def _lines(a: Assessment) -> Iterator[str]:
    yield from (f"# {a.title}", "", f"**{a.title} {a.verdict}** — Checks: {checks_line(a.summary)}", "")
    if a.unpassed:
        yield from (f"- {MARKS[c.outcome]} {markdown(c.name)}: {markdown(c.message)}" for c in a.unpassed)
        yield ""
    yield f"Started: {timestamp(a.started_at)}, duration {a.duration_ms} ms"
    yield ""
    for part in a.parts:
        yield from (f"## {part.title}", "", *_part(part), "")
    if a.unpassed:
        yield from ("## What Did Not Pass", "")
        for check in a.unpassed:
            yield from (*unpassed_check(check), "")
    if a.next_steps:
        yield from ("## Next Steps", "", *(f"- {markdown(step)}" for step in a.next_steps), "")


def _part(part: Part) -> Iterator[str]:
    if part.facts:
        yield from markdown_table(("", "Value"), [(fact.label, markdown(fact.value)) for fact in part.facts])
        yield ""
    if not part.checks:
        return
    rows = [(MARKS[check.outcome], markdown(check.name), markdown(check.message)) for check in part.checks]
    yield from markdown_table(("Outcome", "Check", "Message"), rows) if rows else ()
