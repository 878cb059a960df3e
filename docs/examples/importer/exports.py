"""Reads Wild Apricot exports: CSV in the encodings, separators and quotings that they are found in."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SEPARATORS = ",;\t|"
BLANKS = re.compile(r"[\s_-]+")


class ImportFailedError(Exception):
    """What ends an import before it is complete; the message says where, what was expected and what was found."""


@dataclass(frozen=True)
class Row:
    """One data row.

    Attributes:
        number: Its number as spreadsheets show it where no line is blank: 2 is the first data row.
        cells: Its cells by field name, without blanks at the ends.
        problem: Why the cells cannot be assigned to fields; None: they can.
    """

    number: int
    cells: Mapping[str, str]
    problem: str | None = None


@dataclass
class Export:
    """One file.

    Attributes:
        file: Its name.
        rows: Its data rows in order; blank lines are none.
        remarks: What was noticed while reading it.
    """

    file: str
    rows: list[Row] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def read_export(path: Path, headers: Mapping[str, str], required: tuple[str, ...]) -> Export:
    """Read one export.

    Args:
        path: The file.
        headers: The header of each field.
        required: The fields without whose header nothing can be imported.

    Raises:
        ImportFailedError: The file is missing, is no text, or lacks a required header.
    """
    export = Export(path.name)
    lines = _text(path, export).splitlines(keepends=True)
    if lines and lines[0].lower().startswith("sep="):
        lines = lines[1:]
    if not lines:
        raise ImportFailedError(f"{path.name}: expected a header line, found an empty file")
    separator = max(SEPARATORS, key=lambda one: len(_known(next(csv.reader([lines[0]], delimiter=one)), headers)))
    try:
        header, *data = csv.reader(lines, delimiter=separator, strict=True)
    except csv.Error as error:
        raise ImportFailedError(f"{path.name}: expected CSV with closed quotation marks, found: {error}") from error
    fields = [_known([name], headers).get(_plain(name)) for name in header]
    lacking = [headers[name] for name in required if name not in fields]
    if lacking:
        raise ImportFailedError(f"{path.name}: expected the headers {', '.join(lacking)}, found {', '.join(header)}")
    filled = [cells for cells in data if any(cell.strip() for cell in cells)]
    export.rows = [_row(number, fields, cells) for number, cells in enumerate(filled, 2)]
    return export


def _text(path: Path, export: Export) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ImportFailedError(f"{path}: expected an export, found: {error.strerror}") from error
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        export.remarks.append(f"{path.name} is not UTF-8 (line {line}); read as Windows-1252")
        return content.decode("cp1252", errors="replace")


def _plain(name: str) -> str:
    return BLANKS.sub("", name).casefold()


def _known(names: list[str], headers: Mapping[str, str]) -> dict[str, str]:
    """The fields that are called so, by the plain form of their header."""
    wanted = {_plain(header): name for name, header in headers.items()}
    return {_plain(name): wanted[_plain(name)] for name in names if _plain(name) in wanted}


def _row(number: int, fields: list[str | None], cells: list[str]) -> Row:
    if len(cells) != len(fields):
        return Row(number, {}, f"Row has {len(cells)} cells, the header {len(fields)}")
    named = zip(fields, cells, strict=True)
    return Row(number, {name: cell.strip() for name, cell in named if name})
