"""A comparison of two runs on the console."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from recon.report.changes.sections import headline_text, sections
from recon.report.console import RULE
from recon.report.github import inert, on_github
from recon.report.text import cut, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recon.model.changes import RunComparison
    from recon.report.table import ReportTable

LONGEST = 60
NOT_LISTED = "Not listed here: --format markdown, html or json lists them."


def render(comparison: RunComparison, most: int) -> str:
    """The whole block; `most`: records to list of each check and change."""
    lines = _lines(comparison, most)
    return "\n".join(map(inert, lines) if on_github(os.environ) else lines)


def _lines(c: RunComparison, most: int) -> Iterator[str]:
    yield from (RULE, "  Runs Compared", f"  Database: {printable(c.database)}", RULE, "")
    for notice in c.notices:
        yield from (printable(notice), "")
    for section in sections(c, most):
        yield section.title
        yield from (f"  - {printable(sentence)}" for sentence in section.sentences)
        if section.is_folded:
            yield f"  - {NOT_LISTED}"
        for table in () if section.is_folded else section.tables:
            yield from (f"  {printable(table.caption)}", *(f"    {line}" for line in _table(table)))
        yield ""
    yield from (RULE, f"  Since the older run: {headline_text(c)}", RULE, "")


def _table(table: ReportTable) -> Iterator[str]:
    """The lines of a table, its columns aligned."""
    lines = [[cut(cell, LONGEST) for cell in row] for row in (table.header, *table.rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    yield from (_line(line, widths, table).rstrip() for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int], table: ReportTable) -> str:
    aligned = (
        cell.rjust(width) if table.is_number(column) else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join(aligned)
