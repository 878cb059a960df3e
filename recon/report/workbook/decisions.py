"""Reads back what people decided in a workbook; one that does not fit its run is refused, and the cell named."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import python_calamine as calamine

from recon.errors import ReportError, suggest
from recon.report.text import printable
from recon.report.workbook.columns import (
    ACCEPT,
    APPROVED_BY,
    DECISION,
    DECISION_COLUMNS,
    DECISIONS,
    EXPIRES,
    OWNER,
    REASON,
    SUMMARY,
)
from recon.report.workbook.contents import FINDING, FINGERPRINT, sheet_columns
from recon.rules.acceptance import AcceptedEntry, lacks_approval

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from recon.report.workbook.contents import Sheet
    from recon.report.workbook.exported import Exported

EXPORT = "Export the run again with recon export, and decide there"
MEND = "Correct the cell, save the file, and read it again"
PERSONAL_DATA, MASKED = "Personal data", "masked"
KNOWN_BY = ("entity", "key", "field")
NEEDED = (REASON, OWNER, EXPIRES)
COLUMN_OF = {"reason": REASON, "owner": OWNER, "expires": EXPIRES, "approved_by": APPROVED_BY}
# Beyond, whole numbers are no longer exact.
MOST_EXACT = 2**53


@dataclass(frozen=True)
class DecidedRows:
    """What was decided.

    Attributes:
        entries: What is accepted, in the order of the rows.
        counts: How many rows have each of the other decisions.
        undecided: How many rows have none.
    """

    entries: tuple[AcceptedEntry, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    undecided: int = 0


@dataclass(frozen=True)
class _Cell:
    """The place of a cell, in words: "decided.xlsx, sheet Missing Records, row 7, column R (Expires)"."""

    file: str
    sheet: str
    row: int | None = None
    column: int | None = None
    name: str = ""

    def __str__(self) -> str:
        place = f"{self.file}, sheet {self.sheet}"
        place += f", row {self.row}" if self.row else ""
        return place if self.column is None else f"{place}, column {_letters(self.column)} ({self.name})"


def read_decisions(path: Path, exported: Exported, days: tuple[date, date]) -> DecidedRows:
    """Read the decisions in a workbook that was exported from a run.

    Rows may be sorted, filtered and removed; a row that was removed is not decided.

    Args:
        path: The workbook, as .xlsx.
        exported: The run.
        days: The first and the last day, by UTC, until which a finding can be accepted.

    Raises:
        ReportError: The file cannot be read, is of another run, was restructured, or a decision lacks something.
    """
    book = _opened(path)
    facts = _facts(book, str(path))
    for label, expected in exported.facts.items():
        _require_fact(str(path), facts, label, expected)
    workbook = exported.workbook(facts.get(PERSONAL_DATA, ("", 0))[0] == MASKED)
    reader = _SheetReader(str(path), exported, days)
    for sheet in workbook.sheets:
        if sheet.is_decided:
            reader.read(sheet, _rows(book, sheet.name, str(path)))
    others = {decision: reader.counts[decision] for decision in DECISIONS if decision != ACCEPT}
    return DecidedRows(tuple(reader.entries), others, reader.undecided)


class _SheetReader:
    def __init__(self, file: str, exported: Exported, days: tuple[date, date]) -> None:
        self.file, self.exported, self.days = file, exported, days
        self.entries: list[AcceptedEntry] = []
        self.counts: Counter[str] = Counter()
        self.undecided = 0

    def read(self, sheet: Sheet, rows: list[list[Any]]) -> None:
        names = sheet_columns(sheet)
        _require_header(self.file, sheet.name, names, rows[0] if rows else [])
        known = {row[FINDING]: row for row in sheet.frame.iter_rows(named=True)}
        seen: dict[str, int] = {}
        for number, cells in enumerate(rows[1:], 2):
            if any(cell not in ("", None) for cell in cells):
                line = _Line(_Cell(self.file, sheet.name, number), names, cells)
                self._require_known(line, known, seen)
                self._decide(line, sheet)

    def _require_known(self, line: _Line, known: Mapping[str, Mapping[str, Any]], seen: dict[str, int]) -> None:
        finding = line.text(FINDING)
        if finding not in known:
            found = repr(finding[:60]) if finding else "nothing"
            raise line.wrong(
                "The row is no finding of this sheet", FINDING, "the name of one of its findings", found, EXPORT
            )
        if finding in seen:
            raise line.wrong(
                "The row is there twice",
                FINDING,
                "each finding once",
                f"that of row {seen[finding]}",
                "Remove one of the rows",
            )
        seen[finding] = line.place.row or 0
        for name in (*KNOWN_BY, FINGERPRINT):
            expected = known[finding].get(name)
            if name in line.names and line.text(name).strip() != printable(expected).strip():
                what = "The finding has changed" if name == FINGERPRINT else "The row is not as it was exported"
                raise line.wrong(what, name, repr(printable(expected)), repr(line.text(name)), EXPORT)

    def _decide(self, line: _Line, sheet: Sheet) -> None:
        decision = line.text(DECISION).strip().casefold()
        if not decision:
            filled = next((name for name in DECISION_COLUMNS if line.text(name).strip()), None)
            if filled:
                raise line.wrong(
                    "The row has no decision", DECISION, _choice(), f"nothing, but {filled} is filled in", MEND
                )
            self.undecided += 1
        elif decision not in DECISIONS:
            found = repr(line.text(DECISION)[:60])
            raise line.wrong(
                "There is no such decision", DECISION, _choice(), found, suggest(decision, DECISIONS) or MEND
            )
        elif decision == ACCEPT:
            self.entries.append(self._entry(line, sheet))
        else:
            self.counts[decision] += 1

    def _entry(self, line: _Line, sheet: Sheet) -> AcceptedEntry:
        for name in NEEDED:
            if not line.text(name).strip():
                raise line.wrong(
                    "What is accepted lacks something", name, "a date" if name == EXPIRES else "a text", "nothing", MEND
                )
        expires = line.day(EXPIRES)
        first, last = self.days
        if not first <= expires <= last:
            what, expected = "A difference cannot be accepted until then", f"a day from {first} to {last}, by UTC"
            raise line.wrong(what, EXPIRES, expected, str(expires), MEND)
        subject = self.exported.subjects[line.text(FINDING)]
        entry = AcceptedEntry(
            subject.check_id,
            line.text(REASON).strip(),
            line.text(OWNER).strip(),
            expires,
            entity=subject.entity,
            key=subject.key,
            field=subject.field,
            cause=subject.cause,
            fingerprint=subject.fingerprint,
            approved_by=line.text(APPROVED_BY).strip() or None,
        )
        for problem in entry.problems():
            raise line.wrong(
                "A difference cannot be accepted",
                COLUMN_OF.get(problem.key, "key"),
                problem.expected,
                problem.found,
                MEND,
            )
        if lacks_approval(entry, self.exported.categories.get(subject.check_id, "")):
            expected = f"who else approves it: {sheet.name} is about integrity"
            found = "the owner" if entry.approved_by else "nothing"
            raise line.wrong("What is accepted lacks approval", APPROVED_BY, expected, found, MEND)
        return entry


@dataclass(frozen=True)
class _Line:
    """One row of a sheet, by its columns."""

    place: _Cell
    names: tuple[str, ...]
    cells: list[Any]

    def value(self, name: str) -> Any:
        column = self.names.index(name)
        return self.cells[column] if column < len(self.cells) else ""

    def text(self, name: str) -> str:
        """The text of a cell; of a number that the spreadsheet made of it, the digits."""
        value = self.value(name)
        if isinstance(value, str):
            return value
        if value is None:
            return ""
        if isinstance(value, bool):
            return str(value).upper()
        if isinstance(value, int | float):
            if value != int(value) or abs(value) > MOST_EXACT:
                raise self.wrong(
                    "A number is not exact", name, "a text, or a whole number of at most 15 digits", repr(value), EXPORT
                )
            return str(int(value))
        return str(value)

    def day(self, name: str) -> date:
        """The day in a cell."""
        value = self.value(name)
        if isinstance(value, datetime):
            return value.date()
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(str(value).strip())
        except ValueError:
            raise self.wrong("This is no date", name, "a date, as 2027-06-30", repr(value)[:60], MEND) from None

    def wrong(self, what: str, name: str, expected: str, found: str, next_step: str) -> ReportError:
        """The error for one of its cells."""
        place = _Cell(self.place.file, self.place.sheet, self.place.row, self.names.index(name), name)
        return ReportError(what, where=str(place), expected=expected, found=found, next_step=next_step)


def _opened(path: Path) -> calamine.CalamineWorkbook:
    try:
        return calamine.load_workbook(path)
    except (calamine.CalamineError, OSError) as error:
        raise ReportError(
            "The workbook cannot be read",
            where=str(path)[:300],
            expected="a file that recon export wrote, saved as .xlsx",
            found=getattr(error, "strerror", None) or str(error)[:200],
            next_step="Save it as .xlsx, and close it there",
        ) from error


def _rows(book: calamine.CalamineWorkbook, name: str, file: str) -> list[list[Any]]:
    if name not in book.sheet_names:
        raise ReportError(
            "A sheet is missing",
            where=file[:300],
            expected=f"the sheet {name}",
            found=", ".join(book.sheet_names)[:300],
            next_step=f"{suggest(name, book.sheet_names) or 'It was removed or renamed.'} {EXPORT}",
        )
    try:
        return book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    except calamine.CalamineError as error:
        raise ReportError(
            "A sheet cannot be read", where=str(_Cell(file, name)), found=str(error)[:200], next_step=EXPORT
        ) from error


def _facts(book: calamine.CalamineWorkbook, file: str) -> dict[str, tuple[str, int]]:
    """The facts of the Summary, by label, each with its row."""
    found: dict[str, tuple[str, int]] = {}
    for number, row in enumerate(_rows(book, SUMMARY, file), 1):
        if len(row) > 1 and isinstance(row[0], str) and row[0] and row[0] not in found:
            found[row[0]] = (str(row[1]), number)
    return found


def _require_fact(file: str, facts: Mapping[str, tuple[str, int]], label: str, expected: str | None) -> None:
    if label not in facts:
        raise ReportError(
            "The workbook does not say which run it is of",
            where=str(_Cell(file, SUMMARY)),
            expected=f"{label} in column A",
            found="none",
            next_step=EXPORT,
        )
    found, row = facts[label]
    if expected is not None and found != printable(expected):
        raise ReportError(
            "The workbook is of another run",
            where=str(_Cell(file, SUMMARY, row, 1, label)),
            expected=repr(printable(expected)),
            found=repr(found),
            next_step=f"Name the run that it was exported from, or: {EXPORT}",
        )


def _require_header(file: str, sheet: str, names: tuple[str, ...], found: list[Any]) -> None:
    header = [*(str(cell) for cell in found), *([""] * (len(names) - len(found)))]
    for column, cell in enumerate(header):
        expected = names[column] if column < len(names) else ""
        if cell != printable(expected):
            raise ReportError(
                "The sheet was restructured",
                where=str(_Cell(file, sheet, 1, column, expected or cell)),
                expected=repr(expected) if expected else "no more columns",
                found=repr(cell) if cell else "nothing",
                next_step=f"Put the columns back as they were. {EXPORT}",
            )


def _choice() -> str:
    return f"{', '.join(DECISIONS[:-1])} or {DECISIONS[-1]}"


def _letters(column: int) -> str:
    """The name that a spreadsheet gives a column, from 0: A, …, Z, AA."""
    letters = ""
    number = column + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
