"""Writes a workbook as .xlsx: texts stay texts, whatever they begin with, and decisions have lists to choose from."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
import xlsxwriter
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.utility import xl_rowcol_to_cell

from recon.masking.frames import ID_COLUMN
from recon.report.text import plural, printable
from recon.report.workbook.columns import (
    ACCEPT,
    DECISION,
    DECISION_COLUMNS,
    DECISIONS,
    EXPIRES,
    OWNER,
    REASON,
    SUMMARY,
)
from recon.report.workbook.contents import HIDDEN, sheet_columns

if TYPE_CHECKING:
    from pathlib import Path

    from recon.report.workbook.contents import Sheet, Workbook

MOST_ROWS = 1_048_576
LONGEST_TEXT = 32_767
# Beyond, a spreadsheet's numbers lose digits.
MOST_DIGITS = 15
FIRST_YEAR = 1900
NARROWEST, WIDEST, DECISION_WIDTH, REASON_WIDTH = 9, 44, 13, 36
FOR_FILTER = 4
LINE = 15
# Suggested, not required.
OWNERS = ("Merge captain", "DBA", "Incident response")
HEADER_STYLE = {"bold": True, "bg_color": "#1F3A5F", "font_color": "#FFFFFF", "valign": "vcenter", "border": 1}
STYLES: dict[str, dict[str, Any]] = {
    "header": HEADER_STYLE,
    "decision header": HEADER_STYLE | {"bg_color": "#8A5A00"},
    "text": {"num_format": "@"},
    "number": {"num_format": "0", "align": "right", "indent": 1},
    "fraction": {"num_format": "General", "align": "right", "indent": 1},
    "instant": {"num_format": "yyyy-mm-dd hh:mm:ss"},
    "day": {"num_format": "yyyy-mm-dd"},
    "decision": {"num_format": "@", "bg_color": "#FFF7DB", "border": 1, "border_color": "#E0D3A8"},
    "expires": {"num_format": "yyyy-mm-dd", "bg_color": "#FFF7DB", "border": 1, "border_color": "#E0D3A8"},
    "lacking": {"bg_color": "#F4B6B0"},
    "title": {"bold": True, "font_size": 15},
    "label": {"bold": True, "valign": "top"},
    "value": {"num_format": "@", "valign": "top"},
    "link": {"font_color": "#0B5CAD", "underline": 1},
    "note": {"italic": True, "font_color": "#555555"},
    "FAIL": {"bold": True, "font_color": "#B3261E"},
    "ERROR": {"bold": True, "font_color": "#B3261E"},
    "WARN": {"bold": True, "font_color": "#8A5A00"},
    "PASS": {"bold": True, "font_color": "#1B6E3C"},
}
CHECK_HEADER = ("Check", "Outcome", "Violations", "Findings", "Sheet", "Message")
TABLE_HEADER = ("Table", "", "Rows", "", "Sheet", "About")
SUMMARY_WIDTHS = (30, 15, 12, 12, 32, 90)
HOW = (
    (
        f"To decide: choose {', '.join(DECISIONS[:-1])} or {DECISIONS[-1]} under {DECISION} on the sheet of a check; "
        f"{ACCEPT} needs {REASON}, {OWNER} and {EXPIRES}."
    ),
    (
        "Then save as .xlsx, and run: recon accept --from-xlsx FILE RUN. Rows may be sorted and filtered, and columns "
        "widened; sheets, headers and hidden columns have to stay."
    ),
)


def write_xlsx(workbook: Workbook, path: Path) -> None:
    """Write a workbook to a file; its text is that of its tables, on one line and without control characters.

    Raises:
        OSError: It cannot be written.
    """
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "default_date_format": "yyyy-mm-dd hh:mm:ss"})
    try:
        _Writer(book).write(workbook)
    finally:
        _close(book)


def _close(book: Any) -> None:
    try:
        book.close()
    except FileCreateError as error:
        cause = error.args[0] if error.args and isinstance(error.args[0], OSError) else error
        raise OSError(getattr(cause, "errno", None), getattr(cause, "strerror", None) or str(cause)) from error


class _Writer:
    def __init__(self, book: Any) -> None:
        self.book = book
        self.styles = {name: book.add_format(style) for name, style in STYLES.items()}
        self.cut = 0

    def write(self, workbook: Workbook) -> None:
        # A fixed date: the same tables make the same file.
        self.book.set_properties({"title": printable(workbook.title), "created": datetime(2000, 1, 1, tzinfo=UTC)})
        summary = self.book.add_worksheet(SUMMARY)
        for sheet in workbook.sheets:
            self._sheet(sheet)
        self._summary(summary, workbook)

    def _summary(self, page: Any, workbook: Workbook) -> None:
        page.hide_gridlines(2)
        page.set_landscape()
        page.fit_to_pages(1, 0)
        for column, width in enumerate(SUMMARY_WIDTHS):
            page.set_column(column, column, width)
        page.write_string(0, 0, self._text(workbook.title), self.styles["title"])
        row = 2
        for label, value in workbook.facts:
            page.write_string(row, 0, label, self.styles["label"])
            style = self.styles.get(self._outcome(value), self.styles["value"]) if label == "Verdict" else None
            page.write_string(row, 1, self._text(value), style or self.styles["value"])
            row += 1
        for note in self._notes(workbook):
            row += 1
            page.write_string(row, 0, self._text(note), self.styles["note"])
        row += 2
        if not workbook.checks.is_empty():
            row = self._checks(page, row, workbook) + 1
        others = [sheet for sheet in workbook.sheets if not sheet.check_id]
        if others:
            self._others(page, row, others)

    def _notes(self, workbook: Workbook) -> list[str]:
        left = [
            f"Left out of {sheet.name}: {plural(sheet.frame.height - MOST_ROWS + 1, 'row')} beyond the "
            f"{MOST_ROWS:,} that a sheet can have; --format csv has all"
            for sheet in workbook.sheets
            if sheet.frame.height >= MOST_ROWS
        ]
        cut = [f"Texts longer than {LONGEST_TEXT:,} characters are cut: {self.cut:,}; --format csv has them whole"]
        how = HOW if any(sheet.is_decided for sheet in workbook.sheets) else ()
        return [*workbook.notes, *left, *(cut if self.cut else ()), *how]

    def _checks(self, page: Any, row: int, workbook: Workbook) -> int:
        self._head(page, row, CHECK_HEADER)
        for check in workbook.checks.iter_rows(named=True):
            row += 1
            page.write_string(row, 0, self._text(check["check"]), self.styles["text"])
            page.write_string(row, 1, check["outcome"], self.styles[check["outcome"]])
            for column, name in ((2, "violations"), (3, "findings")):
                if check[name] is not None:
                    page.write_number(row, column, check[name], self.styles["number"])
            self._link(page, row, workbook.sheet_of(check["id"]))
            page.write_string(row, 5, self._text(check["message"]), self.styles["text"])
        return row + 1

    def _others(self, page: Any, row: int, sheets: list[Sheet]) -> None:
        self._head(page, row, TABLE_HEADER)
        for sheet in sheets:
            row += 1
            page.write_string(row, 0, self._text(sheet.name), self.styles["text"])
            page.write_number(row, 2, sheet.frame.height, self.styles["number"])
            self._link(page, row, sheet)
            page.write_string(row, 5, self._text(sheet.title), self.styles["text"])

    def _head(self, page: Any, row: int, names: tuple[str, ...]) -> None:
        for column, name in enumerate(names):
            page.write_string(row, column, name, self.styles["header"])

    def _link(self, page: Any, row: int, sheet: Sheet | None) -> None:
        if sheet is not None:
            quoted = sheet.name.replace("'", "''")
            page.write_url(row, 4, f"internal:'{quoted}'!A1", self.styles["link"], sheet.name)

    def _sheet(self, sheet: Sheet) -> None:
        page = self.book.add_worksheet(sheet.name)
        decided = DECISION_COLUMNS if sheet.is_decided else ()
        frame = sheet.frame.head(MOST_ROWS - 1)
        names = sheet_columns(sheet)
        page.freeze_panes(1, 1 + (names[:2] == ("entity", "key")))
        page.set_row(0, 1.4 * LINE)
        page.set_landscape()
        page.fit_to_pages(1, 0)
        page.repeat_rows(0)
        self._columns(page, frame, names)
        for column, name in enumerate(names):
            style = "decision header" if name in decided else "header"
            page.write_string(0, column, self._text(name), self.styles[style])
        self._rows(page, frame, names)
        if frame.height:
            page.autofilter(0, 0, frame.height, len(names) - 1)
        if decided and frame.height:
            self._choices(page, names, frame.height)

    def _columns(self, page: Any, frame: pl.DataFrame, names: tuple[str, ...]) -> None:
        for column, name in enumerate(names):
            if name in frame.columns:
                hidden = {"hidden": True} if name in HIDDEN else {}
                page.set_column(column, column, _width(frame[name], name), None, hidden)
            else:
                page.set_column(column, column, REASON_WIDTH if name == REASON else DECISION_WIDTH)

    def _rows(self, page: Any, frame: pl.DataFrame, names: tuple[str, ...]) -> None:
        present = [name for name in names if name in frame.columns]
        places = [names.index(name) for name in present]
        ids = [bool(ID_COLUMN.search(name)) for name in present]
        styles = {name: self.styles["expires" if name == EXPIRES else "decision"] for name in DECISION_COLUMNS}
        blanks = [(column, styles[name]) for column, name in enumerate(names) if name not in frame.columns]
        for row, values in enumerate(frame.select(present).iter_rows(), 1):
            for column, value, is_id in zip(places, values, ids, strict=True):
                if value is not None:
                    self._cell(page, row, column, str(value) if is_id else value)
            for column, style in blanks:
                page.write_blank(row, column, None, style)

    def _cell(self, page: Any, row: int, column: int, value: Any) -> None:
        if isinstance(value, bool):
            page.write_boolean(row, column, value)
        elif isinstance(value, int) and len(str(abs(value))) <= MOST_DIGITS:
            page.write_number(row, column, value, self.styles["number"])
        elif isinstance(value, float | Decimal) and _is_exact(value):
            page.write_number(row, column, value, self.styles["fraction"])
        elif isinstance(value, datetime) and value.year >= FIRST_YEAR:
            naive = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
            page.write_datetime(row, column, naive, self.styles["instant"])
        elif isinstance(value, date) and value.year >= FIRST_YEAR:
            page.write_datetime(row, column, value, self.styles["day"])
        else:
            page.write_string(row, column, self._text(value), self.styles["text"])

    def _text(self, value: object) -> str:
        """One line; a text that the library would take for formatted runs of its own gets a blank."""
        text = printable(value)
        shown = _cut(text)
        self.cut += shown != text
        return f"{shown} " if shown.startswith("<r>") and shown.endswith("</r>") else shown

    def _outcome(self, verdict: str) -> str:
        return {"PASSED": "PASS", "FAILED": "FAIL"}.get(verdict, "ERROR")

    def _choices(self, page: Any, names: tuple[str, ...], last: int) -> None:
        """Offer what may be chosen, and mark what a row lacks that is to be accepted."""
        place = {name: names.index(name) for name in DECISION_COLUMNS}
        offered = {"validate": "list", "error_title": "Decision", "error_message": f"One of: {', '.join(DECISIONS)}"}
        page.data_validation(1, place[DECISION], last, place[DECISION], offered | {"source": list(DECISIONS)})
        page.data_validation(
            *(1, place[OWNER], last, place[OWNER]),
            {"validate": "list", "source": list(OWNERS), "show_error": False},
        )
        page.data_validation(
            *(1, place[EXPIRES], last, place[EXPIRES]),
            {
                "validate": "date",
                "criteria": ">",
                "value": date(2000, 1, 1),
                "error_title": "Expires",
                "error_message": "A date, as 2027-06-30",
            },
        )
        decision = xl_rowcol_to_cell(1, place[DECISION], col_abs=True)
        for name in (REASON, OWNER, EXPIRES):
            cell = xl_rowcol_to_cell(1, place[name], col_abs=True)
            rule = {"type": "formula", "criteria": f'=AND({decision}="{ACCEPT}",{cell}="")'}
            page.conditional_format(1, place[name], last, place[name], rule | {"format": self.styles["lacking"]})


def _cut(text: str) -> str:
    """The text as long as a cell can be, in UTF-16 units."""
    if 2 * len(text) <= LONGEST_TEXT:
        return text
    units = text.encode("utf-16-le")
    if len(units) <= 2 * LONGEST_TEXT:
        return text
    return units[: 2 * (LONGEST_TEXT - 1)].decode("utf-16-le", errors="ignore") + "…"


def _is_exact(value: float | Decimal) -> bool:
    """Whether a spreadsheet's number can be it: finite, and of no more digits."""
    return Decimal(value).is_finite() and (isinstance(value, float) or len(value.as_tuple().digits) <= MOST_DIGITS)


def _width(values: pl.Series, name: str) -> float:
    """Characters that fit nine rows of ten, the header with its button, and the bounds."""
    longest = 0.0
    if values.dtype == pl.Datetime:
        longest = 18
    elif len(values) and not values.dtype.is_nested() and values.dtype != pl.Binary:
        lengths = values.cast(pl.String, strict=False).str.len_chars()
        longest = lengths.quantile(0.9, "higher") or 0
    return max(NARROWEST, min(WIDEST, longest * 1.06 + 2), len(name) * 1.1 + FOR_FILTER)
