"""Every format says the same numbers, whatever the text in them is."""

from __future__ import annotations

import csv
import json
import re
from contextlib import redirect_stdout
from html import unescape
from io import StringIO
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from markdown_it import MarkdownIt
from soaking import examples
from verifications import Page, verifications

from recon.model import ENTITIES, Outcome, Verification
from recon.report import FORMATS
from recon.report.console import Console
from recon.report.text import accounted_line, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FINDINGS = re.compile(r'data-outcome="(\w+)" aria-labelledby="[^"]+">\n<h3.*?</h3>\n<p><bdi>(.*?)</bdi></p>', re.DOTALL)
FOOTER = re.compile(r"Checks: (\d+) passed, (\d+) failed, (\d+) warnings?(?:, (\d+) not evaluated)?")
VERDICT = re.compile(r"Verification (PASSED|FAILED|INCOMPLETE)")


class Told(NamedTuple):
    """What a report says: verdict, passed, failed, warnings, not evaluated; outcome and message by check; counts."""

    verdict: str
    numbers: tuple[int, ...]
    checks: tuple[tuple[str, str], ...]
    counts: tuple[int, ...]


def shown(text: object) -> str:
    """Text as a reader sees it: one line, white space as one blank."""
    return " ".join(printable(text).split())


def expected(v: Verification) -> Told:
    s = v.summary
    checks = tuple((str(c.outcome), shown(c.message)) for c in v.checks)
    return Told(str(v.verdict), (s.passed, s.failed, s.warnings, s.errors), checks, both(v))


def both(v: Verification) -> tuple[int, ...]:
    return tuple(rows[entity] for entity in ENTITIES for rows in (v.counts_bundle, v.counts_database))


def footer(text: str) -> tuple[int, ...]:
    found = FOOTER.search(text)
    assert found
    return tuple(int(number or 0) for number in found.groups())


def first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    assert found
    return found[1]


def from_markup(page: Page) -> Told:
    """From Markdown as a browser shows it; a check's outcome is the last word of its first cell."""
    checks = tuple((row[0].split()[-1], row[3].replace("\u200b", "")) for row in page.rows("Verification Checks"))
    return told(page, checks)


def told(page: Page, checks: tuple[tuple[str, str], ...]) -> Told:
    counts = tuple(int(n.replace(",", "")) for row in page.rows("Count Comparison") for n in row[1:3])
    text = page.text.partition("Post-Migration Verification")[2]
    return Told(first(VERDICT, text), footer(text), checks, counts)


def from_html(text: str) -> Told:
    """From HTML, which has the checks in three places, each in the order of the report."""
    found = [(outcome, unescape(said)) for outcome, said in FINDINGS.findall(text)]
    found += [(row[0].split()[-1], row[3]) for row in Page(text).rows("Verification Checks")]
    return told(Page(text), tuple((outcome, shown(said)) for outcome, said in found))


def from_markdown(text: str) -> Told:
    return from_markup(Page(MarkdownIt("commonmark").enable("table").render(text)))


def from_json(text: str) -> Told:
    report: dict[str, Any] = json.loads(text)
    s = report["summary"]
    counts = tuple(report["counts"][side][entity] for entity in ENTITIES for side in ("bundle", "database"))
    numbers = (s["passed"], s["failed"], s["warnings"], s["errors"])
    return Told(
        report["verdict"], numbers, tuple((c["outcome"], shown(c["message"])) for c in report["checks"]), counts
    )


def from_csv(text: str) -> Told:
    lines = list(csv.DictReader(StringIO(text.removeprefix("\ufeff"), newline="")))
    facts = {line["column"]: line["value"] for line in lines if line["kind"] == "verification"}
    numbers = tuple(int(facts[name]) for name in ("Passed", "Failed", "Warnings", "Not evaluated"))
    checks = tuple((c["outcome"], unguarded(c["value"])) for c in lines if c["kind"] == "check")
    counts = tuple(int(facts[f"{entity} in the {side}"]) for entity in ENTITIES for side in ("bundle", "database"))
    return Told(facts["Verdict"], numbers, checks, counts)


def unguarded(cell: str) -> str:
    return " ".join(re.sub(r"(^|;\s*[\"']*?)'(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20])", r"\1", cell).split())


def junit_case(case: ET.Element) -> tuple[str, str] | None:
    """Outcome and message of a case; a case that passed has no message, and that of the verdict is no check."""
    if case.get("classname") == "verdict":
        return None
    failure, skipped, output = (case.find(tag) for tag in ("failure", "skipped", "system-out"))
    if failure is not None:
        return "FAIL", shown(failure.get("message"))
    if skipped is not None:
        return "ERROR", shown((skipped.get("message") or "").removeprefix("not evaluated: "))
    return ("PASS", "") if output is None else ("WARN", shown((output.text or "").splitlines()[1]))


def capture(v: Verification) -> str:
    with redirect_stdout(StringIO()) as printed:
        console = Console()
        for check in v.checks:
            console.check_done(check)
        if v.ledger:
            console.accounted(v.ledger)
        console.finished(v, "report")
    return printed.getvalue()


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(verifications())
def test_every_format_says_the_same_numbers_and_stays_well_formed(v: Verification) -> None:
    readers: dict[str, Callable[[str], Told]] = {
        "markdown": from_markdown,
        "html": from_html,
        "json": from_json,
        "csv-long": from_csv,
    }
    found = {name: read(FORMATS[name].render(v)) for name, read in readers.items()}
    # A page groups the checks by what is to be done about them.
    found["html"] = found["html"]._replace(checks=expected(v).checks if by_outcome(found["html"], v) else ())
    assert found == dict.fromkeys(readers, expected(v))


def by_outcome(told: Told, v: Verification) -> bool:
    groups = ([Outcome.FAIL], [Outcome.ERROR], [Outcome.WARN], [Outcome.PASS])
    wanted = [(str(c.outcome), shown(c.message)) for group in groups for c in v.checks if c.outcome in group]
    return list(told.checks) == wanted


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(verifications())
def test_junit_says_the_same_numbers_and_stays_well_formed(v: Verification) -> None:
    suite = ET.fromstring(FORMATS["junit"].render(v))[0]
    found = [reported for case in suite.iter("testcase") if (reported := junit_case(case))]
    limit = [(o, m if o in {"FAIL", "ERROR"} else m[:400] if o == "WARN" else "") for o, m in expected(v).checks]
    assert [(o, m[:400] if o == "WARN" else m) for o, m in found] == limit
    verdicts = int(v.verdict == "INCOMPLETE")
    assert [int(suite.get(name, "")) for name in ("tests", "failures", "errors", "skipped")] == [
        v.summary.total + verdicts,
        v.summary.failed,
        verdicts,
        v.summary.errors,
    ]
    facts = {p.get("name"): p.get("value") for p in suite.iter("property")}
    assert (facts["verdict"], facts["run_id"]) == (str(v.verdict), printable(v.run_id))
    numbers = tuple(int(facts[n] or "") for n in ("passed", "failed", "warnings", "not_evaluated"))
    assert numbers == expected(v).numbers


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(verifications())
def test_the_console_says_the_same_numbers(v: Verification) -> None:
    text = capture(v)
    found = re.findall(r"^  \[(PASS|WARN|FAIL|ERROR)\] (.*)$", text, flags=re.MULTILINE)
    assert [(o, shown(rest)) for o, rest in found] == [
        (str(c.outcome), shown(f"{c.name}: {c.message}")) for c in v.checks
    ]
    block = text.rpartition("=" * 60 + "\n  Verification")
    assert (first(VERDICT, block[1] + block[2]), footer(block[2])) == expected(v)[:2]


SAID = "not evaluated - this judgement was reached without a ledger"


def accounted_shown(text: str, format_name: str) -> list[str]:
    """What a format says is accounted for, as a reader sees it."""
    if format_name == "json":
        ledger = json.loads(text)["ledger"]
        return [ledger["accountedFor"] if ledger else SAID]
    if format_name == "csv-long":
        lines = csv.DictReader(StringIO(text.removeprefix("\ufeff"), newline=""))
        return [line["value"] for line in lines if line["column"] == "Accounted for"]
    if format_name == "console":
        return re.findall(r"^  accounted for: (.*)$", text, flags=re.MULTILINE)
    if format_name == "junit":
        return [p.get("value") or "" for p in ET.fromstring(text).iter("property") if p.get("name") == "accounted_for"]
    page = Page(text if format_name == "html" else MarkdownIt("commonmark").enable("table").render(text))
    return re.findall(r"Accounted for: *(.*)", page.text)


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(verifications())
def test_every_format_says_the_same_is_accounted_for(v: Verification) -> None:
    reported = {name: accounted_shown(form.render(v), name) for name, form in FORMATS.items()}
    reported["console"] = accounted_shown(capture(v), "console")
    assert {name: len(lines) for name, lines in reported.items()} == {
        "markdown": 2,
        "json": 1,
        "junit": 1,
        "html": 2,
        "csv-long": 1,
        "console": int(v.ledger is not None),
    }
    found = {shown(line).replace("\u200b", "") for lines in reported.values() for line in lines}
    assert found == {shown(accounted_line(v.ledger))}


def rows_shown(text: str, format_name: str) -> Sequence[object]:
    """What a format says about how many rows there are and how many it shows, in its own words."""
    found = {
        "markdown": r"Violating rows(.*):$",
        "html": r"<summary>Violating rows(.*)</summary>",
        "junit": r"^Violating rows(.*):$",
        "csv-long": r"left out,\"?(.*) violating",
    }[format_name]
    return re.findall(found, text, flags=re.MULTILINE)


@pytest.mark.parametrize(
    "format_name, reported",
    [
        ("markdown", [", the first 2 of 10"]),
        ("html", [", the first 2 of 10"]),
        ("junit", [", the first 2 of 10"]),
        ("csv-long", ["2 of 10"]),
    ],
)
def test_rows_that_were_left_out_are_reported(capped: Verification, format_name: str, reported: list[str]) -> None:
    assert capped.verdict == "FAILED"
    assert [c.violations.height for c in capped.checks if c.outcome is Outcome.FAIL] == [2]
    assert rows_shown(FORMATS[format_name].render(capped), format_name) == reported
