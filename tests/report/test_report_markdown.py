from __future__ import annotations

import json
import re
import sqlite3
from typing import TYPE_CHECKING

import pytest
from ledgers import CAUSES, HEADLINE, LEDGER
from markdown_it import MarkdownIt
from msgspec.structs import replace
from support import check_of, edit_report, verify

from recon.demo import plant
from recon.model import Outcome
from recon.report.commands import ShowCommand
from recon.report.ledger.tables import levels, sources, targets
from recon.report.markdown import render
from recon.report.text import markdown, printable

if TYPE_CHECKING:
    from recon.demo import DemoPaths
    from recon.model import Verification

SECTIONS = [
    "Summary",
    "Count Comparison",
    "Record Ledger",
    "Tier Distribution",
    "Verification Checks",
    "Policy Verification",
    "What Failed",
]
RENDERER = MarkdownIt("commonmark", {"linkify": False}).enable(["table", "strikethrough"])
NASTY = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a | b || c",
    "line\nbreak\r\nand\ttab",
    "`code` *bold* _under_ ~~gone~~ **x**",
    "[link](https://example.org) ![image](x)",
    "# heading",
    "- item",
    "1. first",
    "> quote",
    "{{7*7}} ${x} &amp; &lt;",
    "\u202eright to left\u200f",
    "\x1b[31mred\x1b[0m\x00",
    "https://example.org www.example.org @everyone",
    "back\\slash\\",
    "---",
    "| --- | --- |",
]


def sections(report: str) -> list[str]:
    return re.findall(r"^## (.+)$", report, flags=re.MULTILINE)


def test_the_sections_come_in_the_runbooks_order(passed: Verification) -> None:
    assert sections(render(passed)) == SECTIONS


def test_a_clean_report_says_that_nothing_failed(passed: Verification) -> None:
    report = render(passed)
    assert f"**Verification PASSED** — Checks: {len(passed.checks)} passed, 0 failed, 0 warnings" in report
    assert "Nothing: every check passed without remark." in report
    assert "Escalate to" not in report
    assert "| Members | 60 | 60 | 0 |" in report
    assert "consistent: a private copy" in report
    assert "**not compared**" in report


def test_a_failure_brings_meaning_action_resolution_rows_and_escalation(demo: DemoPaths) -> None:
    plant(["orphaned-registrations", "missing-members"], demo.bundle, demo.database)
    verification = verify(demo)
    report = render(verification)
    failed = report.partition("## What Failed")[2]
    assert "### FAIL: Orphaned Registrations" in failed
    assert "- **Meaning**: Data integrity issue" in failed
    assert "- **Action**: Review foreign key relationships" in failed
    assert "Do NOT self-remediate integrity failures. Document and escalate." in failed
    assert "- **Escalate**: yes, to the Merge captain — Data integrity issue (orphaned registrations): " in failed
    assert "> **Escalate to: Merge captain** (priority: High)" in report
    assert "Review skipped records in migration report" in failed
    orphan = next(c for c in verification.checks if c.id == "orphaned_registrations").violations.row(0)
    assert f"| {orphan[0]} |" in failed


def test_every_check_that_did_not_pass_has_a_heading(demo: DemoPaths) -> None:
    plant(["low-tier-coverage", "newer-run", "missing-members"], demo.bundle, demo.database)
    verification = verify(demo)
    headings = re.findall(r"^### (\w+): (.+)$", render(verification), flags=re.MULTILINE)
    expected = [(str(c.outcome), c.name) for c in verification.checks if c.outcome is not Outcome.PASS]
    assert sorted(headings) == sorted(expected)
    assert len(expected) >= 3


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_text_from_data_renders_as_itself(text: str) -> None:
    html = RENDERER.render(f"| a |\n| --- |\n| {markdown(text)} |\n")
    cells = re.findall(r"<td>(.*?)</td>", html, flags=re.DOTALL)
    assert len(cells) == 1
    assert "<" not in cells[0], "markup from data"
    shown = cells[0].replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")
    assert shown.replace("\u200b", "").split() == printable(text).split()


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_text_from_data_renders_as_itself_at_the_start_of_a_line(text: str) -> None:
    html = RENDERER.render(markdown(text))
    assert re.fullmatch(r"<p>[^<]*</p>\n", html), html


def test_a_hostile_run_keeps_the_report_whole(demo: DemoPaths) -> None:
    hostile = "x | y <img src=x onerror=alert(1)> `z` \u202e"
    edit_report(demo.bundle, lambda report: report.update(runId=hostile))
    with sqlite3.connect(demo.database) as database:
        database.execute('update "MembershipTier" set name = ?, code = ? where "sortOrder" = 10', (hostile, hostile))
    verification = verify(demo)
    assert verification.ledger is not None
    report = render(verification)
    assert sections(report) == SECTIONS
    html = RENDERER.render(report)
    assert "<img" not in html
    assert "\u202e" not in report
    rows = re.findall(r"<tr>(.*?)</tr>", html, flags=re.DOTALL)
    widths = {len(re.findall(r"<t[dh]", row)) for row in rows}
    assert widths <= {2, 4, 5, *(len(table(verification.ledger).header) for table in (sources, targets, levels))}


def test_rows_are_limited_and_counted(demo: DemoPaths) -> None:
    with sqlite3.connect(demo.database) as database:
        database.execute("""update "EventRegistration" set "memberId" = 'nobody-' || id""")
    verification = verify(demo)
    orphans = check_of(verification, "orphaned_registrations")
    found = replace(verification, checks=(orphans,), ledger=None)
    report = render(found)
    assert "Violating rows, the first 10 of 150:" in report
    assert report.count("| nobody-") == 10
    rest = "\n\nand 140 more:\n\n```\nrecon show runs/1 check orphaned_registrations --rows 150\n```\n"
    assert rest in render(found, ShowCommand("runs/1"))
    assert rest not in report


def test_a_bundle_without_policies_says_so(demo: DemoPaths) -> None:
    (demo.bundle / "policy-bundle.json").unlink()
    assert "The bundle declares no policies." in render(verify(demo))


def test_personal_data_is_masked_unless_asked(demo: DemoPaths) -> None:
    error = {"entity": "member", "waId": "4711", "message": "Duplicate: zoe.quint@example.org 805-555-0199"}
    edit_report(demo.bundle, lambda report: report.update(errors=[error]))
    masked, shown = render(verify(demo)), render(verify(demo, show_pii=True))
    assert "zoe.quint" not in masked
    assert "555-0199" not in masked
    assert "4711" in masked
    assert "Personal data | masked" in masked
    assert "zoe.quint\\@example.org 805-555-0199" in shown
    assert "Personal data | shown" in shown


def test_only_policies_that_are_required_or_were_compared_have_a_line(clean: DemoPaths, passed: Verification) -> None:
    declared = json.loads((clean.bundle / "policy-bundle.json").read_text(encoding="utf-8"))["policies"]
    section = render(passed).partition("## Policy Verification")[2].partition("\n## ")[0]
    lines = {
        "membership.tiers.waMapping": "as declared",
        "scheduling.timezone": "as declared",
        "display.organizationName": "not compared",
    }
    assert (
        f"\n{len(declared) - 3} others are valid and **not compared**, because the profile names no settings: "
        in section
    )
    for policy in declared:
        result = lines.get(policy["key"])
        told = f"\n| {markdown(policy['key'])} | {result} | " if result else f"{markdown(policy['key'])} ("
        assert section.count(told) == 1


def ledger_of(report: str) -> str:
    return report.partition("## Record Ledger\n")[2].partition("\n## ")[0]


def test_the_ledger_shows_both_sides_causes_keys_and_levels(passed: Verification) -> None:
    report = render(replace(passed, ledger=LEDGER))
    section = ledger_of(report)
    assert report.partition("## Summary")[0].count(f"Accounted for: {HEADLINE}") == 1
    for line in (
        f"Accounted for: {HEADLINE}",
        "| Members | 2,147 | 2,050 | 40 | 5 | 20 | 20 | 12 | **3** |",
        "| Members | 2,215 | 2,110 | 100 | 3 | 2 | **2** |",
        "- registrations: the report holds only how many there were",
        "- members.phone: empty_as_null: 12 records",
        "| 1 | members | not in the database | unexplained | Mend not in the database | 3 | 0.1 % |",
        "| 3 | members | older than the run | harmless | Mend older than the run | 100 | 0.1 % |",
        "#### members.phone: truncated at 20 characters",
        '| 3 | 4713 | id-3 | null | "" |',
        "| Members | a\\*\\*\\*\\@example.org | natural key (email) | 2 | 3 |",
        "| Gold | GOLD | the mapping | no | 120 | 0 | **120** | 0 |",
    ):
        assert f"\n{line}\n" in f"{section}\n", line


def test_a_judgement_without_a_ledger_says_so(passed: Verification) -> None:
    section = ledger_of(render(replace(passed, ledger=None)))
    assert section.strip() == "Accounted for: not evaluated - this judgement was reached without a ledger"


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_text_of_the_ledger_stays_text(text: str, passed: Verification) -> None:
    plain, hostile = (
        RENDERER.render(render(replace(passed, ledger=replace(LEDGER, causes=(replace(CAUSES[1], **named),)))))
        for named in ({"title": "plain", "field": "plain"}, {"title": text, "field": text})
    )
    tags = re.compile(r"<(/?\w+)")
    assert tags.findall(hostile) == tags.findall(plain)
