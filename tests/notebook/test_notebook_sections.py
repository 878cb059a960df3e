from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from ledgers import HEADLINE, LEDGER
from msgspec.structs import replace
from support import verify
from verifications import HOSTILE, Page, with_outcomes

from recon import display
from recon.errors import OutputError, VerificationFailedError
from recon.model import Ledger, Outcome, SnapshotInfo, Verification
from recon.notebook import Section
from recon.report.page.identity import moment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recon.demo import DemoPaths

SHOWN = [
    display.verdict,
    display.scope,
    display.checks,
    display.counts,
    display.ledger,
    display.tiers,
    display.policies,
    display.failures,
    display.warnings,
    display.passes,
    display.environment,
]


def named(verification: Verification, text: str) -> Verification:
    """The verification with the text in places that sections show."""
    check = replace(verification.checks[0], name=text, message=text, outcome=Outcome.ERROR, violation_count=None)
    snapshot = SnapshotInfo(text, text, consistent=True, rows={}, not_read={text: text})
    return replace(verification, run_id=text, checks=(check,), snapshot=snapshot)


@pytest.mark.parametrize("show", SHOWN, ids=lambda show: show.__name__)
def test_every_section_is_html_markdown_and_text(show: Callable[[Verification], Section], capped: Verification) -> None:
    section = show(capped)
    data, _ = section._repr_mimebundle_()
    assert data == {"text/html": section.html, "text/markdown": section.text, "text/plain": section.text}
    assert (section._repr_html_(), section._repr_markdown_()) == (section.html, section.text)
    assert Page(section.html).text.strip()
    assert section.text.strip()
    assert not re.search(r"^#{1,2} (?!Post)", section.text, flags=re.MULTILINE)


@pytest.mark.parametrize("show", SHOWN, ids=lambda show: show.__name__)
def test_text_from_data_stays_text(show: Callable[[Verification], Section], passed: Verification) -> None:
    plain = Page(show(named(passed, "plain")).html)
    for text in HOSTILE:
        page = Page(show(named(passed, text)).html)
        assert page.tags == plain.tags
        assert not set("\x00\x1b\u202e\u2066\u200f") & set(page.text)


def test_the_verdict_gives_the_page_its_title(capped: Verification) -> None:
    _, about = display.verdict(capped)._repr_mimebundle_()
    named = f"FAILED: {capped.snapshot.database}, {capped.run_id}, {moment(capped.started_at)}"
    assert about == {"recon": {"title": named}}
    assert "Escalate to: Merge captain" in display.verdict(capped).html


def test_what_was_not_checked_is_named(passed: Verification) -> None:
    check = replace(passed.checks[0], outcome=Outcome.WARN, violation_count=None, message="Tiers are not recorded")
    snapshot = replace(passed.snapshot, not_read={"target.runs": "the database has no runs"})
    found = replace(passed, checks=(check, *passed.checks[1:]), snapshot=snapshot, dry_run=True)
    unchecked = display.scope(found).html.partition("Not checked")[2]
    for words in (
        "Tiers are not recorded",
        "the database has no runs",
        "were not compared",
        "dry run",
        "shown masked",
    ):
        assert words in unchecked
    whole = replace(passed, policies=(), masked=False, not_checked={})
    assert "Nothing that recon knows of was left out." in display.scope(whole).html
    assert "Nothing that recon knows of was left out." in display.scope(whole).text


def test_a_failure_shows_as_many_rows_as_are_asked_for(capped: Verification, passed: Verification) -> None:
    failed = display.failures(capped, rows=1)
    assert "Violating rows, the first 1 of 10" in failed.html
    assert "Violating rows, the first 2 of 10" in display.failures(capped).html
    for words in ("Meaning", "Action", "Escalate"):
        assert f"<dt>{words}</dt>" in failed.html
    assert "Nothing: no check failed" in display.failures(passed).text
    assert "Nothing: no check failed" not in failed.text


def test_each_check_is_in_one_section(passed: Verification) -> None:
    found = with_outcomes(passed, Outcome.PASS, Outcome.FAIL, Outcome.WARN, Outcome.ERROR)
    for show, names in (
        (display.failures, {"Check 2", "Check 4"}),
        (display.warnings, {"Check 3"}),
        (display.passes, {"Check 1"}),
    ):
        section = show(found)
        assert {
            name for name in ("Check 1", "Check 2", "Check 3", "Check 4") if name in Page(section.html).text
        } == names
        assert {name for name in ("Check 1", "Check 2", "Check 3", "Check 4") if name in section.text} == names


def test_a_chart_that_cannot_be_drawn_says_why(demo: DemoPaths, passed: Verification) -> None:
    known = verify(demo, distributions=True)
    assert known.distributions
    reason = "the bundle declares no mapping"
    without = replace(
        known, distributions=replace(known.distributions, expected_tiers=(), not_known={"expected_tiers": reason})
    )
    section = display.chart(without, "tier-expected")
    assert isinstance(section, Section)
    assert section.text == f"No chart: {reason}"
    nothing = display.chart(passed, "registrations-by-month")
    assert isinstance(nothing, Section)
    assert "nothing to show" in nothing.html


def test_the_ledger_stands_in_a_section_and_what_it_lacks_in_the_scope(passed: Verification) -> None:
    found = replace(passed, ledger=LEDGER)
    assert f"Accounted for: {HEADLINE}" in display.ledger(found).text
    assert "truncated at 20 characters" in display.ledger(found).html
    checked, _, unchecked = display.scope(found).text.partition("**Not checked**")
    assert HEADLINE in checked
    assert "- **Registrations**: not accounted for: the report holds only how many there were" in unchecked
    assert "- **members.tier_id**: not compared: the bundle names no tiers" in unchecked


def test_a_ledger_that_was_not_reached_has_no_chart(passed: Verification) -> None:
    nothing = replace(passed, ledger=Ledger((), {"members": "no list", "events": "no list"}, ()))
    section = display.chart(nothing, "record-ledger")
    assert isinstance(section, Section)
    assert section.text == "No chart: not evaluated - no list"


def test_the_environment_reports_versions_guarantee_and_durations(passed: Verification) -> None:
    html = Page(display.environment(passed).html).text
    for words in (
        "duckdb",
        "polars",
        "Python",
        passed.snapshot.guarantee,
        f"{passed.duration_ms} ms",
        "Evaluate rules",
    ):
        assert words in html


def test_the_conclusion_raises_what_did_not_pass_only_where_that_is_wanted(passed: Verification) -> None:
    failed = with_outcomes(passed, Outcome.PASS, Outcome.FAIL)
    incomplete = with_outcomes(passed, Outcome.PASS, Outcome.ERROR)
    assert "Verification PASSED" in display.conclude(passed, raise_on_failure=True).text
    assert "Verification FAILED" in display.conclude(failed, raise_on_failure=False).text
    for found in (failed, incomplete):
        with pytest.raises(VerificationFailedError, match=f"Verification {found.verdict}"):
            display.conclude(found, raise_on_failure=True)


def test_files_that_cannot_be_written_are_reported(passed: Verification, tmp_path: Path) -> None:
    (tmp_path / "kept" / "verification.json").mkdir(parents=True)
    with pytest.raises(OutputError, match="The reports cannot be written"):
        display.files(passed, tmp_path / "kept")
