from __future__ import annotations

import csv
from decimal import Decimal
from io import StringIO
from typing import TYPE_CHECKING

import duckdb
import polars as pl
import pytest
from ledgers import CAUSES, HEADLINE, LEDGER
from msgspec.structs import replace
from verifications import HOSTILE

from recon.model import Outcome
from recon.report.csv import HEADER, neutral_cell, render
from recon.report.text import printable

if TYPE_CHECKING:
    from pathlib import Path

    from recon.model import Verification


def lines_of(verification: Verification, kind: str) -> list[dict[str, str]]:
    text = render(verification).removeprefix("\ufeff")
    return [line for line in csv.DictReader(StringIO(text, newline=""), strict=True) if line["kind"] == kind]


def with_rows(verification: Verification, rows: pl.DataFrame) -> Verification:
    """The verification whose first check failed with these rows, and no other check."""
    failed = replace(verification.checks[0], outcome=Outcome.FAIL, violations=rows, violation_count=rows.height)
    return replace(verification, checks=(failed,))


def test_every_violation_is_there_cell_by_cell(capped: Verification) -> None:
    failed = next(check for check in capped.checks if check.outcome is Outcome.FAIL)
    lines = lines_of(capped, "violation")
    assert {(line["check_id"], line["severity"], line["outcome"], line["violations"]) for line in lines} == {
        (failed.id, "critical", "FAIL", "10")
    }
    reported = [(int(line["row"]), line["column"], line["value"]) for line in lines]
    rows = enumerate(failed.violations.iter_rows(named=True), 1)
    assert reported == [(number, column, str(value)) for number, row in rows for column, value in row.items()]


def test_rows_that_were_left_out_are_reported(capped: Verification, passed: Verification) -> None:
    reported = [line["value"] for line in lines_of(capped, "note")]
    assert reported == ["2 of 10 violating rows are listed (--evidence-rows says how many are kept)"]
    assert lines_of(passed, "note") == []


def test_null_differs_from_empty(passed: Verification) -> None:
    rows = pl.DataFrame({"name": ["", None, "null"]})
    reported = [(line["value"], line["is_null"]) for line in lines_of(with_rows(passed, rows), "violation")]
    assert reported == [("", "false"), ("", "true"), ("null", "false")]


def test_a_check_that_was_not_evaluated_has_no_number_of_violations(passed: Verification) -> None:
    unknown = replace(passed.checks[0], outcome=Outcome.ERROR, violation_count=None)
    line = lines_of(replace(passed, checks=(unknown,)), "check")[0]
    assert (line["outcome"], line["violations"]) == ("ERROR", "")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r@", "\n-", " =", "\uff1d", "\u00a0+"])
def test_text_never_starts_a_formula(passed: Verification, start: str) -> None:
    hostile = f"{start}1+cmd|' /C calc'!A0"
    rows = pl.DataFrame({hostile: [hostile]})
    made = with_rows(replace(passed, run_id=hostile, bundle_path=hostile), rows)
    made = replace(made, checks=(replace(made.checks[0], name=hostile, message=hostile),))
    cells = [cell for line in csv.reader(StringIO(render(made), newline="")) for cell in line]
    assert cells.count("'" + printable(hostile)) == 7
    assert not [cell for cell in cells if cell.strip().startswith(("=", "+", "-", "@", "\uff1d"))]


@pytest.mark.parametrize("value, text", [(-5, "-5"), (-0.5, "-0.5"), (Decimal("-1.50"), "-1.50"), (True, "true")])
def test_a_number_stays_a_number(passed: Verification, value: object, text: str) -> None:
    rows = pl.DataFrame({"value": [value]})
    assert [line["value"] for line in lines_of(with_rows(passed, rows), "violation")] == [text]


def test_it_is_rfc_4180_with_a_byte_order_mark(passed: Verification) -> None:
    rows = pl.DataFrame({"name": ['Zoë, "Z"']})
    written = render(with_rows(passed, rows)).encode()
    assert written.startswith(b"\xef\xbb\xbfkind,check_id,")
    assert written.count(b"\n") == written.count(b"\r\n")
    assert written.endswith(b"\r\n")
    assert 'name,"Zoë, ""Z""",false\r\n'.encode() in written


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_keeps_lines_and_columns(passed: Verification, text: str) -> None:
    made = with_rows(replace(passed, run_id=text), pl.DataFrame({"name": [text, None]}))
    table = list(csv.reader(StringIO(render(made), newline=""), strict=True))
    assert {len(line) for line in table} == {len(HEADER)}
    assert len(table) == len(list(csv.reader(StringIO(render(with_rows(passed, made.checks[0].violations))))))


def test_the_ledger_is_there_number_by_number(passed: Verification) -> None:
    made = replace(passed, ledger=LEDGER)
    reported = {(line["category"], line["column"]): line["value"] for line in lines_of(made, "ledger")}
    members = LEDGER.entities[0]
    sums = {"records": 2147, "rows": 2215, "unexplained records": 3, "unexplained rows": 2}
    for name, count in {**members.outcomes, **members.rows_by_outcome, **sums}.items():
        assert reported["members", name] == str(count)
    assert reported["registrations", "not evaluated"] == "the report holds only how many there were"
    assert [line["value"] for line in lines_of(made, "verification") if line["column"] == "Accounted for"] == [HEADLINE]


def test_each_cause_is_there_with_its_examples(passed: Verification) -> None:
    made = replace(passed, ledger=LEDGER)
    reported = [
        (line["check"], line["outcome"], line["violations"], line["column"]) for line in lines_of(made, "cause")
    ]
    assert reported == [
        ("not in the database", "unexplained", "3", "members"),
        ("truncated at 20 characters", "explained", "1204", "members.phone"),
        ("older than the run", "harmless", "100", "members"),
    ]
    found = [line for line in lines_of(made, "example") if line["check"] == CAUSES[1].title and line["row"] == "2"]
    assert [(line["column"], line["value"], line["is_null"]) for line in found] == [
        ("source_row", "3", "false"),
        ("wa_id", "4713", "false"),
        ("target_id", "id-3", "false"),
        ("source", "", "true"),
        ("target", "", "false"),
        ("remark", "", "false"),
    ]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t="])
def test_text_of_the_ledger_never_starts_a_formula(passed: Verification, start: str) -> None:
    hostile = f"{start}1+cmd|' /C calc'!A0"
    causes = (replace(CAUSES[0], name=hostile, title=hostile, action=hostile),)
    made = replace(passed, ledger=replace(LEDGER, causes=causes, not_evaluated={"events": hostile}))
    cells = [cell for line in csv.reader(StringIO(render(made), newline="")) for cell in line]
    assert not [cell for cell in cells if cell.strip().startswith(("=", "+", "-", "@"))]


def test_other_readers_see_the_same_table(capped: Verification, tmp_path: Path) -> None:
    file = tmp_path / "report.csv"
    file.write_bytes(render(capped).encode())
    lines = len(list(csv.reader(StringIO(render(capped), newline="")))) - 1
    assert pl.read_csv(file, infer_schema=False).columns[0] == "kind"
    read = duckdb.sql("select count(*), any_value(kind) from read_csv($f, all_varchar = true)", params={"f": str(file)})
    assert read is not None
    assert read.fetchall() == [(lines, "verification")]


@pytest.mark.parametrize(
    "text, cell",
    [
        ("Doe;=1+1", "Doe;'=1+1"),
        ("Doe; @SUM(A1);+1", "Doe; '@SUM(A1);'+1"),
        ('Doe;"=1"', 'Doe;"\'=1"'),
        ("=1;-2", "'=1;'-2"),
        ("Doe;Ann; 2 - 1", "Doe;Ann; 2 - 1"),
    ],
)
def test_no_cell_begins_with_a_formula_where_a_semicolon_begins_one(text: str, cell: str) -> None:
    assert neutral_cell(text) == cell
