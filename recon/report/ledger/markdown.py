"""The section of the Markdown report that shows a Ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.report.ledger.phrases import IN_COMMON, WOULD_PAIR, notes, place
from recon.report.ledger.tables import (
    MOST_ROWS,
    accounts,
    associations,
    causes,
    duplicate_keys,
    examples,
    key_hints,
    levels,
)
from recon.report.table import markdown_table
from recon.report.text import accounted_line, markdown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.model import Cause, Ledger
    from recon.report.table import ReportTable


def ledger_section(ledger: Ledger | None) -> Iterator[str]:
    """The lines below the section's heading: the headline, both sides, the causes with examples, keys and levels."""
    yield f"Accounted for: {markdown(accounted_line(ledger))}"
    if ledger is None:
        return
    for table in accounts(ledger):
        yield from _captioned(table)
    for note in notes(ledger):
        yield from ("", f"{note.title}:", "")
        yield from (f"- {markdown(about)}: {markdown(text)}" for about, text in note.items.items())
    yield from _causes(ledger)
    yield from _headed(IN_COMMON, associations(ledger))
    yield from _headed(WOULD_PAIR, key_hints(ledger))
    yield from _headed("Duplicate Keys", duplicate_keys(ledger))
    yield from _headed("Membership Levels and Tiers", levels(ledger))


def _causes(ledger: Ledger) -> Iterator[str]:
    yield from _headed("Why They Differ", causes(ledger))
    for cause in ledger.causes[:MOST_ROWS]:
        if cause.examples:
            yield from _examples(cause)


def _examples(cause: Cause) -> Iterator[str]:
    table = examples(cause)
    yield from ("", f"#### {markdown(place(cause))}: {markdown(cause.title)}", "")
    yield from _rows(table)


def _headed(heading: str, table: ReportTable) -> Iterator[str]:
    if table.rows:
        yield from ("", f"### {heading}")
        yield from _captioned(table)


def _captioned(table: ReportTable) -> Iterator[str]:
    if table.rows:
        yield from ("", f"{table.caption}:", "")
        yield from _rows(table)


def _rows(table: ReportTable) -> Iterator[str]:
    rows = ([_cell(table, column, cell) for column, cell in enumerate(row)] for row in table.rows)
    return markdown_table(table.header, rows, table.numbers)


def _cell(table: ReportTable, column: int, cell: str) -> str:
    """The cell as Markdown; numbers are recon's own text, and one that should be 0 and is not is highlighted."""
    if not table.is_number(column):
        return markdown(cell)
    return f"**{cell}**" if table.is_alarm(column, cell) else cell
