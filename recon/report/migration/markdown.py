"""A guided migration as Markdown: how it ended, its steps, what they left, and what was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.report.markdown import MARKS
from recon.report.migration.words import (
    DESPITE,
    NOT_BEGUN,
    UNDECIDED,
    asked_for,
    ending,
    facts,
    headline,
    moment,
    place,
    resume_command,
    shown,
    steps_of,
)
from recon.report.table import markdown_table
from recon.report.text import markdown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.model.migration import Migration
    from recon.report.migration.words import Attempt

HEADER = ("Gate", "Step", "Started", "Duration", "By", "Message")


def render(migration: Migration, folder_name: str) -> str:
    """The complete report.

    Args:
        migration: What to render.
        folder_name: The name of its folder, for the command that continues.
    """
    return "\n".join(_lines(migration, folder_name))


def _lines(migration: Migration, folder_name: str) -> Iterator[str]:
    yield from (f"# Migration of {markdown(shown(migration.database))}", "", f"**{markdown(headline(migration))}**", "")
    if migration.is_open:
        yield f"Since {moment(place(migration).since)}. Continue with {_code(resume_command(folder_name))}"
        yield ""
    yield from (*markdown_table(("", "Value"), [(label, markdown(value)) for label, value in facts(migration)]), "")
    yield from ("## Timeline", "", *markdown_table(HEADER, _rows(migration)), "")
    for step in steps_of(migration):
        for attempt in step.attempts:
            yield from _left(step.title, attempt)
    for title, named in (("Settings", migration.settings), ("Importer", migration.importer)):
        if rows := [(markdown(label), markdown(value)) for label, value in asked_for(named)]:
            yield from (f"## {title}", "", *markdown_table(("", "Value"), rows), "")
    yield from ("## Verdict", "", markdown(ending(migration)), "")


def _rows(migration: Migration) -> Iterator[tuple[str, ...]]:
    for step in steps_of(migration):
        title = markdown(step.title)
        for attempt in step.attempts:
            message = markdown("; ".join(attempt.remarks))
            started = moment(attempt.step.started_at)
            yield (_mark(attempt), title, started, attempt.took, markdown(attempt.by), message)
        if not step.attempts:
            yield (UNDECIDED, title, NOT_BEGUN, "", "", "")


def _mark(attempt: Attempt) -> str:
    if attempt.outcome is None:
        return UNDECIDED
    return f"**{DESPITE}**" if attempt.mark == DESPITE else MARKS[attempt.outcome]


def _left(title: str, attempt: Attempt) -> Iterator[str]:
    """What an attempt sent and left, below a heading of its own."""
    commands = [_code(shown(command)) for command in attempt.step.commands]
    if commands or attempt.facts:
        yield from (f"### {markdown(title)}, {moment(attempt.step.started_at)}", "")
        yield from (f"- {attempt.asked_by}: {command}" for command in commands)
        yield from (f"- {label}: {markdown(value)}" for label, value in attempt.facts)
        yield ""


def _code(text: str) -> str:
    """A span of code; a text that would end the span is none."""
    return markdown(text) if "`" in text else f"`{text}`"
