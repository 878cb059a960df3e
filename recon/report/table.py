"""A table of text, as every report format shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class ReportTable(NamedTuple):
    """A table before any format has escaped its text.

    Attributes:
        caption: What it shows.
        header: The name of each column.
        rows: Each as wide as the header; the first cell names the row.
        numbers: How many of the last columns hold numbers.
        alarms: How many of the last columns should hold only 0.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: int = 0
    alarms: int = 0

    def is_number(self, column: int) -> bool:
        """Whether the column, counted from 0, holds numbers."""
        return column >= len(self.header) - self.numbers

    def is_alarm(self, column: int, cell: str) -> bool:
        """Whether the cell should be 0 and is not."""
        return column >= len(self.header) - self.alarms and cell != "0"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 0) -> Iterator[str]:
    """The lines of a table whose last `numbers` columns are right-aligned; its cells are Markdown already."""
    yield f"| {' | '.join(header)} |"
    rules = ["---"] * (len(header) - numbers) + ["---:"] * numbers
    yield f"| {' | '.join(rules)} |"
    yield from (f"| {' | '.join(row)} |" for row in rows)
