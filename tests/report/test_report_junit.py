from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import polars as pl
import pytest
from msgspec.structs import replace
from verifications import HOSTILE, with_outcomes

from recon.model import Outcome
from recon.report.junit import LONGEST_LINE, MOST_LINES, render, render_strictly
from recon.report.text import printable

if TYPE_CHECKING:
    from recon.model import Verification

# What the schema that Jenkins checks against (junit-10) allows, by element; the lists name what is required first.
ATTRIBUTES = {
    "testsuites": ({"name"}, {"tests", "failures", "errors", "time"}),
    "testsuite": ({"name", "tests", "failures", "errors"}, {"skipped", "time", "timestamp"}),
    "properties": (set(), set()),
    "property": ({"name", "value"}, set()),
    "testcase": ({"name"}, {"classname", "time"}),
    "failure": (set(), {"type", "message"}),
    "error": (set(), {"type", "message"}),
    "skipped": (set(), {"type", "message"}),
    "system-out": (set(), set()),
}
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase"},
    "properties": {"property"},
    "testcase": {"failure", "error", "skipped", "system-out"},
}


def suite_of(text: str) -> ET.Element:
    return ET.fromstring(text)[0]


def bodies(suite: ET.Element) -> list[str]:
    return [e.text or "" for case in suite.iter("testcase") for e in case]


def tally(suite: ET.Element) -> list[str | None]:
    return [suite.get(name) for name in ("tests", "failures", "errors", "skipped")]


@pytest.mark.parametrize("outcome", Outcome)
def test_the_document_keeps_to_the_common_schema(passed: Verification, outcome: Outcome) -> None:
    root = ET.fromstring(render(with_outcomes(passed, Outcome.PASS, outcome)))
    for element in root.iter():
        required, optional = ATTRIBUTES[element.tag]
        assert required <= set(element.attrib) <= required | optional
        assert {child.tag for child in element} <= CHILDREN.get(element.tag, set())
    suite = root[0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp", ""))
    assert re.fullmatch(r"\d+\.\d{3}", suite.get("time", ""))


def test_a_case_is_a_check_and_its_class_the_category(passed: Verification) -> None:
    suite = suite_of(render(passed))
    cases = [(case.get("classname"), case.get("name")) for case in suite.iter("testcase")]
    assert cases == [(check.category, check.name) for check in passed.checks]
    assert tally(suite) == [str(len(passed.checks)), "0", "0", "0"]
    assert bodies(suite) == []


def test_the_properties_name_the_run(passed: Verification) -> None:
    properties = {p.get("name"): p.get("value") for p in suite_of(render(passed)).iter("property")}
    assert (properties["run_id"], properties["verdict"]) == (passed.run_id, "PASSED")


def test_a_warning_passes_and_fails_where_warnings_count(passed: Verification) -> None:
    warned = with_outcomes(passed, Outcome.PASS, Outcome.WARN)
    lenient, strict = suite_of(render(warned)), suite_of(render_strictly(warned))
    assert tally(lenient) == ["2", "0", "0", "0"]
    assert bodies(lenient)[0].startswith("Passed with a warning\nmessage 2\n")
    assert tally(strict) == ["2", "1", "0", "0"]
    failure = strict.find("testcase/failure")
    assert failure is not None
    assert (failure.get("type"), failure.get("message")) == ("WARN", "message 2")


@pytest.mark.parametrize("render_", [render, render_strictly], ids=["failures", "warnings"])
def test_a_suite_in_which_something_was_not_evaluated_is_never_green(passed: Verification, render_: object) -> None:
    assert callable(render_)
    suite = suite_of(render_(with_outcomes(passed, Outcome.PASS, Outcome.ERROR)))
    assert tally(suite) == ["3", "0", "1", "1"]
    skipped, error = suite.find("testcase/skipped"), suite.find("testcase[@name='Verdict']/error")
    assert skipped is not None
    assert skipped.get("message") == "not evaluated: message 2"
    assert error is not None
    assert error.get("message") == "Verification INCOMPLETE: 1 passed, 0 failed, 0 warnings, 1 not evaluated"


def test_a_suite_without_checks_is_in_error(passed: Verification) -> None:
    assert tally(suite_of(render(replace(passed, checks=())))) == ["1", "0", "1", "0"]


def test_a_failed_suite_has_no_case_for_the_verdict(passed: Verification) -> None:
    suite = suite_of(render(with_outcomes(passed, Outcome.FAIL, Outcome.ERROR)))
    assert tally(suite) == ["2", "1", "0", "1"]


@pytest.mark.parametrize("render_", [render, render_strictly], ids=["failures", "warnings"])
def test_a_body_is_short_and_says_what_to_do(capped: Verification, render_: object) -> None:
    assert callable(render_)
    orphans = next(check for check in capped.checks if check.outcome is Outcome.FAIL)
    many = replace(orphans, violation_count=900, violations=pl.concat([orphans.violations] * 200))
    warned = replace(many, outcome=Outcome.WARN)
    for body in bodies(suite_of(render_(replace(capped, checks=(many, warned))))):
        lines = body.splitlines()
        assert len(lines) <= MOST_LINES
        assert "Action: Review foreign key relationships" in lines
        reported = next(line for line in lines if line.startswith("Violating rows"))
        assert reported == f"Violating rows, the first {len(lines) - lines.index(reported) - 1} of 900:"


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_text_from_data_stays_text(passed: Verification, text: str) -> None:
    check = replace(passed.checks[0], outcome=Outcome.FAIL, name=text, category=text, message=text, detail=text)
    written = render(replace(passed, run_id=text, checks=(check,)))
    assert "<!" not in written
    suite = suite_of(written)
    assert [element.tag for element in suite.iter()].count("testcase") == 1
    case = suite[1]
    assert (case.get("name"), case[0].get("message")) == (printable(text), printable(text))
    assert max(map(len, bodies(suite)[0].splitlines())) <= LONGEST_LINE + 1
