"""Reports of an assessment, in every format; the runner that carries it out; the site that lists it."""

from __future__ import annotations

import csv
import json
import re
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from msgspec.structs import replace
from run_folders import write_runs
from support import run_in_process
from verifications import HOSTILE as TEXTS
from verifications import Page

import recon
from recon.errors import BundleError, ReportError, UsageError
from recon.model import Fact, Findings, Probe, Verdict
from recon.preflight.assessing import Step, assess
from recon.report.assessment.console import AssessmentConsole
from recon.report.assessment.json import load_assessment
from recon.report.assessment.output import assessment_text
from recon.report.formats import EVERY_FORMAT
from recon.runs.assessments import keep_assessment
from recon.runs.linking import on_site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.model import Assessment, Check, Verification

HOSTILE = next(text for text in TEXTS if "<" in text)
HOME = Path(recon.__file__).parent / "report"
SCHEMA = json.loads((HOME / "assessment" / "assessment.schema.json").read_text(encoding="utf-8"))
PROBE = Probe("tyres", "Tyres", "vehicle", "The tyres hold air.", "It would stand still", "Pump them up")


def vehicle() -> Iterator[Fact | Check]:
    yield Fact("Wheels", f"4 {HOSTILE}")
    yield PROBE.passed("4 of 4 hold air")
    yield PROBE.warned("one is worn", Findings(detail="the left one"))
    yield PROBE.failed(f"{HOSTILE} is flat", Findings(({"wheel": "left", "bar": 0.5}, {"wheel": HOSTILE, "bar": None})))


def fuel() -> Iterator[Fact | Check]:
    yield PROBE.passed("there is some")
    raise BundleError("The tank is closed", where="tank", found="a lid")


def driver() -> Iterator[Fact | Check]:
    yield PROBE.passed("awake")
    raise ZeroDivisionError


STEPS = [Step("vehicle", "Vehicle", vehicle), Step("fuel", "Fuel", fuel), Step("driver", "Driver", driver)]


@pytest.fixture(scope="module")
def assessed() -> Assessment:
    return assess("departure", "Departure", STEPS)


def test_a_part_that_ends_in_an_error_hides_no_other(assessed: Assessment) -> None:
    outcomes = {part.name: [str(check.outcome) for check in part.checks] for part in assessed.parts}
    assert outcomes == {
        "vehicle": ["PASS", "WARN", "FAIL"],
        "fuel": ["PASS", "ERROR"],
        "driver": ["PASS", "ERROR"],
    }
    assert "The tank is closed (tank): found a lid" in assessed.parts[1].checks[1].message
    assert "ZeroDivisionError" in assessed.parts[2].checks[1].message
    assert assessed.verdict is Verdict.FAILED
    assert [str(check.outcome) for check in assessed.unpassed] == ["FAIL", "ERROR", "ERROR", "WARN"]


def test_the_duration_on_the_console_covers_the_reports(
    assessed: Assessment, capsys: pytest.CaptureFixture[str]
) -> None:
    timed = replace(assessed, duration_ms=10**9)
    console = AssessmentConsole()
    console.finished(timed)
    assert "  Duration: 1000000000ms\n" in capsys.readouterr().out
    console.assessment_starting(timed.title, timed.started_at)
    console.finished(timed)
    assert re.search(r"  Duration: \d{1,6}ms\n", capsys.readouterr().out)


def test_json_follows_its_schema_and_is_read_back(assessed: Assessment, tmp_path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    of_verification = json.loads((HOME / "verification.schema.json").read_text(encoding="utf-8"))
    assert {name: of_verification["$defs"][name] for name in SCHEMA["$defs"]} == SCHEMA["$defs"]
    text = assessment_text(assessed, "json")
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(text))
    file = tmp_path / "assessment.json"
    file.write_text(text, encoding="utf-8")
    assert assessment_text(load_assessment(file), "json") == text
    file.write_text(text.replace('"1.0"', '"9.9"'), encoding="utf-8")
    with pytest.raises(ReportError, match=r"schema version 9\.9"):
        load_assessment(file)
    file.write_text(text[:-20], encoding="utf-8")
    with pytest.raises(ReportError, match="cannot be read"):
        load_assessment(file)


def test_junit_has_a_suite_for_each_part(assessed: Assessment) -> None:
    suites = ET.fromstring(assessment_text(assessed, "junit"))
    counts = [(s.get("name"), s.get("tests"), s.get("failures"), s.get("skipped")) for s in suites]
    assert counts == [("Vehicle", "3", "1", "0"), ("Fuel", "2", "0", "1"), ("Driver", "2", "0", "1")]
    strict = ET.fromstring(assessment_text(assessed, "junit", fail_on="warning"))
    assert strict[0].get("failures") == "2"
    incomplete = ET.fromstring(assessment_text(assess("departure", "Departure", STEPS[1:]), "junit"))
    assert incomplete.get("errors") == "1"


def test_html_is_a_whole_page_in_which_data_is_text(assessed: Assessment) -> None:
    page = Page(assessment_text(assessed, "html"))
    assert "script" not in page.tags
    assert "Departure FAILED" in page.text
    assert [row[1] for row in page.tables["Vehicle"][0][1:]] == ["Tyres"]
    assert {text for level, text in page.headings if level == 2} >= {
        "Vehicle",
        "Fuel",
        "Driver",
        "What Failed",
        "Warnings",
    }
    assert len([text for level, text in page.headings if level == 3]) == 4
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_markdown_and_csv_hold_every_check(assessed: Assessment) -> None:
    text = assessment_text(assessed, "markdown")
    assert "**Departure FAILED** — Checks: 3 passed, 1 failed, 1 warning, 2 not evaluated" in text
    assert "- **Action**: Pump them up" in text
    assert "Escalate" not in text
    assert HOSTILE not in text
    rows = list(csv.DictReader(StringIO(assessment_text(assessed, "csv-long").removeprefix("\ufeff"))))
    assert [row["outcome"] for row in rows if row["kind"] == "check"].count("PASS") == 3
    assert {row["column"] for row in rows if row["kind"] == "violation"} == {"wheel", "bar"}


def test_the_site_lists_assessments_with_and_without_runs(
    assessed: Assessment, passed: Verification, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="no run yet"):
        recon.build_site(tmp_path)
    folder = keep_assessment(tmp_path, assessed)
    home = tmp_path / "site" / "index.html"
    page = Page(home.read_text(encoding="utf-8"))
    assert "No migration was verified yet" in page.text
    assert page.tables["Before the Migration"][0][1][1:4] == [
        "Departure",
        "✕ FAILED",
        "3 passed, 1 failed, 1 warned, 2 not evaluated",
    ]
    address = next(value for name, value in page.attributes if name == "href" and value and "departure" in value)
    copied = (home.parent / address).read_text(encoding="utf-8")
    assert copied == on_site(assessment_text(assessed, "html"), "report.html")
    assert "All runs" in copied
    (folder / "assessment.json").write_text("{}", encoding="utf-8")
    write_runs(tmp_path, [passed])
    page = Page(recon.build_site(tmp_path).read_text(encoding="utf-8"))
    assert "Verification PASSED" in page.text
    assert "UNREADABLE" in page.tables["Before the Migration"][0][1][1]


@pytest.mark.parametrize("format_name", EVERY_FORMAT)
def test_preflight_writes_each_format(format_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    finished = run_in_process("preflight", "environment", "-f", format_name, DATABASE_URL="sqlite:///none.db")
    assert finished.code == 2
    assert "[ERROR] Database" in finished.out
    assert "Preflight INCOMPLETE" in finished.out
    assert (tmp_path / f"preflight-report{EVERY_FORMAT[format_name].suffix}").is_file()
    assert (tmp_path / "outputs" / "site" / "index.html").is_file()
