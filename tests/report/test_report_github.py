"""What recon tells GitHub Actions, read as its runner reads it."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledgers import HEADLINE, LEDGER
from markdown_it import MarkdownIt
from msgspec.structs import replace
from support import edit_report, run_in_process, verify
from verifications import HOSTILE, TEXTS, Page, with_outcomes

from recon.demo import plant
from recon.model import Outcome
from recon.report.github import ANNOTATIONS, SUMMARY_BYTES, annotate, inert, summary
from recon.report.text import accounted_line, checks_line, printable

if TYPE_CHECKING:
    from pathlib import Path

    from support import Finished

    from recon.demo import DemoPaths
    from recon.model import Verification

# As the runner: a command of today starts its line, blanks aside; one of the older form may stand anywhere in it.
COMMAND = re.compile(r"^\s*::(\w[\w-]*)(?: title=([^:,]*))?::(.*)$")
OLDER_COMMAND = re.compile(r"##\[[^\]]*\]")


def commands(text: str) -> list[tuple[str, str, str]]:
    """Kind, title and message of each workflow command, decoded."""
    assert not OLDER_COMMAND.search(text)
    found = [line for line in text.splitlines() if line.lstrip().startswith("::")]
    parsed = [COMMAND.match(line) for line in found]
    assert all(parsed)
    return [(m[1], decoded(m[2]), decoded(m[3])) for m in parsed if m]


def decoded(text: str) -> str:
    for code, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(code, character)
    return text


def on_github(demo: DemoPaths, *arguments: object, **environment: str) -> Finished:
    report = () if "-o" in arguments else ("-o", demo.bundle.parent / "report.md")
    return run_in_process("verify", "-b", demo.bundle, "--database", demo.database, *report, *arguments, **environment)


def test_nothing_is_reported_where_nothing_asks(demo: DemoPaths) -> None:
    plant(["missing-members"], demo.bundle, demo.database)
    assert commands(on_github(demo).out) == []
    assert commands(on_github(demo, GITHUB_ACTIONS="false").out) == []


def test_annotations_name_the_verdict_and_each_check_that_did_not_pass(demo: DemoPaths) -> None:
    plant(["missing-members", "newer-run"], demo.bundle, demo.database)
    done, found = on_github(demo, GITHUB_ACTIONS="true"), verify(demo)
    assert done.code == 1
    reported = commands(done.out)
    titles = [f"{check.outcome}: {check.name}" for check in found.unpassed]
    assert [title for _, title, _ in reported] == ["Verification FAILED", *titles]
    assert {"FAIL: Member Count", "WARN: Run ID Match"} <= set(titles)
    assert {kind for kind, title, _ in reported if title.startswith("WARN")} == {"warning"}
    assert reported[0][2] == f"Checks: {checks_line(found.summary)}; accounted for: {accounted_line(found.ledger)}"
    assert reported[1][2].startswith("Member count mismatch: expected 60, got ")
    assert reported[1][2].endswith("Compare bundle vs DB, check for errors")


def test_the_headline_of_the_ledger_stands_in_the_summary_and_beside_the_verdict(passed: Verification) -> None:
    found = replace(with_outcomes(passed, Outcome.FAIL), ledger=LEDGER)
    assert f"Accounted for: {HEADLINE}" in summary(found, SUMMARY_BYTES).partition("<details>")[0]
    assert next(annotate(found)).endswith(f"::Checks: 0 passed, 1 failed, 0 warnings; accounted for: {HEADLINE}")


def test_a_passed_verification_annotates_nothing(demo: DemoPaths) -> None:
    assert commands(on_github(demo, GITHUB_ACTIONS="true").out) == []


def test_a_check_that_was_not_evaluated_is_an_error(passed: Verification) -> None:
    reported = commands("\n".join(annotate(with_outcomes(passed, Outcome.PASS, Outcome.ERROR))))
    assert [(kind, title) for kind, title, _ in reported] == [
        ("error", "Verification INCOMPLETE"),
        ("error", "ERROR: Check 2"),
    ]


@pytest.mark.parametrize("checks, more", [(9, 0), (10, 2), (25, 17)])
def test_no_kind_has_more_annotations_than_github_shows(passed: Verification, checks: int, more: int) -> None:
    reported = commands("\n".join(annotate(with_outcomes(passed, *[Outcome.FAIL] * checks, *[Outcome.WARN] * 11))))
    errors = [message for kind, _, message in reported if kind == "error"]
    warnings = [message for kind, _, message in reported if kind == "warning"]
    assert len(errors) == len(warnings) == ANNOTATIONS
    assert warnings[-1] == "2 more; the report names each of them"
    assert (errors[-1] == f"{more} more; the report names each of them") is (more > 0)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_data_adds_no_annotation(passed: Verification, text: str) -> None:
    check = replace(passed.checks[0], outcome=Outcome.FAIL, name=text, message=text, detail=text)
    written = "\n".join(annotate(replace(passed, checks=(check,))))
    assert len(written.splitlines()) == 2
    shown = printable(text).replace("##[", "## [")
    assert commands(written)[1][1] == f"FAIL: {shown}"
    assert commands(written)[1][2].startswith(shown)


@given(st.one_of(TEXTS, st.lists(st.sampled_from(["#", "[", "]", ":", " ", "a"])).map("".join)))
def test_no_line_that_was_made_inert_is_a_command(text: str) -> None:
    for line in text.splitlines():
        made = inert(line)
        assert not COMMAND.match(made)
        assert not OLDER_COMMAND.search(made)
        assert made.replace(" ", "") == line.replace(" ", "")


@pytest.mark.parametrize("stream", ["console", "error"])
def test_a_bundle_cannot_speak_to_the_runner(demo: DemoPaths, stream: str) -> None:
    owned = "##[error]owned"
    key = "runId" if stream == "console" else "startedAt"
    edit_report(demo.bundle, lambda report: report.update({key: owned}))
    done = on_github(demo, GITHUB_ACTIONS="true")
    assert "owned" in (done.out if stream == "console" else done.err)
    assert {kind for kind, _, _ in commands(done.out + done.err)} <= {"error", "warning"}


def test_the_summary_gives_the_verdict_first_and_folds_the_rest(demo: DemoPaths, tmp_path: Path) -> None:
    plant(["missing-members"], demo.bundle, demo.database)
    file = tmp_path / "summary.md"
    file.write_text("# An earlier step\n", encoding="utf-8")
    assert on_github(demo, GITHUB_STEP_SUMMARY=str(file)).code == 1
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# An earlier step\n\n# Post-Migration Verification\n\n**Verification FAILED**")
    before, *folded = text.split("<details><summary>")
    assert "**FAIL** Member Count" in before
    assert [part.partition("<")[0] for part in folded] == [
        "Summary",
        "Count Comparison",
        "Record Ledger",
        "Tier Distribution",
        "Verification Checks",
        "Policy Verification",
        "What Failed",
    ]
    page = Page(MarkdownIt("commonmark").enable("table").render(text))
    assert {"details", "summary", "table"} <= page.tags


def test_a_summary_without_its_file_yet_is_made(demo: DemoPaths, tmp_path: Path) -> None:
    file = tmp_path / "summary.md"
    assert on_github(demo, GITHUB_STEP_SUMMARY=str(file)).code == 0
    assert "**Verification PASSED**" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "most_bytes, verdict, left_out",
    [
        (SUMMARY_BYTES, True, False),
        (20_000, True, False),
        (3_000, True, True),
        (600, True, True),
        (250, True, True),
        (100, False, True),
        (50, False, False),
        (-5, False, False),
    ],
)
def test_a_summary_stays_within_its_size(capped: Verification, most_bytes: int, verdict: bool, left_out: bool) -> None:
    text = summary(capped, most_bytes)
    assert len(text.encode()) <= max(0, most_bytes)
    assert text.count("<details>") == text.count("</details>")
    assert ("was left out" in text, "**Verification FAILED**" in text) == (left_out, verdict)


def test_a_summary_makes_room_for_what_the_step_wrote_before(demo: DemoPaths, tmp_path: Path) -> None:
    file = tmp_path / "summary.md"
    file.write_text("x" * (SUMMARY_BYTES - 1000), encoding="utf-8")
    assert on_github(demo, GITHUB_STEP_SUMMARY=str(file)).code == 0
    assert file.stat().st_size <= SUMMARY_BYTES
    assert "was left out" in file.read_text(encoding="utf-8")


def test_a_summary_that_cannot_be_written_changes_no_verdict(demo: DemoPaths, tmp_path: Path) -> None:
    done = on_github(demo, GITHUB_STEP_SUMMARY=str(tmp_path / "nowhere" / "summary.md"))
    assert done.code == 0
    assert re.fullmatch(r"Warning: the step's summary was not written \(GITHUB_STEP_SUMMARY\): [^\n]+\n", done.err)
    assert "  Verification PASSED\n" in done.out


def test_annotations_leave_a_report_on_standard_output_alone(demo: DemoPaths) -> None:
    with closing(sqlite3.connect(demo.database)) as database, database:
        database.execute('delete from "EventRegistration" where rowid = 1')
    done = on_github(demo, "-o", "-", GITHUB_ACTIONS="true")
    assert done.out.startswith("# Post-Migration Verification\n")
    assert commands(done.out) == []
    assert [title for _, title, _ in commands(done.err)][:2] == ["Verification FAILED", "FAIL: Registration Count"]
