"""The steps of a guided migration on the console."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from recon.report.migration.words import DESPITE, NOT_BEGUN, UNDECIDED, moment, steps_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recon.model.migration import Migration
    from recon.report.migration.words import Attempt

MARK_WIDTH = len(f"[{DESPITE}]")
REMARK_INDENT = " " * (MARK_WIDTH + 6)


def timeline_lines(migration: Migration) -> list[str]:
    """Each attempt with its mark, step, start, duration and who answered, aligned; its sentences below it.

    Attempts at one step stand below one another. A step that has not begun is listed as open.
    """
    steps = steps_of(migration)
    rows = [
        (_bracketed(attempt.mark), step.title, moment(attempt.step.started_at), attempt.took)
        for step in steps
        for attempt in step.attempts
    ]
    widths = (MARK_WIDTH, *(max(map(_width, column)) for column in ([step.title for step in steps], *_columns(rows))))
    return list(_lines(migration, widths))


def _columns(rows: Sequence[tuple[str, ...]]) -> list[list[str]]:
    """The texts of the columns that are aligned among the attempts alone."""
    return [[row[number] for row in rows] or [""] for number in (2, 3)]


def _lines(migration: Migration, widths: Sequence[int]) -> Iterator[str]:
    for step in steps_of(migration):
        for attempt in step.attempts:
            yield _attempt_line(step.title, attempt, widths)
            yield from (f"{REMARK_INDENT}{remark}" for remark in attempt.remarks)
        if not step.attempts:
            yield _joined((_bracketed(UNDECIDED), step.title, NOT_BEGUN), widths)


def _attempt_line(title: str, attempt: Attempt, widths: Sequence[int]) -> str:
    by = f"by {attempt.by}" if attempt.by else ""
    cells = (_bracketed(attempt.mark), title, moment(attempt.step.started_at), attempt.took, by)
    return _joined(cells, (*widths, 0))


def _joined(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=False))
    return f"  {'  '.join(padded)}".rstrip()


def _bracketed(mark: str) -> str:
    return f"[{mark}]"


def _width(text: str) -> int:
    """The cells of a terminal that a text takes."""
    return sum((unicodedata.east_asian_width(c) in "WF") + (not unicodedata.combining(c)) for c in text)
