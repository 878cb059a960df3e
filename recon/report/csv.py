"""The report as CSV for a spreadsheet: one long table, a line for each value of each violating row.

Comma, CRLF and quotes as in RFC 4180; UTF-8 with a byte order mark, without which Excel garbles accents. `kind` says
what a line is about: `verification` (the facts of the run), `check` (one line each), `violation` (a value of a
violating row) and `note` (rows were left out). A null is an empty `value` whose `is_null` is true; an empty text has
false. Text that a spreadsheet would take for a formula starts with an apostrophe; control characters show as escapes.
"""

from __future__ import annotations

import csv
from decimal import Decimal
from io import StringIO
from typing import TYPE_CHECKING, NamedTuple

from recon.model import ENTITIES
from recon.report.text import facts, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.model import Check, Verification

BYTE_ORDER_MARK = "\ufeff"
# Each of the last four is the full-width form, which some spreadsheets read as the plain one.
FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class Line(NamedTuple):
    """A line of the table.

    Attributes:
        violations: How many rows violate the check's rule in all; None: not evaluated, or not about a check.
        row: The number of the violating row, from 1; None: not about one.
        value: What the row holds in `column`.
        is_null: Whether `value` is null, and not an empty text.
    """

    kind: str
    check_id: str | None
    check: str | None
    category: str | None
    severity: str | None
    outcome: str | None
    violations: int | None
    row: int | None
    column: str
    value: object
    is_null: bool


def render(verification: Verification) -> str:
    """The whole report."""
    text = StringIO()
    text.write(BYTE_ORDER_MARK)
    writer = csv.writer(text)
    writer.writerow(Line._fields)
    writer.writerows([_cell(value) for value in line] for line in _lines(verification))
    return text.getvalue()


def _lines(v: Verification) -> Iterator[Line]:
    counts = [
        (f"{name} in the {side}", rows[name])
        for name in ENTITIES
        for side, rows in (("bundle", v.counts_bundle), ("database", v.counts_database))
    ]
    for column, value in (("Verdict", v.verdict), *facts(v), *counts):
        yield Line("verification", None, None, None, None, None, None, None, column, value, is_null=False)
    for check in v.checks:
        yield _line("check", check, None, "message", check.message)
        yield from _violations(check)


def _violations(check: Check) -> Iterator[Line]:
    for row, values in enumerate(check.violations.iter_rows(named=True), 1):
        for column, value in values.items():
            yield _line("violation", check, row, column, value)
    kept, total = check.violations.height, check.violation_count or 0
    if kept < total:
        sentence = f"{kept:,} of {total:,} violating rows are listed; --evidence-rows says how many are kept"
        yield _line("note", check, None, "left out", sentence)


def _line(kind: str, check: Check, row: int | None, column: str, value: object) -> Line:
    described = (check.id, check.name, check.category, check.severity, str(check.outcome), check.violation_count)
    return Line(kind, *described, row, column, value, is_null=value is None)


def _cell(value: object) -> str:
    """The text of a cell; a number may start with a minus, a text may not."""
    if isinstance(value, bool):
        return str(value).lower()
    text = printable(value)
    if isinstance(value, int | float | Decimal):
        return text
    return f"'{text}" if text.lstrip().startswith(FORMULA_STARTS) else text
