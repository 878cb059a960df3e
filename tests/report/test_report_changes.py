"""Comparisons of runs in each format: complete, escaped, and the same numbers everywhere."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import polars as pl
import pytest
from msgspec.structs import replace
from verifications import HOSTILE, Page

import recon
from recon.model import Outcome, Verdict
from recon.model.changes import (
    CHANGES,
    RECORDS,
    CheckChange,
    ComparedRun,
    CountChange,
    FindingTally,
    InputChange,
    RuleChange,
    RunComparison,
)
from recon.report.changes.output import CHANGE_FORMATS, changes_text

TALLY = FindingTally(new=3, reopened=1, changed=2, still_open=60, accepted=1, fixed=4, not_known=5)


def run(name: str, hours: int) -> ComparedRun:
    started_at = datetime(2024, 1, 15, 14, 30, tzinfo=UTC) + timedelta(hours=hours)
    return ComparedRun(name, started_at, "run", "bundle", "SQLite 3, club.db", Verdict.FAILED, 1, 2, 3, 4, None)


def comparison(text: str = "text") -> RunComparison:
    """A comparison with something of every kind, in which every text from data is `text`."""
    numbers = TALLY.by_change
    rows = [
        (change, "one", text, f"{change}-{number}", text, text, 1, 2, text, text, text)
        for change in CHANGES
        for number in range(numbers[change])
    ]
    check = CheckChange("one", text, Outcome.PASS, Outcome.FAIL, text, f"{text}2", 0, 70, TALLY, (text,))
    gone = CheckChange("two", text, Outcome.WARN, None, text, "", 1, None, FindingTally(), ())
    return RunComparison(
        older=run(text, 0),
        newer=run("newer", 9),
        database=text,
        notices=(text,),
        findings=TALLY,
        without_findings="",
        checks=(check, gone),
        rules=(RuleChange("one", text, "overridden", text), RuleChange("two", text, "removed")),
        rules_known=False,
        inputs=(
            InputChange("Bundle", text, f"{text}2"),
            InputChange("Policies", None, "x"),
            InputChange("A", "b", "b"),
        ),
        outcomes=(CountChange("members", "landed", 20, 18), CountChange("members", "merged", 1, 1)),
        unexplained=CountChange("", "unexplained", 1200, None),
        causes=(CountChange("members", text, 0, 5),),
        masked=True,
        records=pl.DataFrame(rows, schema=RECORDS, orient="row"),
    )


@pytest.mark.parametrize("name", ["console", "markdown", "html"])
def test_every_kind_of_change_is_told_with_its_number(name: str) -> None:
    text = changes_text(comparison(), name)
    shown = " ".join((Page(text).text if name == "html" else text).split())
    for title in ("New (3)", "Re-opened (1)", "Changed (2)", "Still Open (60)", "Accepted (1)", "Fixed (4)"):
        assert title in shown
    assert "Not Known (5)" in shown
    for said in (
        "PASS → FAIL",
        "WARN → no check",
        "1 → not known",
        "0 → 70",
        "not recorded",
        "1,200",
        "overridden",
        "removed",
    ):
        assert said in shown
    assert "-2" in shown
    assert "merged" not in shown


def test_what_is_not_listed_is_counted() -> None:
    for name in ("markdown", "html"):
        assert "60 findings, the first 50 of 60" in changes_text(comparison(), name)
        assert "still open-7" in changes_text(comparison(), name)
    assert "still open-7" not in changes_text(comparison(), "console")
    assert "3 findings, the first 2 of 3" in changes_text(comparison(), "console", 2)


def test_the_document_follows_its_schema() -> None:
    schema = json.loads(
        (Path(recon.__file__).parent / "report/changes/changes.schema.json").read_text(encoding="utf-8")
    )
    jsonschema.Draft202012Validator.check_schema(schema)
    without = replace(comparison(), findings=None, without_findings="why", records=comparison().records.clear())
    for each in (comparison(), without):
        jsonschema.Draft202012Validator(schema).validate(json.loads(changes_text(each, "json")))
    assert schema["properties"]["records"]["items"]["properties"]["change"]["enum"] == list(CHANGES)


def test_the_document_is_complete() -> None:
    document = json.loads(changes_text(comparison(), "json", 1))
    assert document["findings"] == {
        "new": 3,
        "reopened": 1,
        "changed": 2,
        "stillOpen": 60,
        "accepted": 1,
        "fixed": 4,
        "notKnown": 5,
    }
    assert len(document["records"]) == sum(TALLY.by_change.values())
    assert set(document["records"][0]) == {
        "change", "checkId", "entity", "key", "field", "cause", "violationsBefore", "violationsAfter", "name", "email",
        "title",
    }  # fmt: skip
    assert [(check["before"], check["after"]) for check in document["checks"]] == [("PASS", "FAIL"), ("WARN", None)]
    assert [each["changed"] for each in document["inputs"]] == [True, None, False]
    assert (document["isWorse"], document["isKnown"]) == (True, False)


@pytest.mark.parametrize("hostile", [text for text in HOSTILE if text.strip()])
def test_hostile_text_stays_text(hostile: str) -> None:
    harmless, page = (Page(changes_text(comparison(text), "html")) for text in ("harmless", hostile))
    assert page.tags == harmless.tags
    for name in CHANGE_FORMATS:
        shown = changes_text(comparison(hostile), name)
        if name != "json":
            assert not {"\u202e", "\x1b", "\x00"} & set(shown)
    lines = len(changes_text(comparison("harmless"), "markdown").splitlines())
    assert len(changes_text(comparison(hostile), "markdown").splitlines()) == lines
    assert len(changes_text(comparison(hostile), "console").splitlines()) == len(
        changes_text(comparison("harmless"), "console").splitlines()
    )


def test_no_line_of_the_console_is_a_command_of_a_workflow(monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = comparison("::error::stop ##[command]")
    assert any(line.lstrip().startswith("::") for line in changes_text(hostile, "console").splitlines())
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    shown = changes_text(hostile, "console")
    assert [line for line in shown.splitlines() if line.lstrip().startswith("::") or "##[" in line] == []
