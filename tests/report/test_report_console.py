from __future__ import annotations

import dataclasses
import os
import pty
import re
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pyte
import pytest
from ledgers import HEADLINE, LEDGER
from msgspec.structs import replace
from support import edit_report, run_recon

from recon.bundle import open_bundle
from recon.model import Escalation, Outcome, Summary, Verification
from recon.report.console import Console
from recon.report.text import age_sentence, age_words, checks_line, plural, printable, timestamp
from recon.verification.options import VerifyOptions

if TYPE_CHECKING:
    from recon.demo import DemoPaths

RECON = Path(sys.executable).with_name("recon")
ESCAPE = "\x1b["
GREEN, YELLOW, RED = (f"{ESCAPE}{code}m" for code in (32, 33, 31))
STARTED = datetime(2024, 1, 15, 14, 30, tzinfo=UTC)


def with_outcomes(verification: Verification, *outcomes: Outcome) -> Verification:
    """The verification with as many checks as there are outcomes."""
    pairs = zip(verification.checks, outcomes, strict=False)
    checks = tuple(replace(check, outcome=outcome, message="m", detail="why") for check, outcome in pairs)
    return replace(verification, checks=checks)


def on_terminal(
    *arguments: object, cwd: Path, stdout: bool = True, both: bool = False, **environment: str
) -> tuple[str, str]:
    """Run recon with stdout or stderr, or both, on a terminal of its own; what it showed, and what the other got."""
    master, slave = pty.openpty()
    piped, pipe = os.pipe()
    cleaned = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "DATABASE_URL")}
    process = subprocess.Popen(
        [RECON, *map(str, arguments)],
        stdout=slave if stdout else pipe,
        stderr=slave if both or not stdout else pipe,
        cwd=cwd,
        env=cleaned | {"TERM": "xterm-256color"} | environment,
    )
    os.close(slave)
    os.close(pipe)
    shown: dict[int, bytes] = {}
    readers = [Thread(target=lambda f=file: shown.update({f: read_all(f)})) for file in (master, piped)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(timeout=120)
    process.wait(timeout=120)
    os.close(master)
    os.close(piped)
    terminal, other = (shown[file].decode().replace("\r\n", "\n") for file in (master, piped))
    return (terminal, other) if stdout else (other, terminal)


def read_all(file: int) -> bytes:
    """What was written until the last writer closed; Linux tells that of a terminal by an error."""
    data = b""
    try:
        while chunk := os.read(file, 65536):
            data += chunk
    except OSError:
        return data
    return data


def screen_of(written: str) -> list[str]:
    """What a terminal shows in the end, line by line, without the empty ones below; what was on it stays."""
    screen = pyte.Screen(200, 300)
    pyte.Stream(screen).feed(written.replace("\n", "\r\n"))
    assert not screen.cursor.hidden
    return "\n".join(line.rstrip() for line in screen.display).rstrip().split("\n")


def without_times(line: str) -> str:
    return re.sub(r"\d+ms|(?<=Started: ).*|\d+ days? .* before", "…", line)


# The last table is one that the catalogue shows whole, and that fails when its rows are read.
REFUSED_WHEN_READ = """
ALTER TABLE "EventRegistration" RENAME TO "Kept";
CREATE VIEW "EventRegistration" AS
  SELECT id, "eventId", status, "registeredAt", json_extract('{', '$') AS "memberId" FROM "Kept";
"""
VERIFY = ("verify", "-b", "bundle", "--database", "club.db")


def test_a_terminal_gets_colours(demo: DemoPaths) -> None:
    out, err = on_terminal(*VERIFY, cwd=demo.bundle.parent)
    assert f"  {GREEN}[PASS]{ESCAPE}0m Member Count: " in out
    assert f"  {GREEN}{ESCAPE}1mVerification PASSED{ESCAPE}0m\n" in out
    assert err == ""


def test_each_outcome_has_its_colour(demo: DemoPaths) -> None:
    edit_report(demo.bundle, lambda report: report["members"].update(created=61))
    edit_report(demo.bundle, lambda report: report.pop("completedAt"))
    out, _ = on_terminal(*VERIFY, cwd=demo.bundle.parent)
    assert f"{RED}[FAIL]{ESCAPE}0m Member Count: " in out
    assert f"{YELLOW}[WARN]{ESCAPE}0m Import Completed: " in out
    assert f"{RED}{ESCAPE}1mVerification FAILED" in out


def test_no_color_keeps_a_terminal_plain(demo: DemoPaths) -> None:
    out, _ = on_terminal(*VERIFY, cwd=demo.bundle.parent, NO_COLOR="1")
    assert "  [PASS] Member Count: " in out
    assert "\x1b" not in out


def test_an_empty_no_color_does_not_count(demo: DemoPaths) -> None:
    out, _ = on_terminal(*VERIFY, cwd=demo.bundle.parent, NO_COLOR="")
    assert f"{GREEN}[PASS]" in out


def test_a_terminal_keeps_whole_lines_and_no_progress(demo: DemoPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(demo.bundle.parent)
    verify = (*VERIFY, "-f", "html", "-f", "markdown")
    shown, _ = on_terminal(*verify, cwd=demo.bundle.parent, both=True, NO_COLOR="1")
    assert [*map(without_times, screen_of(shown))] == [*map(without_times, run_recon(*verify).out.splitlines())]
    evaluated = [f"evaluating checks: {number} of 18" for number in range(19)]
    for words in ("reading the bundle", "connecting", "accounting for every record", *evaluated, "writing the report"):
        assert words in shown


def test_progress_goes_to_a_terminal_on_stderr_alone(demo: DemoPaths) -> None:
    out, err = on_terminal(*VERIFY, "-o", "-", cwd=demo.bundle.parent, stdout=False)
    assert "# Post-Migration Verification" in out
    assert not {"\x1b", "\r"} & {*out}
    assert "evaluating checks: 0 of 18" in err
    assert "Verification PASSED" in (block := "\n".join(screen_of(err)))
    assert "evaluating checks" not in block


@pytest.mark.parametrize("name, value", [("TERM", "dumb"), ("TTY_INTERACTIVE", "0")])
def test_a_terminal_that_cannot_move_its_cursor_gets_no_progress(
    demo: DemoPaths, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv(name, value)
    assert on_terminal(*VERIFY, cwd=demo.bundle.parent, stdout=False, TERM=os.environ["TERM"])[1] == ""


def test_progress_is_wiped_before_an_error_is_reported(demo: DemoPaths) -> None:
    with closing(sqlite3.connect(demo.database)) as connection, connection:
        connection.executescript(REFUSED_WHEN_READ)
    out, err = on_terminal(*VERIFY, cwd=demo.bundle.parent, stdout=False)
    assert out.endswith("[2/4] Connecting to database...\n")
    assert "connecting" in err
    (said,) = screen_of(err)
    assert said.startswith("Database error: ")


def test_nothing_but_the_block_is_shown_when_piped(demo: DemoPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(demo.bundle.parent)
    done = run_recon(*VERIFY, TERM="xterm-256color")
    assert done.err == ""
    assert "\x1b" not in done.out
    assert "\r" not in done.out


def test_nothing_from_a_bundle_steers_the_terminal(demo: DemoPaths) -> None:
    steering = "\x1b[31m-\x1b]0;title\x07-\x9b31m-a\rb-\x08\x08-\u202egnp-a\nb-\0-\u2028-\u2066"
    edit_report(demo.bundle, lambda report: report.update(runId=f"run-{steering}-end"))
    died = {"entity": "system", "message": f"it {steering} died"}
    edit_report(demo.bundle, lambda report: report["errors"].append(died))
    out, err = on_terminal(*VERIFY, cwd=demo.bundle.parent, NO_COLOR="1")
    assert err == ""
    assert re.search(r"^  - Run ID: run-.*-end$", out, flags=re.MULTILINE)
    assert re.search(r"^  \[FAIL\] Import Completed: .*it .* died", out, flags=re.MULTILINE)
    assert {c for c in out if not c.isprintable()} == {"\n"}


def test_nothing_from_a_wrong_bundle_steers_the_terminal(demo: DemoPaths) -> None:
    edit_report(demo.bundle, lambda report: report["members"].update(created="\x1b[31m\x07\u202e"))
    out, err = on_terminal(*VERIFY, cwd=demo.bundle.parent, stdout=False, TERM="dumb")
    assert "$.members.created" in err
    assert {c for c in out + err if not c.isprintable()} == {"\n"}


def test_an_option_from_the_command_line_does_not_steer_the_terminal(tmp_path: Path) -> None:
    _, err = on_terminal("verify", "--no\x1b[31m\x07", cwd=tmp_path, stdout=False)
    assert "--no" in err
    assert {c for c in err if not c.isprintable()} == {"\n"}


def test_the_header_names_the_bundle_as_it_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    Console().bundle_opening(VerifyOptions(bundle="./a b/../c/"), STARTED)
    assert capsys.readouterr().out.splitlines() == [
        "=" * 60,
        "  Post-Migration Verification",
        "  Started: 2024-01-15T14:30:00.000Z",
        "  Bundle: ./a b/../c/",
        "=" * 60,
        "",
        "[1/4] Loading migration bundle...",
    ]


@pytest.mark.parametrize(
    "completed, lines",
    [
        pytest.param(
            STARTED - timedelta(minutes=2),
            ["  - Completed: 2024-01-15T14:28:00.000Z", "  - Age: 2 minutes before this verification"],
            id="past",
        ),
        pytest.param(
            STARTED + timedelta(days=1),
            ["  - Completed: 2024-01-16T14:30:00.000Z", "  - Age: 1 day in the future: check the clocks"],
            id="future",
        ),
        pytest.param(
            None,
            [
                "  - Completed: not recorded",
                "  - Age: unknown: the report does not say when the import completed",
            ],
            id="unknown",
        ),
    ],
)
def test_the_time_since_the_import_is_reported(
    demo: DemoPaths, capsys: pytest.CaptureFixture[str], completed: datetime | None, lines: list[str]
) -> None:
    bundle = dataclasses.replace(open_bundle(demo.bundle), completed_at=completed)
    Console().bundle_opened(bundle, STARTED)
    assert capsys.readouterr().out.splitlines()[2:] == [*lines, ""]


@pytest.mark.parametrize("outcome", Outcome)
def test_a_check_shows_its_outcome_and_its_detail_unless_it_passed(
    passed: Verification, capsys: pytest.CaptureFixture[str], outcome: Outcome
) -> None:
    check = replace(passed.checks[0], outcome=outcome, name="Member Count", message="what", detail="why")
    Console().check_done(check)
    detail = "" if outcome is Outcome.PASS else "         why\n"
    assert capsys.readouterr().out == f"  [{outcome}] Member Count: what\n{detail}"


OPTIONS = VerifyOptions("a club's bundle", "club.db", expectations=("own", "more"), evidence_rows=5, show_pii=True)
ASKED = "--database club.db --expectations own --expectations more --evidence-rows 5 --show-pii"


@pytest.mark.parametrize(
    "outcome, violations, kept, line",
    [
        (Outcome.FAIL, 3, False, f"recon show 'a club'\"'\"'s bundle' check C {ASKED}"),
        (Outcome.FAIL, 3, True, "recon show 'my outputs/run-1' check C"),
        (Outcome.FAIL, None, True, None),
        (Outcome.WARN, 3, True, None),
    ],
)
def test_a_failed_check_ends_with_the_command_that_shows_its_rows(  # noqa: PLR0917 - fixtures are parameters
    outcome: Outcome,
    violations: int | None,
    kept: bool,
    line: str | None,
    passed: Verification,
    demo: DemoPaths,
    capsys: pytest.CaptureFixture[str],
) -> None:
    console = Console(kept_in=(lambda run_id, started: Path("my outputs/run-1")) if kept else None)  # noqa: ARG005
    console.bundle_opening(OPTIONS, STARTED)
    with open_bundle(demo.bundle) as bundle:
        console.bundle_opened(bundle, STARTED)
    capsys.readouterr()
    check = replace(passed.checks[0], id="C", outcome=outcome, detail="why", violation_count=violations)
    console.check_done(check)
    *_, last = capsys.readouterr().out.splitlines()
    assert last == (f"         {line}" if line else "         why")
    if line:
        assert shlex.split(line)[:2] == ["recon", "show"]


def test_the_headline_stands_between_the_last_check_and_the_next_step(
    demo: DemoPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(demo.bundle.parent)
    lines = run_recon(*VERIFY).out.splitlines()
    at = lines.index("  accounted for: 222 of 222 records, 0 unexplained")
    assert lines[at - 1].startswith("  [PASS] ")
    assert lines[at + 1 : at + 3] == ["", "[4/4] Generating verification report..."]


@pytest.mark.parametrize("verbose", [False, True])
def test_the_ledger_follows_the_checks(capsys: pytest.CaptureFixture[str], verbose: bool) -> None:
    Console(verbose=verbose).accounted(LEDGER)
    headline, *others = capsys.readouterr().out.splitlines()
    assert headline == f"  accounted for: {HEADLINE}"
    assert ("Matched by" in "".join(others)) == verbose


@pytest.mark.parametrize(
    "outcomes, footer",
    [
        pytest.param([Outcome.PASS] * 3, ["PASSED", "3 passed, 0 failed, 0 warnings"], id="passed"),
        pytest.param([Outcome.PASS, Outcome.WARN], ["PASSED", "1 passed, 0 failed, 1 warning"], id="warned"),
        pytest.param([Outcome.FAIL, Outcome.WARN], ["FAILED", "0 passed, 1 failed, 1 warning"], id="failed"),
        pytest.param(
            [Outcome.FAIL, Outcome.ERROR], ["FAILED", "0 passed, 1 failed, 0 warnings, 1 not evaluated"], id="both"
        ),
        pytest.param(
            [Outcome.PASS, Outcome.ERROR, Outcome.ERROR],
            ["INCOMPLETE", "1 passed, 0 failed, 0 warnings, 2 not evaluated"],
            id="incomplete",
        ),
        pytest.param([], ["INCOMPLETE", "0 passed, 0 failed, 0 warnings"], id="no-check"),
    ],
)
def test_the_footer_gives_verdict_and_numbers(
    passed: Verification, capsys: pytest.CaptureFixture[str], outcomes: list[Outcome], footer: list[str]
) -> None:
    verification = replace(with_outcomes(passed, *outcomes), duration_ms=1523)
    Console().finished(verification, "Report written to: ./report.md")
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["  - Report written to: ./report.md", ""]
    assert lines[-5:] == [
        "=" * 60,
        f"  Verification {footer[0]}",
        f"  Checks: {footer[1]}",
        "  Duration: 1523ms",
        "=" * 60,
    ]
    assert [line.partition(":")[0] for line in lines[2:-5]] == ([] if footer[0] == "PASSED" else ["Next step", ""])


def test_an_escalation_is_reported_before_the_footer(passed: Verification, capsys: pytest.CaptureFixture[str]) -> None:
    escalation = Escalation(True, ("Orphans: integrity", "Several"), "Merge captain", "High", "Warned", "Escalate")
    Console().finished(replace(passed, escalation=escalation), "Report written to: r.md")
    assert capsys.readouterr().out.splitlines()[:9] == [
        "  - Report written to: r.md",
        "",
        "Escalate to: Merge captain (priority: High)",
        "  - Orphans: integrity",
        "  - Several",
        "",
        "Next step: Warned - Escalate",
        "",
        "=" * 60,
    ]


def test_verbose_reports_what_was_read_and_what_was_not(
    passed: Verification, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot = replace(passed.snapshot, not_read={"target.runs": "the database has none"})
    Console(verbose=True).database_read(snapshot)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["  - Members: 60", "  - Events: 12", "  - Registrations: 150"]
    assert "  - tiers: 7 rows" in lines
    assert f"  - Database: {snapshot.database}" in lines
    assert f"  - Snapshot: {snapshot.guarantee}" in lines
    assert lines[-2:] == ["  - Not read: target.runs: the database has none", ""]


def test_verbose_reports_the_time_of_each_step(passed: Verification, capsys: pytest.CaptureFixture[str]) -> None:
    timed = replace(passed, timings_ms={"read database": 271, "evaluate rules": 9})
    Console(verbose=True).finished(timed, "r.md")
    assert "\n  read database: 271 ms\n  evaluate rules: 9 ms\n\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "moment, text",
    [
        pytest.param(datetime(2024, 1, 15, 14, 30, tzinfo=UTC), "2024-01-15T14:30:00.000Z", id="utc"),
        pytest.param(
            datetime(2024, 1, 15, 14, 30, tzinfo=timezone(timedelta(hours=-8))), "2024-01-15T22:30:00.000Z", id="zone"
        ),
        pytest.param(datetime(2024, 1, 15, 14, 30, 0, 999999, tzinfo=UTC), "2024-01-15T14:30:00.999Z", id="micros"),
        pytest.param(datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000Z", id="first"),
        pytest.param(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), "9999-12-31T23:59:59.000Z", id="last"),
    ],
)
def test_a_time_is_written_in_utc_with_milliseconds(moment: datetime, text: str) -> None:
    assert timestamp(moment) == text


@pytest.mark.parametrize(
    "age, words",
    [
        (timedelta(0), "less than a second"),
        (timedelta(milliseconds=999), "less than a second"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=119), "1 minute 59 seconds"),
        (timedelta(hours=25), "1 day 1 hour"),
        (timedelta(days=3, seconds=5), "3 days 5 seconds"),
        (timedelta(days=1041, hours=23, minutes=59), "1,041 days 23 hours"),
        (timedelta(seconds=-90), "1 minute 30 seconds"),
    ],
    ids=str,
)
def test_an_age_is_reported_in_its_two_largest_units(age: timedelta, words: str) -> None:
    assert age_words(age) == words


def test_an_age_says_which_way_it_goes() -> None:
    assert age_sentence(timedelta(minutes=2)) == "2 minutes before this verification"
    assert age_sentence(timedelta(minutes=-2)) == "2 minutes in the future: check the clocks"
    assert age_sentence(None).startswith("unknown")


@pytest.mark.parametrize("count, text", [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (8603, "8,603 rows")], ids=str)
def test_one_is_singular(count: int, text: str) -> None:
    assert plural(count, "row") == text


def test_the_footer_names_what_was_not_evaluated_only_when_there_is_some() -> None:
    assert checks_line(Summary(8, 8, 0, 0, 0)) == "8 passed, 0 failed, 0 warnings"
    assert checks_line(Summary(8, 5, 1, 1, 1)) == "5 passed, 1 failed, 1 warning, 1 not evaluated"


@pytest.mark.parametrize(
    "value, text",
    [
        pytest.param("plain text, 100 %", "plain text, 100 %", id="ascii"),
        pytest.param("Übersicht 会員 😀", "Übersicht 会員 😀", id="unicode"),
        pytest.param(None, "", id="none"),
        pytest.param(2147, "2147", id="number"),
        pytest.param("a\nb\r\tc", "a b  c", id="line-breaks-are-spaces"),
        pytest.param("\x1b[31m\x07\x00", "\\x1b[31m\\x07\\x00", id="control"),
        pytest.param("\x85\x9b", "\\x85\\x9b", id="c1-control"),
        pytest.param("\u202e\u2066\u200b\ufeff", "\\u202e\\u2066\\u200b\\ufeff", id="format"),
        pytest.param("\u2028\u2029", "\\u2028\\u2029", id="separators"),
        pytest.param("\ud800\ue000", "\\ud800\\ue000", id="surrogate-and-private-use"),
        pytest.param("\U000e0001", "\\U000e0001", id="tag"),
    ],
)
def test_printable_text_shows_what_cannot_be_seen(value: Any, text: str) -> None:
    assert printable(value) == text
