"""The report as CSV for a spreadsheet: one long table, one line for each value of each violating row.

Comma, CRLF and quotes as in RFC 4180; UTF-8 with a byte order mark, without which Excel garbles accents. `kind` is the
subject of a line: `verification` (the facts of the run), `policy` (one that the bundle declares, as JSON), `policy
found` (the application's value, where it was compared), `policy problem` (what is wrong with it), `not checked` (what
nothing was compared with, and why), `check` (one line each), `violation` (a value of a violating row),
`note` (rows were left out), `ledger` (how many records or rows of an entity, its `category`, have an outcome), `cause`
(why they differ: its name, title, entity, standing, number, and location in `column`), `example` (a value of a
record or row that shows it), `association` (a value that an unexplained group, its `outcome`, has in common) and `key
hint` (how many missing records would pair after one normaliser, and the line of the profile). A null is an empty
`value` with `is_null` true; an empty text has false. Text that a spreadsheet would take for a formula starts with an
apostrophe; control characters are shown as escapes.
"""

from __future__ import annotations

import csv
import re
from decimal import Decimal
from io import StringIO
from typing import TYPE_CHECKING

from recon.model import ENTITIES
from recon.report.ledger.phrases import place, standing
from recon.report.text import advice_facts, facts, notices, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.model import Cause, Check, Ledger, Verification

BYTE_ORDER_MARK = "\ufeff"
# The last four are the full-width forms, which some spreadsheets read as the plain ones.
FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
AFTER_SEMICOLON = re.compile(rf"(;\s*[\"']*)(?=[{re.escape(''.join(FORMULA_STARTS))}])")
HEADER = (
    "kind",
    *("check_id", "check", "category", "severity", "outcome", "violations"),
    *("row", "column", "value", "is_null"),
)
# The cells from `check_id` to `row` of a line that is not about a check.
NO_CHECK = ("",) * 7
Cells = tuple[str, ...]


def render(verification: Verification) -> str:
    """The whole report."""
    text = StringIO()
    text.write(BYTE_ORDER_MARK)
    writer = csv.writer(text)
    writer.writerow(HEADER)
    writer.writerows(_facts(verification))
    for check in verification.checks:
        writer.writerows(check_lines(check))
    if verification.ledger:
        writer.writerows(_ledger(verification.ledger))
    return text.getvalue()


def _facts(v: Verification) -> Iterator[Cells]:
    counts = [
        (f"{name} in the {side}", rows[name])
        for name in ENTITIES
        for side, rows in (("bundle", v.counts_bundle), ("database", v.counts_database))
    ]
    noticed = [("Notice", notice) for notice in notices(v)]
    for column, value in (*noticed, ("Verdict", v.verdict), *advice_facts(v), *facts(v), *counts):
        yield fact(column, value)
    for policy in v.policies:
        about = (*NO_CHECK, neutral_cell(policy.key))
        yield ("policy", *about, *_value(policy.expected))
        if policy.compared:
            yield ("policy found", *about, *_value(policy.actual))
        if policy.problem:
            yield ("policy problem", *about, *_value(policy.problem))
    for name, reason in v.not_checked.items():
        yield ("not checked", *NO_CHECK, neutral_cell(name), *_value(reason))


def fact(label: str, value: object, *, kind: str = "verification") -> Cells:
    """The line of one fact of what was judged."""
    return (kind, *NO_CHECK, label, *_value(value))


def check_lines(check: Check) -> Iterator[Cells]:
    """The line of a check, then those of its rows; `violations` counts all rows, and is empty if not evaluated."""
    described = (check.id, check.name, check.category, check.severity, check.outcome, check.violation_count)
    about = tuple(map(neutral_cell, described))
    yield ("check", *about, "", "message", *_value(check.message))
    columns = [neutral_cell(name) for name in check.violations.columns]
    for number, row in enumerate(check.violations.iter_rows(), 1):
        for column, value in zip(columns, row, strict=True):
            yield ("violation", *about, str(number), column, *_value(value))
    kept, total = check.violations.height, check.violation_count or 0
    if kept < total:
        are = "is" if kept == 1 else "are"
        sentence = f"{kept:,} of {total:,} violating rows {are} listed (--evidence-rows says how many are kept)"
        yield ("note", *about, "", "left out", *_value(sentence))


def _ledger(ledger: Ledger) -> Iterator[Cells]:
    """The numbers of each entity, the causes with their examples, and what the unexplained have in common."""
    for account in ledger.entities:
        unexplained = {"unexplained records": account.unexplained_records, "unexplained rows": account.unexplained_rows}
        sums = {"records": account.records, **account.outcomes, "rows": account.rows, **account.rows_by_outcome}
        for name, count in (sums | unexplained).items():
            yield ("ledger", "", "", neutral_cell(account.entity), "", "", "", "", name, *_value(count))
    for entity, why in ledger.not_evaluated.items():
        yield ("ledger", "", "", neutral_cell(entity), "", "", "", "", "not evaluated", *_value(why))
    for cause in ledger.causes:
        yield from _cause(cause)
    for each in ledger.associations:
        about = map(neutral_cell, (each.sentence, each.entity, "", each.group, each.count, "", each.field))
        yield ("association", "", *about, *_value(each.value))
    for hint in ledger.key_hints:
        about = map(neutral_cell, (hint.sentence, hint.entity, "", "missing", hint.count, "", hint.key))
        yield ("key hint", "", *about, *_value(hint.line))


def _cause(cause: Cause) -> Iterator[Cells]:
    about = tuple(map(neutral_cell, (cause.name, cause.title, cause.entity, "", standing(cause), cause.count)))
    yield ("cause", *about, "", neutral_cell(place(cause)), *_value(cause.action))
    for number, example in enumerate(cause.examples, 1):
        for column in example.__struct_fields__:
            yield ("example", *about, str(number), column, *_value(getattr(example, column)))


def _value(value: object) -> tuple[str, str]:
    """The cells `value` and `is_null`."""
    return neutral_cell(value), "true" if value is None else "false"


def neutral_cell(value: object) -> str:
    """The text of a cell; a number may start with a minus sign, a text may not."""
    if isinstance(value, bool):
        return str(value).lower()
    text = printable(value)
    if isinstance(value, int | float | Decimal):
        return text
    # Where lists are separated by semicolons, a spreadsheet begins a cell after each of them.
    text = AFTER_SEMICOLON.sub(r"\1'", text)
    return f"'{text}" if text.lstrip().startswith(FORMULA_STARTS) else text
