"""Violating rows as a table for people: the first of them, each value in words, and where the others are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from recon.report.commands import ShowCommand
from recon.report.ledger.phrases import NULL
from recon.report.page.words import column_words, value_words
from recon.report.text import printable, shown_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.model import Check

SHOWN_ROWS = 50
"""How many violating rows of a check a page shows at most; whatever was kept, it stays a page."""
# A table with more values or rows than these is shown on demand.
OPEN_VALUES, OPEN_ROWS = 60, 10
LONGEST = 300
TAIL = 4
# A number in such a column names something.
NAMES = ("id", "row", "key", "year", "code")
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


class RowCell(NamedTuple):
    """A value.

    Attributes:
        text: As people read it; None: null.
        name: The value itself, where `text` is other words for it; empty: it is the value.
        head: Of an id all but its last letters, which fit beside it; empty: it is no id.
        tail: Of an id its last letters.
        is_number: Whether it is a number.
    """

    text: str | None
    name: str = ""
    head: str = ""
    tail: str = ""
    is_number: bool = False


class RowColumn(NamedTuple):
    """A column: its technical name, what people call it, and whether it holds numbers alone."""

    name: str
    words: str
    is_number: bool


class ViolationTable(NamedTuple):
    """The rows that a check found wrong, the first of them.

    Attributes:
        which: Which of all rows they are: "Violating rows, the first 50 of 244".
        rest: How many more there are, and the command that shows those that were kept; None: none were.
        is_folded: Whether a page shows them on demand, because they are many.
    """

    columns: tuple[RowColumn, ...]
    rows: Sequence[tuple[RowCell, ...]]
    which: str
    rest: tuple[str, str] | None
    is_folded: bool


def violation_table(check: Check, rows: int | None = None) -> ViolationTable:
    """The first violating rows of a check.

    Args:
        check: What found them.
        rows: How many at most, up to `SHOWN_ROWS`; None: as many.
    """
    shown = check.violations.head(min(SHOWN_ROWS, SHOWN_ROWS if rows is None else rows))
    names, total = shown.columns, max(check.violation_count or 0, check.violations.height)
    found = [tuple(_cell(name, value) for name, value in zip(names, row, strict=True)) for row in shown.rows()]
    columns = tuple(
        RowColumn(name, column_words(name), all(row[place].is_number for row in found))
        for place, name in enumerate(names)
    )
    which = f"Violating rows{shown_of(shown.height, total) or f': {total:,}'}"
    is_folded = shown.height > OPEN_ROWS or shown.height * shown.width > OPEN_VALUES
    rest = ShowCommand("RUN").rest_of(check, shown.height)
    return ViolationTable(columns, found, which, rest, is_folded)


def text_cell(text: str) -> RowCell:
    """A cell of a table whose values are texts already, some of them in quotes: of an id, its letters alone."""
    if text == NULL:
        return RowCell(None)
    bare = text[1:-1] if text[:1] == text[-1:] == '"' else text
    return _id_cell(bare) if ID.fullmatch(bare) else RowCell(text)


def _id_cell(text: str) -> RowCell:
    return RowCell(text, head=text[:-TAIL], tail=text[-TAIL:])


def _cell(column: str, value: object) -> RowCell:
    if value is None:
        return RowCell(None)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return RowCell(str(value)) if column.endswith(NAMES) else RowCell(f"{value:,}", is_number=True)
    text = printable(value)
    if ID.fullmatch(text):
        return _id_cell(text)
    words = value_words(column, text)
    if len(words) > LONGEST:
        return RowCell(f"{words[:LONGEST]}… ({len(words):,} characters)")
    return RowCell(words, name=text if words != text else "")
