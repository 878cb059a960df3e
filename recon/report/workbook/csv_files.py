"""Writes a workbook as CSV files: a summary, one file for each check that found something, and one for the ledger.

Comma, CRLF and quotes as in RFC 4180; UTF-8 with a byte order mark, as the long form. A null is an empty cell; text
that a spreadsheet would take for a formula starts with an apostrophe.
"""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import polars as pl

from recon.report.csv import BYTE_ORDER_MARK, neutral_cell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recon.report.workbook.contents import Workbook

SUFFIX = ".csv"
SUMMARY, LEDGER = f"summary{SUFFIX}", f"ledger{SUFFIX}"
HEADER = ("kind", "name", "outcome", "violations", "findings", "file", "value")
FIRST_LINE = BYTE_ORDER_MARK + ",".join(HEADER)
INSTANT = "%Y-%m-%d %H:%M:%S%.f"
# A zip archive's first instant: the same tables make the same file.
NO_TIME = (1980, 1, 1, 0, 0, 0)


def write_folder(workbook: Workbook, folder: Path) -> None:
    """Write the files into an empty folder.

    Raises:
        OSError: One cannot be written.
    """
    for name, text in _files(workbook):
        (folder / name).write_bytes(text.encode())


def write_archive(workbook: Workbook, path: Path) -> None:
    """Write the files into a zip archive.

    Raises:
        OSError: It cannot be written.
    """
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, text in _files(workbook):
            about = ZipInfo(name, NO_TIME)
            about.compress_type = ZIP_DEFLATED
            about.external_attr = 0o600 << 16
            archive.writestr(about, text.encode())


def is_replaceable(folder: Path) -> bool:
    """Whether a folder is empty, or holds tables of recon and nothing else."""
    found = list(folder.iterdir())
    if not found:
        return True
    summary = folder / SUMMARY
    if not summary.is_file() or any(each.suffix != SUFFIX or not each.is_file() for each in found):
        return False
    with summary.open(encoding="utf-8", errors="replace") as opened:
        return opened.readline().rstrip("\r\n") == FIRST_LINE


def file_of(check_id: str) -> str:
    """The name of a check's file."""
    name = f"{check_id}{SUFFIX}"
    return f"check-{name}" if name in (SUMMARY, LEDGER) else name


def _files(workbook: Workbook) -> Iterator[tuple[str, str]]:
    yield SUMMARY, _summary(workbook)
    for sheet in workbook.sheets:
        if sheet.check_id:
            yield file_of(sheet.check_id), csv_text(sheet.frame)
    if workbook.has_ledger:
        yield LEDGER, csv_text(workbook.ledger)


def _summary(workbook: Workbook) -> str:
    text = StringIO()
    text.write(BYTE_ORDER_MARK)
    writer = csv.writer(text)
    writer.writerow(HEADER)
    for label, value in (*workbook.facts, *(("Note", note) for note in workbook.notes)):
        writer.writerow(("fact", neutral_cell(label), "", "", "", "", neutral_cell(value)))
    for check in workbook.checks.iter_rows(named=True):
        named = (check["check"], check["outcome"], check["violations"], check["findings"])
        file = file_of(check["id"]) if workbook.sheet_of(check["id"]) else ""
        writer.writerow(("check", *map(neutral_cell, named), file, neutral_cell(check["message"])))
    return text.getvalue()


def csv_text(frame: pl.DataFrame) -> str:
    """A table as CSV."""
    instants = [pl.col(name).dt.to_string(INSTANT) for name, kind in frame.schema.items() if kind == pl.Datetime]
    shown = frame.with_columns(instants)
    texts = [name for name, kind in shown.schema.items() if kind == pl.String]
    others = [
        pl.col(name).map_elements(neutral_cell, return_dtype=pl.String)
        for name, kind in shown.schema.items()
        if kind.is_nested() or kind == pl.Binary
    ]
    neutral = pl.col(texts).map_elements(neutral_cell, return_dtype=pl.String)
    named = {name: neutral_cell(name) for name in shown.columns}
    return shown.with_columns(neutral, *others).rename(named).write_csv(include_bom=True, line_terminator="\r\n")
