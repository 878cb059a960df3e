"""Tables as a workbook and as CSV files: every cell is what the table says, whatever its text looks like."""

from __future__ import annotations

import csv
import re
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from io import StringIO
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from soaking import examples
from spreadsheets import sheets_of

from recon.errors import OutputError
from recon.model import Outcome
from recon.report import Output, plan_outputs, write_report, write_reports
from recon.report.failure import Failure
from recon.report.output import write_failure, write_tables
from recon.report.text import printable
from recon.report.workbook import xlsx
from recon.report.workbook.columns import DECISION_COLUMNS
from recon.report.workbook.contents import LONGEST_NAME, Sheet, SheetNames, Workbook, checks_of, with_instants
from recon.report.workbook.csv_files import csv_text
from recon.scratch import swept

if TYPE_CHECKING:
    from pathlib import Path

    from recon.model import Verification

HOSTILE = (
    "=1+1",
    "+49 30 1234",
    "-2",
    "@SUM(A1)",
    "\t=1",
    "\uff1d1",
    "<r>Doe</r>",
    "_x0041_",
    "a\nb",
    "{=1}",
    "007",
    "",
)
# A spreadsheet's instants have no time zone.
MIDNIGHT = datetime.combine(date(2024, 1, 15), time())
NAIVE = MIDNIGHT + timedelta(hours=14, minutes=30)
FOUND = {"finding": "f0123456789abcdef", "fingerprint": "0123456789abcdef"}


def workbook(frame: pl.DataFrame, *, masked: bool = True) -> Workbook:
    return Workbook("T", (("Verdict", "FAILED"),), sheets=(Sheet("Found", "title", frame, "found"),), masked=masked)


def written(frame: pl.DataFrame, folder: Path) -> list[list[Any]]:
    """The rows of the sheet of this table, as a spreadsheet reads them."""
    write_tables(workbook(frame), Output("xlsx", str(folder / "a.xlsx")))
    return sheets_of(folder / "a.xlsx")["Found"]


def xml_of(path: Path, part: str = "xl/worksheets/sheet2.xml") -> str:
    with ZipFile(path) as archive:
        return archive.read(part).decode()


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_stays_a_text(text: str, tmp_path: Path) -> None:
    header, row = written(pl.DataFrame({"name": [text], "wa_id": [text]}), tmp_path)
    assert header == ["name", "wa_id"]
    assert [cell.removesuffix(" ") for cell in row] == [printable(text)] * 2
    assert "<f>" not in xml_of(tmp_path / "a.xlsx")


@settings(max_examples=examples(20), deadline=None)
@given(texts=st.lists(st.text(max_size=30), min_size=1, max_size=5))
def test_every_text_is_read_back(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("read-back")
    found = [row[0] for row in written(pl.DataFrame({"value": [f"x{text}x" for text in texts]}), folder)[1:]]
    assert found == [printable(f"x{text}x") for text in texts]


def test_numbers_instants_and_ids_keep_their_kind(tmp_path: Path) -> None:
    moment = NAIVE.replace(tzinfo=UTC)
    frame = pl.DataFrame(
        {
            "wa_id": [7],
            "count": [2147],
            "long": [12345678901234567890],
            "share": [2.5],
            "exact": pl.Series([Decimal("1.50")], dtype=pl.Decimal(38, 2)),
            "endless": [float("nan")],
            "at": [moment],
            "day": [date(2024, 1, 15)],
            "ancient": [date(1066, 10, 14)],
            "is_known": [True],
            "none": pl.Series([None], dtype=pl.String),
            "several": [["a", "b"]],
        }
    )
    row = dict(zip(*written(frame, tmp_path), strict=True))
    assert row["wa_id"] == "7"
    assert (row["count"], row["long"], row["share"], row["exact"]) == (2147, "12345678901234567890", 2.5, 1.5)
    assert (row["endless"], row["is_known"], row["none"]) == ("nan", True, "")
    assert (row["at"], row["day"], row["ancient"]) == (NAIVE, date(2024, 1, 15), "1066-10-14")
    assert "a" in row["several"]


def test_instants_are_made_of_texts_only_where_all_are(tmp_path: Path) -> None:
    times = pl.DataFrame({"at": ["2024-01-15 14:30:00", "2024-01-15T14:30:00.250Z", None], "id": ["a", "b", "c"]})
    assert with_instants(times, {"at", "id"})["at"].to_list() == [
        NAIVE,
        NAIVE + timedelta(milliseconds=250),
        None,
    ]
    assert with_instants(times, {"at", "id"})["id"].dtype == pl.String
    broken = pl.DataFrame({"at": ["2024-01-15 14:30:00", "soon"]})
    assert with_instants(broken, {"at"}).equals(broken)
    assert written(with_instants(times.head(1), {"at"}), tmp_path)[1][0] == NAIVE


def test_a_sheet_of_findings_has_a_frozen_header_filters_and_lists_to_choose_from(tmp_path: Path) -> None:
    header, row = written(
        pl.DataFrame({"entity": ["members"], "key": ["007"]} | {k: [v] for k, v in FOUND.items()}), tmp_path
    )
    assert header == ["entity", "key", *DECISION_COLUMNS, "finding", "fingerprint"]
    assert row == ["members", "007", "", "", "", "", "", *FOUND.values()]
    xml = xml_of(tmp_path / "a.xlsx")
    assert 'state="frozen"' in xml
    assert '<autoFilter ref="A1:I2"/>' in xml
    assert '<formula1>"accept,fix,investigate"</formula1>' in xml
    assert len(re.findall(r'<dataValidation type="(?:list|date)"', xml)) == 3
    assert len(re.findall(r"<conditionalFormatting ", xml)) == 3
    assert len(re.findall(r'<col [^>]*hidden="1"', xml)) == 2
    widths = [float(width) for width in re.findall(r'<col [^>]*width="([\d.]+)"', xml)]
    assert max(widths) <= xlsx.WIDEST + 1


def test_a_table_that_nobody_decides_on_has_no_columns_for_it(tmp_path: Path) -> None:
    assert written(pl.DataFrame({"wa_id": ["007"]}), tmp_path) == [["wa_id"], ["007"]]


@pytest.mark.parametrize(
    "title", ["a" * 40, "[x]:*?/\\", "'quoted'", "History", "Summary", "", "\u202e", "😀" * 20, "a\tb"]
)
def test_a_sheets_name_is_one_that_a_spreadsheet_admits(title: str) -> None:
    names = SheetNames()
    found = [names.name(title) for _ in range(12)]
    assert len({name.casefold() for name in found}) == 12
    for name in found:
        assert 0 < len(name.encode("utf-16-le")) // 2 <= LONGEST_NAME
        assert not set(name) & set("[]:*?/\\")
        assert name.strip("'") == name.strip() == name
        assert name.casefold() not in {"history", "summary"}


def test_the_summary_links_each_check_to_its_sheet(capped: Verification, tmp_path: Path) -> None:
    write_report(capped, "xlsx", tmp_path / "a.xlsx")
    found = sheets_of(tmp_path / "a.xlsx")
    (failed,) = [check for check in capped.checks if check.outcome is Outcome.FAIL]
    rows = {row[0]: row for row in found["Summary"]}
    assert (rows["Verdict"][1], rows["Run ID"][1]) == ("FAILED", capped.run_id)
    assert rows[failed.name][1:3] == ["FAIL", 10]
    assert rows[failed.name][4] in found
    assert len([row for row in found["Summary"] if row[1] in set(Outcome)]) == len(capped.checks)
    assert found[rows[failed.name][4]][0] == failed.violations.columns
    assert any("rows that the check kept" in row[0] or "that the check kept" in row[0] for row in found["Summary"])
    assert "internal" not in xml_of(tmp_path / "a.xlsx", "xl/worksheets/sheet1.xml")
    assert '<hyperlink ref="E' in xml_of(tmp_path / "a.xlsx", "xl/worksheets/sheet1.xml")


def test_rows_beyond_a_sheet_and_texts_beyond_a_cell_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "MOST_ROWS", 3)
    rows = written(pl.DataFrame({"value": ["😀" * 20_000, "b", "c"]}), tmp_path)
    assert len(rows) == 3
    assert rows[1][0].endswith("…")
    assert len(rows[1][0].encode("utf-16-le")) // 2 <= xlsx.LONGEST_TEXT
    said = " ".join(str(row[0]) for row in sheets_of(tmp_path / "a.xlsx")["Summary"])
    assert "Left out of Found: 1 row beyond the 3" in said
    assert "are cut: 1;" in said


def test_the_same_tables_make_the_same_file(tmp_path: Path) -> None:
    frame = pl.DataFrame({"name": ["a"]})
    for format_name, end in (("xlsx", "xlsx"), ("csv", "zip")):
        for number in (1, 2):
            write_tables(workbook(frame), Output(format_name, str(tmp_path / f"{number}.{end}")))
        assert (tmp_path / f"1.{end}").read_bytes() == (tmp_path / f"2.{end}").read_bytes()


@pytest.mark.parametrize("masked, mode", [(True, 0o644), (False, 0o600)])
@pytest.mark.parametrize("name", ["a.xlsx", "a.zip", "folder"])
def test_what_is_not_masked_is_for_its_owner(name: str, masked: bool, mode: int, tmp_path: Path) -> None:
    output = Output("xlsx" if name == "a.xlsx" else "csv", str(tmp_path / name))
    write_tables(workbook(pl.DataFrame({"name": ["a"]}), masked=masked), output)
    place = tmp_path / name
    files = list(place.iterdir()) if place.is_dir() else [place]
    assert {file.stat().st_mode & 0o777 for file in files} == {mode}
    assert not place.is_dir() or place.stat().st_mode & 0o777 == mode | (mode & 0o444) >> 2


def test_csv_files_are_neutral_and_complete(tmp_path: Path) -> None:
    frame = pl.DataFrame({"name": list(HOSTILE), "wa_id": ["007"] * len(HOSTILE), "at": [MIDNIGHT] * len(HOSTILE)})
    write_tables(workbook(frame), Output("csv", str(tmp_path / "t")))
    text = (tmp_path / "t" / "found.csv").read_bytes().decode("utf-8-sig")
    rows = list(csv.reader(StringIO(text, newline="")))
    assert rows[0] == ["name", "wa_id", "at"]
    assert [row[0].removeprefix("'") for row in rows[1:]] == [printable(each) for each in HOSTILE]
    assert not [row for row in rows if row[0].lstrip().startswith(("=", "+", "-", "@", "\uff1d"))]
    assert {row[1] for row in rows[1:]} == {"007"}
    assert rows[1][2].startswith("2024-01-15 00:00:00")
    assert csv_text(pl.DataFrame({"=x": [[1]]})).startswith("\ufeff'=x")


def test_a_folder_is_replaced_only_if_it_holds_tables(tmp_path: Path) -> None:
    output, other = Output("csv", str(tmp_path / "t")), tmp_path / "t" / "other.txt"
    write_tables(workbook(pl.DataFrame({"name": ["a"]})), output)
    write_tables(workbook(pl.DataFrame({"other": ["a"]})), output)
    assert (tmp_path / "t" / "found.csv").read_text(encoding="utf-8-sig").startswith("other")
    assert plan_outputs(["csv"], [output.place]) == (output,)
    other.write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match=r"holds something else.*found\.csv, other\.txt"):
        plan_outputs(["csv"], [output.place])
    with pytest.raises(OutputError, match="The output is a file"):
        plan_outputs(["csv"], [str(other)])
    assert {path.name for path in tmp_path.iterdir()} == {"t"}


def test_checks_named_as_the_other_files_have_files_of_their_own(capped: Verification, tmp_path: Path) -> None:
    sheets = tuple(Sheet(name, "", pl.DataFrame({"a": [name]}), name) for name in ("summary", "ledger"))
    write_tables(Workbook("T", (), checks_of(capped.checks), sheets), Output("csv", str(tmp_path / "t")))
    names = {path.name for path in (tmp_path / "t").iterdir()}
    assert names == {"summary.csv", "ledger.csv", "check-summary.csv", "check-ledger.csv"}


def test_an_error_stands_in_the_place_of_the_tables(tmp_path: Path) -> None:
    failure = Failure("Bundle error", "=no such bundle", bundle="x")
    for output in plan_outputs(["xlsx", "csv", "csv"], [str(tmp_path / name) for name in ("a.xlsx", "a.zip", "t")]):
        write_failure(failure, output)
    rows = {row[0]: row[1] for row in sheets_of(tmp_path / "a.xlsx")["Summary"]}
    assert (rows["Verdict"], rows["Error"]) == ("ERROR", "Bundle error: =no such bundle")
    with ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == ["summary.csv"]
        assert b"Bundle error: =no such bundle" in archive.read("summary.csv")
    assert [path.name for path in (tmp_path / "t").iterdir()] == ["summary.csv"]


def test_tables_that_cannot_be_written_keep_the_other_reports(passed: Verification, tmp_path: Path) -> None:
    outputs = [Output("xlsx", str(tmp_path / "gone" / "a.xlsx")), Output("json", str(tmp_path / "a.json"))]
    unwritten = write_reports(passed, outputs)
    assert list(unwritten) == outputs[:1]
    assert "No such file" in unwritten[outputs[0]].message
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


# Writes a folder of tables twice, and kills itself at a moment of the second time.
KILLED = """
import os, signal, sys
from pathlib import Path
import polars as pl
from recon.report.output import Output, write_tables
from recon.report.workbook import writing
from recon.report.workbook.contents import Sheet, Workbook

def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def write(text):
    frame = pl.DataFrame({"word": [text]})
    write_tables(Workbook("T", (), sheets=(Sheet("Found", "title", frame, "found"),), masked=True), output)

output = Output("csv", sys.argv[2])
write("first")
exchange, rename = writing._exchanged, Path.rename
if sys.argv[1] == "before":
    writing._exchanged = kill
elif sys.argv[1] == "after":
    writing._exchanged = lambda *names: exchange(*names) and kill()
else:
    writing._exchanged = lambda *_: False
    Path.rename = lambda path, to: (rename(path, to), ".old-" in str(to) and kill())
write("second")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only there are folders exchanged in one step")
@pytest.mark.parametrize(
    "moment, kept",
    [("before", {"tables": "first"}), ("after", {"tables": "second"}), ("between", {".tables.old-": "first"})],
)
def test_a_kill_while_a_folder_is_replaced_loses_no_table(moment: str, kept: dict[str, str], tmp_path: Path) -> None:
    """One of both is in place; where the file system cannot exchange them, the older one is beside it, and stays."""
    place = tmp_path / "tables"
    killed = subprocess.run([sys.executable, "-c", KILLED, moment, place], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    swept(tmp_path)
    texts = {path.name: (path / "found.csv").read_text(encoding="utf-8-sig") for path in tmp_path.iterdir()}
    found = {re.sub(r"(old-)[0-9a-f]{16}$", r"\1", name): text.split()[-1].strip('"') for name, text in texts.items()}
    assert found == kept
