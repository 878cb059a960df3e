from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from dry_runs import dry_club, options_of
from support import edit_report

from recon.errors import UsageError
from recon.model import Check, Fact, Outcome
from recon.preflight.decisions import decisions_file, read_decisions, record_decision
from recon.preflight.people import PeopleOptions, ask_people, checklist
from recon.preflight.reviewing import ReviewOptions, review
from recon.preflight.signing import Signoff, SignoffOptions, sign_off
from recon.preflight.windows import MaintenanceWindow, parse_window, recorded_window

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recon.demo import DemoPaths
    from recon.model import Assessment

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
WINDOW = "2026-12-01 22:00/2026-12-02 02:00 Europe/Berlin"
OPENS = datetime(2026, 12, 1, 21, tzinfo=UTC)
SMALL = {"members": 12, "events": 6, "registrations": 30}


@pytest.fixture(scope="module")
def dry(tmp_path_factory: pytest.TempPathFactory) -> DemoPaths:
    """A dry run; no test may change it."""
    return dry_club(size=SMALL).write(tmp_path_factory.mktemp("dry"))


def asked(outputs: Path, **options: Any) -> tuple[dict[str, str], dict[str, Check]]:
    """Facts by label, and checks by id without its prefix."""
    found = list(ask_people(PeopleOptions(outputs, **({"now": NOW} | options))))
    facts = {one.label: one.value for one in found if isinstance(one, Fact)}
    return facts, {one.id.removeprefix("people_"): one for one in found if isinstance(one, Check)}


def outcomes(checks: dict[str, Check]) -> dict[str, str]:
    return {name: str(check.outcome) for name, check in checks.items()}


def signed(outputs: Path, **options: Any) -> Signoff:
    return sign_off(SignoffOptions(outputs, by="Jane Doe", **({"now": NOW} | options)))


def reviewed(
    dry: DemoPaths, outputs: Path, confirm: Callable[[str], bool] = lambda _: True, **options: Any
) -> Assessment:
    given = {"by": "Jane Doe"} | options
    return review(ReviewOptions(options_of(dry), outputs, **given), confirm)


def test_before_anybody_decided_everything_is_open(tmp_path: Path) -> None:
    facts, checks = asked(tmp_path)
    assert outcomes(checks) == {"decisions": "WARN", "reviewed": "FAIL", "notified": "FAIL", "window": "WARN"}
    assert [label for label in facts if label.startswith("[ ]")] == [
        "[ ] Backup created and verified",
        "[ ] Dry run completed and reviewed",
        "[ ] Policy bundle validated",
        "[ ] Stakeholders notified",
        "[ ] Maintenance window scheduled (if applicable)",
    ]
    assert not decisions_file(tmp_path).exists()


def test_with_all_decisions_nothing_is_open_within_the_window(dry: DemoPaths, tmp_path: Path) -> None:
    reviewed(dry, tmp_path)
    signed(tmp_path, notified=["Board, webmaster", "  Zoë  Alm ,"], window=WINDOW)
    judged = {"backup": Outcome.PASS, "policies": Outcome.WARN}
    facts, checks = asked(tmp_path, bundle=dry.bundle, now=OPENS + timedelta(hours=1), judged=judged)
    assert outcomes(checks) == dict.fromkeys(["decisions", "reviewed", "notified", "window"], "PASS")
    assert checks["notified"].message.startswith("Board, webmaster, Zoë Alm; recorded by Jane Doe at 20")
    assert len([label for label in facts if label.startswith("[x]")]) == 5
    head = read_decisions(decisions_file(tmp_path)).head
    assert facts["Decisions"].endswith(f"2 decisions, the last one's SHA-256 {head}")


def test_what_another_part_failed_stays_open(tmp_path: Path) -> None:
    facts, _ = asked(tmp_path, judged={"backup": Outcome.FAIL, "policies": Outcome.ERROR})
    assert (facts["[ ] Backup created and verified"], facts["[ ] Policy bundle validated"]) == ("open", "open")


@pytest.mark.parametrize(
    "now,outcome,words",
    [
        (OPENS - timedelta(hours=33), "WARN", "The window opens in 1 day 9 hours"),
        (OPENS - timedelta(seconds=1), "WARN", "The window opens in 1 second"),
        (OPENS, "PASS", "Open for another 4 hours"),
        (OPENS + timedelta(hours=4), "PASS", "Open for another less than a second"),
        (OPENS + timedelta(hours=4, seconds=1), "FAIL", "The window ended 1 second ago"),
    ],
)
def test_the_window_is_not_open_yet_open_or_over(tmp_path: Path, now: datetime, outcome: str, words: str) -> None:
    signed(tmp_path, window=WINDOW)
    _, checks = asked(tmp_path, now=now)
    assert (str(checks["window"].outcome), checks["window"].message.startswith(words)) == (outcome, True)
    assert "2026-12-01 22:00 to 2026-12-02 02:00 Europe/Berlin (4 hours)" in checks["window"].message


def test_the_newest_window_counts_also_where_none_is_needed(tmp_path: Path) -> None:
    signed(tmp_path, window=WINDOW, notified=["Board"])
    signed(tmp_path, window=WINDOW.replace("12-01", "12-03").replace("12-02", "12-04"))
    assert "2026-12-03 22:00" in asked(tmp_path)[1]["window"].message
    signed(tmp_path, no_window=True)
    facts, checks = asked(tmp_path)
    assert checks["window"].message.startswith("None is needed; recorded by Jane Doe")
    assert checks["notified"].outcome is Outcome.PASS
    assert "[x] Maintenance window scheduled (if applicable)" in facts


def test_a_review_of_another_bundle_or_of_none_named_is_no_pass(dry: DemoPaths, tmp_path: Path) -> None:
    other = dry_club(size=SMALL).write(tmp_path / "other")
    edit_report(other.bundle, lambda report: report.update(runId="run-2"))
    reviewed(dry, tmp_path)
    _, checks = asked(tmp_path, bundle=other.bundle)
    assert checks["reviewed"].outcome is Outcome.FAIL
    assert "the last review is of another: run-20240115-143000 reviewed by Jane Doe" in checks["reviewed"].message
    _, checks = asked(tmp_path)
    assert (checks["reviewed"].outcome, "not compared" in checks["reviewed"].message) == (Outcome.WARN, True)
    reviewed(other, tmp_path)
    assert asked(tmp_path, bundle=dry.bundle)[1]["reviewed"].outcome is Outcome.PASS


def test_a_bundle_that_cannot_be_opened_is_an_error_of_that_check_alone(tmp_path: Path) -> None:
    signed(tmp_path, notified=["Board"], no_window=True)
    _, checks = asked(tmp_path, bundle=tmp_path / "none")
    assert outcomes(checks) == {"decisions": "PASS", "reviewed": "ERROR", "notified": "PASS", "window": "PASS"}
    assert "not found" in checks["reviewed"].message


def test_on_a_changed_file_nothing_is_known(tmp_path: Path) -> None:
    signed(tmp_path, notified=["Board"])
    signed(tmp_path, no_window=True)
    file = decisions_file(tmp_path)
    file.write_text(file.read_text(encoding="utf-8").replace("Board", "Bored"), encoding="utf-8")
    facts, checks = asked(tmp_path)
    assert outcomes(checks) == dict.fromkeys(["decisions", "reviewed", "notified", "window"], "ERROR")
    assert "line 1" in checks["decisions"].message
    assert facts == {}


def test_a_line_that_was_cut_off_warns_and_counts_for_nothing(tmp_path: Path) -> None:
    signed(tmp_path, notified=["Board"])
    signed(tmp_path, notified=["Nobody"])
    file = decisions_file(tmp_path)
    file.write_bytes(file.read_bytes()[:-20])
    _, checks = asked(tmp_path)
    assert (checks["decisions"].outcome, checks["notified"].message.partition(";")[0]) == (Outcome.WARN, "Board")
    assert "Line 2" in checks["decisions"].message


def test_a_signoff_says_what_it_recorded_and_what_is_open(tmp_path: Path) -> None:
    done = signed(tmp_path, notified=["Board"], window=WINDOW, note="Backup of  Monday\x1b[31m")
    assert list(done.lines) == [
        f"Recorded in {decisions_file(tmp_path)}: signoff by Jane Doe",
        "Notified: Board",
        "Maintenance window: 2026-12-01 22:00 to 2026-12-02 02:00 Europe/Berlin (4 hours)",
        "Note: Backup of Monday\\x1b[31m",
        f"SHA-256 of the line: {read_decisions(decisions_file(tmp_path)).head}",
    ]
    assert done.checklist == checklist(tmp_path, NOW)
    assert [item.label[:3] for item in done.checklist] == ["[ ]", "[ ]", "[ ]", "[x]", "[x]"]


@pytest.mark.parametrize(
    "options,words",
    [
        ({}, "nothing to sign"),
        ({"notified": [""]}, "Nobody is named as notified"),
        ({"notified": [" , ,"]}, "Nobody is named as notified"),
        ({"notified": ["x" * 2001]}, "2,001 characters"),
        ({"note": "  "}, "The note says nothing"),
        ({"note": "x" * 2001}, "The note is too long"),
        ({"window": WINDOW, "no_window": True}, "cannot be set and not be needed"),
        ({"window": WINDOW, "by": " "}, "--by NAME"),
    ],
)
def test_what_says_nothing_is_not_recorded(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        sign_off(SignoffOptions(tmp_path, now=NOW, **({"by": "Jane"} | options)))
    assert not decisions_file(tmp_path).exists()


@pytest.mark.parametrize(
    "text,start,end,zone",
    [
        (WINDOW, "2026-12-01T21:00", "2026-12-02T01:00", "Europe/Berlin"),
        ("2026-12-01T22:00:30/2026-12-02T02:00 UTC", "2026-12-01T22:00:30", "2026-12-02T02:00", "UTC"),
        ("2026-12-01T22:00Z/2026-12-02T02:00Z", "2026-12-01T22:00", "2026-12-02T02:00", "Z"),
        (" 2026-12-01 22:00 / 2026-12-02 02:00 +01:00 ", "2026-12-01T21:00", "2026-12-02T01:00", "+01:00"),
        (
            "2026-12-01 22:00 America/Los_Angeles/2026-12-02 12:00 Europe/Berlin",
            "2026-12-02T06:00",
            "2026-12-02T11:00",
            "Europe/Berlin",
        ),
        (
            "2027-10-31 02:30+01:00/2027-10-31 04:00 Europe/Berlin",
            "2027-10-31T01:30",
            "2027-10-31T03:00",
            "Europe/Berlin",
        ),
    ],
)
def test_a_window_is_read_in_its_zone(text: str, start: str, end: str, zone: str) -> None:
    window = parse_window(text, NOW)
    moments = [datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in (start, end)]
    assert window == MaintenanceWindow(moments[0], moments[1], zone)
    assert recorded_window(window.document) == window


@pytest.mark.parametrize(
    "text,words",
    [
        ("", "not understood"),
        ("tonight", "not understood"),
        ("2026-12-01/2026-12-02 Europe/Berlin", "not understood"),
        ("2026-12-01 22:00 Europe/Berlin", "not understood"),
        ("2026-12-01 22:00/2026-12-02 02:00", "no time zone"),
        ("2026-12-01 22:00/2026-12-02 02:00 Europe/Atlantis", "zone is unknown"),
        ("2026-12-01 22:00/2026-12-02 02:00 ../../etc/passwd", "zone is unknown"),
        ("2026-12-01 22:00/2026-12-02 02:00 Europe", "zone is unknown"),
        ("2026-12-01 22:00/2026-12-02 02:00 +99:99", "zone is unknown"),
        ("2026-12-02 02:00/2026-12-01 22:00 UTC", "ends before it starts"),
        ("2026-12-01 22:00/2026-12-01 22:00 UTC", "ends before it starts"),
        ("2026-11-30 08:00/2026-11-30 12:00 UTC", "is over"),
        ("2026-13-01 22:00/2026-12-02 02:00 UTC", "does not exist"),
        ("2026-12-01 25:00/2026-12-02 02:00 UTC", "does not exist"),
        ("2027-03-28 02:30/2027-03-28 05:00 Europe/Berlin", "is skipped when the clocks change"),
        ("2027-10-31 02:30/2027-10-31 05:00 Europe/Berlin", "comes twice when the clocks change"),
    ],
)
def test_a_window_that_cannot_be_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse_window(text, NOW)


def test_a_review_is_recorded_with_what_was_seen(dry: DemoPaths, tmp_path: Path) -> None:
    questions: list[str] = []

    def agree(question: str) -> bool:
        questions.append(question)
        return True

    done = reviewed(dry, tmp_path, agree)
    (entry,) = read_decisions(decisions_file(tmp_path)).entries
    facts = {fact.label: fact.value for part in done.parts for fact in part.facts}
    assert (str(done.verdict), questions) == ("PASSED", ["Dry run PASSED. Reviewed?"])
    assert entry.seen is not None
    assert (entry.kind, entry.by, entry.seen.run_id) == ("review", "Jane Doe", "run-20240115-143000")
    assert (entry.seen.path, entry.seen.sha256) == (str(dry.bundle), facts["SHA-256"])
    assert facts["Last review"] == "none"
    assert entry.answers["facts"]["Members"].startswith("12 created")
    assert entry.answers["checks"]["Rows to Create"] == "PASS"


def test_a_second_review_says_what_changed(dry: DemoPaths, tmp_path: Path) -> None:
    reviewed(dry, tmp_path)
    facts = {fact.label: fact.value for fact in reviewed(dry, tmp_path).parts[1].facts}
    assert (facts["Last review"].startswith("of the same bundle, by Jane Doe at"), facts["Changed since"]) == (
        True,
        "nothing",
    )
    club = dry_club(size=SMALL)
    gone = club.records("members")[0]
    club.free_of_registrations(gone["_murmurantId"])
    club.remove("members", record=gone)
    club.records("events")[0]["title"] = ""
    other = club.write(tmp_path / "other")
    facts = {fact.label: fact.value for fact in reviewed(other, tmp_path).parts[1].facts}
    assert facts["Last review"].startswith("of run-20240115-143000, by Jane Doe")
    assert facts["Changed: Members"].startswith("12 created")
    assert "→ 11 created" in facts["Changed: Members"]
    assert facts["Changed: Required Fields"] == "PASS → FAIL"
    assert "Changed: Events" not in facts


def test_nothing_is_recorded_when_the_answer_is_no_or_checks_failed(dry: DemoPaths, tmp_path: Path) -> None:
    done = reviewed(dry, tmp_path, lambda _: False)
    assert (str(done.verdict), done.checks[-1].message) == ("FAILED", "Not recorded: the answer was no")
    bad = ReviewOptions(options_of(dry, max_age_h=0.5), tmp_path, "Jane Doe")
    done = review(bad, lambda _: pytest.fail("asked in vain"))
    assert done.checks[-1].message == "Not recorded: 1 check failed or could not be evaluated"
    assert not decisions_file(tmp_path).exists()


def test_a_review_despite_failures_says_why_and_stays_failed(dry: DemoPaths, tmp_path: Path) -> None:
    options = ReviewOptions(options_of(dry, max_age_h=0.5), tmp_path, "Jane Doe", "The source is frozen")
    done = review(options, lambda _: True)
    assert (str(done.verdict), done.checks[-1].outcome) == ("FAILED", Outcome.WARN)
    assert done.checks[-1].message.endswith("; despite FAILED: The source is frozen")
    _, checks = asked(tmp_path, bundle=dry.bundle)
    assert checks["reviewed"].outcome is Outcome.WARN
    assert checks["reviewed"].message.endswith("despite FAILED: The source is frozen")


def test_a_bundle_that_cannot_be_used_is_not_reviewed_despite_anything(dry: DemoPaths, tmp_path: Path) -> None:
    options = ReviewOptions(options_of(dry), tmp_path, "Jane Doe", "Whatever")
    gone = ReviewOptions(options.dry_run.__class__(tmp_path / "none", environment={}), tmp_path, "Jane", "Whatever")
    done = review(gone, lambda _: pytest.fail("asked in vain"))
    assert (str(done.verdict), done.checks[-1].outcome) == ("INCOMPLETE", Outcome.ERROR)
    with pytest.raises(UsageError, match="--despite"):
        review(ReviewOptions(options.dry_run, tmp_path, "Jane Doe", " "), lambda _: True)
    assert not decisions_file(tmp_path).exists()


def test_a_review_of_another_release_is_compared_as_far_as_it_goes(dry: DemoPaths, tmp_path: Path) -> None:
    record_decision(decisions_file(tmp_path), "review", ("Jane", None), {})
    facts = {fact.label: fact.value for fact in reviewed(dry, tmp_path).parts[1].facts}
    assert facts["Last review"].startswith("of another bundle, by Jane at")
    assert facts["Changed: Rows to Create"] == "none → PASS"
