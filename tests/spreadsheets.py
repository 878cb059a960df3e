"""Workbooks for tests: what is in their cells, edits as a person makes them, and a real LibreOffice."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import date
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape
from zipfile import ZipFile

import pytest
import python_calamine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EPOCH = date(1899, 12, 30)
LIBREOFFICE_S = 120
ROW = re.compile(r'<row r="(\d+)".*?</row>', re.DOTALL)


def sheets_of(path: Path) -> dict[str, list[list[Any]]]:
    """The rows of each sheet, the header first."""
    book = python_calamine.load_workbook(path)
    return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}


def letters(column: int) -> str:
    return letters(column // 26 - 1) + chr(65 + column % 26) if column > 25 else chr(65 + column)


class EditedWorkbook:
    """A workbook whose cells are changed in its XML, as little as a spreadsheet would."""

    def __init__(self, path: Path) -> None:
        with ZipFile(path) as archive:
            self.parts = {name: archive.read(name).decode() for name in archive.namelist()}
        self.header = {name: rows[0] if rows else [] for name, rows in sheets_of(path).items()}

    def part(self, sheet: str) -> str:
        """The name of the XML of a sheet."""
        return f"xl/worksheets/sheet{list(self.header).index(sheet) + 1}.xml"

    def set(self, sheet: str, row: int, **values: Any) -> EditedWorkbook:
        """Write values into the row (2 is the first below the header), by column, `_` for a blank."""
        for name, value in values.items():
            column = self.header[sheet].index(name.replace("_", " ") if name.istitle() or " " in name else name)
            self.put(sheet, f"{letters(column)}{row}", value)
        return self

    def put(self, sheet: str, cell: str, value: Any) -> None:
        def written(found: re.Match[str]) -> str:
            if isinstance(value, str):
                content = (
                    f'<c r="{cell}"{found[1]} t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
                )
            else:
                number = (value - EPOCH).days if isinstance(value, date) else value
                content = f'<c r="{cell}"{found[1]}><v>{number}</v></c>'
            return content

        pattern = rf'<c r="{cell}"((?: s="\d+")?)(?: t="\w+")?(?:/>|>.*?</c>)'
        changed, times = re.subn(pattern, written, self.parts[self.part(sheet)], flags=re.DOTALL)
        assert times == 1, cell
        self.parts[self.part(sheet)] = changed

    def rename(self, sheet: str, name: str) -> None:
        book = self.parts["xl/workbook.xml"]
        assert f'<sheet name="{sheet}"' in book
        self.parts["xl/workbook.xml"] = book.replace(f'<sheet name="{sheet}"', f'<sheet name="{name}"')

    def rows(self, sheet: str, change: Callable[[list[str]], list[str]]) -> None:
        """Change the order and number of the rows below the header; each is the XML of a row."""
        text = self.parts[self.part(sheet)]
        found = list(ROW.finditer(text))
        others = change([row[0] for row in found[1:]])
        numbered = "".join(_numbered(row, number) for number, row in enumerate(others, 2))
        self.parts[self.part(sheet)] = text[: found[1].start()] + numbered + text[found[-1].end() :]

    def save(self, path: Path) -> Path:
        with ZipFile(path, "w") as archive:
            for name, text in self.parts.items():
                archive.writestr(name, text)
        return path


def _numbered(row: str, number: int) -> str:
    row = re.sub(r'<row r="\d+"', f'<row r="{number}"', row)
    return re.sub(r'<c r="([A-Z]+)\d+"', rf'<c r="\g<1>{number}"', row)


def converted(path: Path, suffix: str, folder: Path) -> Path:
    """What a real LibreOffice saves of a file that it opened; it has a profile of its own in `folder`."""
    program = shutil.which("soffice")
    if program is None:
        pytest.skip("there is no LibreOffice here")
    out = folder / f"saved-{suffix}"
    command = [program, f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless", "--norestore"]
    done = subprocess.run(
        [*command, "--convert-to", suffix, "--outdir", str(out), str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIBREOFFICE_S,
    )
    saved = out / f"{path.stem}.{suffix}"
    assert saved.is_file(), done.stderr
    return saved


def typed_in(document: Path, sheet: str, key: str, values: dict[int, str | date]) -> None:
    """Type values into the row of a flat OpenDocument sheet that has the key, by column from 0."""
    text = document.read_text(encoding="utf-8")
    start = text.index(f'<table:table table:name="{sheet}"')
    at = text.index(f"<text:p>{key}</text:p>", start)
    first, last = text.rindex("<table:table-row", 0, at), text.index("</table:table-row>", at)
    cells = re.findall(
        r"<table:table-cell\b[^>]*?/>|<table:table-cell\b.*?</table:table-cell>", text[first:last], re.DOTALL
    )
    single = [cell for cell in cells for _ in range(_repeated(cell))]
    for column, value in values.items():
        kept = " ".join(re.findall(r'table:(?:style-name|content-validation-name)="[^"]*"', single[column]))
        kind, of_kind = ("date", f'office:date-value="{value}"') if isinstance(value, date) else ("string", "")
        single[column] = (
            f'<table:table-cell {kept} office:value-type="{kind}" {of_kind} calcext:value-type="{kind}">'
            f"<text:p>{escape(str(value))}</text:p></table:table-cell>"
        )
    opening = text[first : text.index(">", first) + 1]
    document.write_text(text[:first] + opening + "".join(single) + text[last:], encoding="utf-8")


def _repeated(cell: str) -> int:
    found = re.search(r'number-columns-repeated="(\d+)"', cell)
    # The rest of the row is one cell, as wide as the sheet.
    return 1 if found is None or int(found[1]) > 1000 else int(found[1])
