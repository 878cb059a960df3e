"""recon export, and the formats of tables of verify and show."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest
from found_runs import ZEROS, FoundRun
from spreadsheets import EditedWorkbook, sheets_of
from support import run_in_process

import recon

if TYPE_CHECKING:
    from pathlib import Path

CHECKS = {"member_count", "tier_coverage", "id_mappings", "missing_records", "altered_records", "tier_mapping"}
FILES = {f"{check}.csv" for check in CHECKS} | {"summary.csv", "ledger.csv"}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> FoundRun:
    return FoundRun(tmp_path_factory.mktemp("found"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_is_exported_to_a_workbook_in_the_working_folder(found: FoundRun, here: Path) -> None:
    done = run_in_process("export", found.run)
    assert (done.code, done.out) == (0, "12 findings of 6 checks written to: ./recon-findings.xlsx\n")
    sheets = sheets_of(here / "recon-findings.xlsx")
    assert list(sheets) == [
        *("Summary", "Member Count", "Tier Coverage", "ID Mappings", "Missing Records", "Altered Records"),
        *("Tier Mapping", "Missing members", "Altered members", "Altered events", "Causes"),
    ]
    assert sheets["Missing Records"][1][1] == ZEROS
    rows = {row[0]: row[1] for row in sheets["Summary"]}
    with recon.open_run(found.run) as opened:
        v = opened.verification
    assert (rows["Run ID"], rows["Verdict"], rows["Personal data"]) == (v.run_id, v.verdict, "masked")


@pytest.mark.parametrize("arguments", [("-o", "t.zip"), ("-f", "csv", "-o", "t"), ("-f", "csv")], ids=" ".join)
def test_csv_files_are_what_the_run_answers(arguments: tuple[str, ...], found: FoundRun, here: Path) -> None:
    done = run_in_process("export", found.run, *arguments)
    assert (done.code, done.err) == (0, "")
    files = {path.name: path.read_bytes() for path in (here / "t").iterdir()} if (here / "t").is_dir() else {}
    for path in here.glob("*.zip"):
        with ZipFile(path) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
    assert set(files) == FILES
    with recon.open_run(found.run) as opened:
        for check in CHECKS:
            frame = opened.findings_of(check)
            rows = list(csv.DictReader(StringIO(files[f"{check}.csv"].decode("utf-8-sig"), newline="")))
            assert [row["fingerprint"] for row in rows] == frame["fingerprint"].to_list()
            assert [row["key"] for row in rows] == frame["key"].fill_null("").to_list()
    ledger = list(csv.DictReader(StringIO(files["ledger.csv"].decode("utf-8-sig"), newline="")))
    assert {(row["question"], row["entity"]) for row in ledger} == {
        ("missing", "members"),
        ("altered", "members"),
        ("altered", "events"),
    }


@pytest.mark.soak
def test_a_bundle_is_judged_and_shown_if_that_is_asked_for(found: FoundRun, here: Path) -> None:
    done = run_in_process("export", found.paths.bundle, "--show-pii", "-o", "shown.xlsx", **found.environment)
    assert done.code == 0
    assert (here / "shown.xlsx").stat().st_mode & 0o777 == 0o600
    rows = sheets_of(here / "shown.xlsx")["Missing Records"]
    assert found.other["email"] in rows[2]


def test_verify_writes_tables_beside_other_reports(found: FoundRun, here: Path) -> None:
    formats = [word for name in ("json", "xlsx", "csv", "csv-long") for word in ("-f", name)]
    done = run_in_process("verify", found.paths.bundle, *formats, "-o", "r", **found.environment)
    assert (done.code, done.err) == (1, "")
    assert {path.name for path in here.iterdir()} == {"r.json", "r.xlsx", "r.zip", "r.csv"}
    counted = {check["id"]: check["violationCount"] for check in json.loads((here / "r.json").read_text())["checks"]}
    sheets = sheets_of(here / "r.xlsx")
    assert len(sheets["Missing Records"]) - 1 == counted["missing_records"]
    assert len(sheets["Altered Records"]) - 1 == counted["altered_records"]


def test_verify_writes_a_folder_and_says_when_its_name_is_that_of_a_file(found: FoundRun, here: Path) -> None:
    done = run_in_process("verify", found.paths.bundle, "-f", "csv", "-o", "r.csv", **found.environment)
    assert done.code == 1
    assert "Note: r.csv will be a folder of csv" in done.err
    assert {path.name for path in (here / "r.csv").iterdir()} == FILES


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("verify", "b", "-f", "xlsx", "-o", "-"), "xlsx is no text for standard output"),
        (("verify", "b", "-f", "csv", "-o", "-"), "or --format csv-long for one text"),
        (("export", "b", "-o", "-"), "xlsx is no text"),
        (("show", "b", "-f", "xlsx"), "expected a file"),
        (("show", "b", "-f", "xlsx", "-o", "."), "The output is a folder"),
        (("export", "b", "-f", "excel"), "Did you mean 'xlsx'?"),
        (("export", "b", "-f", "csv", "-o", "."), "The folder holds something else"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_place_that_does_not_fit_is_refused_before_the_work(
    arguments: tuple[str, ...], said: str, here: Path
) -> None:
    (here / "mine.txt").write_text("x", encoding="utf-8")
    done = run_in_process(*arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert [path.name for path in here.iterdir()] == ["mine.txt"]


def test_an_answer_is_shown_as_a_workbook(found: FoundRun, here: Path) -> None:
    done = run_in_process("show", found.run, "missing", "members", "-f", "xlsx", "-o", "a.xlsx")
    assert (done.code, done.out, done.err) == (0, "", "")
    header, *rows = sheets_of(here / "a.xlsx")["Missing members"]
    with recon.open_run(found.run) as opened:
        frame = opened.missing("members")
    assert header == frame.columns
    assert [[cell or None for cell in row] for row in rows] == [list(row) for row in frame.rows()]


def test_an_answer_of_several_parts_has_a_sheet_for_each(found: FoundRun, here: Path) -> None:
    done = run_in_process("show", found.run, "member", ZEROS, "-f", "xlsx", "-o", "a.xlsx")
    assert done.code == 0
    parts = ["Ledger", "Record and Row", "ID Mappings", "Registrations", "Errors"]
    assert list(sheets_of(here / "a.xlsx")) == ["Summary", *parts]


@pytest.mark.parametrize("format_name", ["table", "csv", "json"])
def test_an_answer_goes_to_a_file(format_name: str, found: FoundRun, here: Path) -> None:
    asked = ("show", found.run, "missing", "members", "-f", format_name)
    done = run_in_process(*asked, "-o", "a")
    assert (done.code, done.out) == (0, "")
    assert (here / "a").read_text(encoding="utf-8") == run_in_process(*asked).out


@pytest.mark.soak
def test_decisions_are_accepted_and_no_longer_fail(found: FoundRun, here: Path) -> None:
    assert run_in_process("export", found.run, "-o", "a.xlsx").code == 0
    edited = EditedWorkbook(here / "a.xlsx")
    later = found.verified_on + timedelta(days=90)
    for row in (2, 3):
        edited.set("Missing Records", row, Decision="accept", Reason="gone", Owner="Ann", Expires=later)
    edited.set("Tier Coverage", 2, Decision="fix")
    done = run_in_process("accept", found.run, "--from-xlsx", edited.save(here / "b.xlsx"))
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "Accepted: 2 findings; 1 to fix, 0 to investigate, 9 undecided",
        "  missing_records: 2",
        "recon-accept.toml: 2 new entries, 0 replaced",
    ]
    run_in_process("verify", found.paths.bundle, "-f", "json", "-f", "xlsx", "-o", "r", **found.environment)
    outcomes = {check["id"]: check["outcome"] for check in json.loads((here / "r.json").read_text())["checks"]}
    assert (outcomes["missing_records"], outcomes["altered_records"]) == ("WARN", "FAIL")
    rows = sheets_of(here / "r.xlsx")["Missing Records"]
    assert [row[rows[0].index("standing")] for row in rows[1:]] == ["accepted", "accepted"]


def test_a_workbook_without_a_decision_writes_nothing(found: FoundRun, here: Path) -> None:
    assert run_in_process("export", found.run, "-o", "a.xlsx").code == 0
    done = run_in_process("accept", found.run, "--from-xlsx", "a.xlsx")
    assert (done.code, done.out) == (0, "Accepted: 0 findings; 0 to fix, 0 to investigate, 12 undecided\n")
    assert [path.name for path in here.iterdir()] == ["a.xlsx"]


@pytest.mark.parametrize(
    "arguments, said",
    [
        (
            ("--from-xlsx", "a.xlsx", "--reason", "x", "--all"),
            "expected no other option but --output, found --all, --reason",
        ),
        (("--from-xlsx", "none.xlsx"), "The workbook cannot be read (none.xlsx)"),
        (("--all", "--owner", "Ann", "--expires", "2026-01-01"), "Missing option '--reason'"),
    ],
    ids=["other options", "no file", "no reason"],
)
def test_accept_says_what_it_needs(arguments: tuple[str, ...], said: str, found: FoundRun, here: Path) -> None:
    done = run_in_process("accept", found.run, *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert list(here.iterdir()) == []
