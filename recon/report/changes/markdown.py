"""A comparison of two runs as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.report.changes.sections import headline_text, sections
from recon.report.table import markdown_table
from recon.report.text import markdown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.model.changes import RunComparison


def render(comparison: RunComparison, most: int) -> str:
    """The complete report; `most`: records to list of each check and change."""
    return "\n".join(_lines(comparison, most))


def _lines(c: RunComparison, most: int) -> Iterator[str]:
    yield from ("# Runs Compared", "")
    for notice in c.notices:
        yield from (f"> **{markdown(notice)}**", "")
    yield from (f"**Since the older run**: {headline_text(c)}", "", f"Database: {markdown(c.database)}", "")
    for section in sections(c, most):
        yield from (f"## {section.title}", "")
        if section.sentences:
            yield from (*(f"- {markdown(sentence)}" for sentence in section.sentences), "")
        for table in section.tables:
            yield from (f"**{markdown(table.caption)}**", "")
            header = [markdown(cell) for cell in table.header]
            rows = [[markdown(cell) for cell in row] for row in table.rows]
            yield from (*markdown_table(header, rows, table.numbers), "")
    yield f"Personal data is {'masked' if c.masked else 'shown'}."
    yield ""
