from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dry_runs import completed, dry_club
from support import edit_report, run_in_process

from recon.cli import review as module
from recon.preflight.decisions import decisions_file, read_decisions

if TYPE_CHECKING:
    from recon.demo import DemoPaths

SMALL = {"members": 12, "events": 6, "registrations": 30}
OLD = ("--max-age", 10**6)


@pytest.fixture(scope="module")
def dry(tmp_path_factory: pytest.TempPathFactory) -> DemoPaths:
    """A dry run; no test may change it."""
    paths = dry_club(size=SMALL).write(tmp_path_factory.mktemp("dry"))
    assert completed(paths).year == 2024
    return paths


def arguments(dry: DemoPaths, outputs: Path, *others: object) -> list[object]:
    return ["review", dry.bundle, "--database", dry.database, "--outputs", outputs, *OLD, *others]


def test_a_review_without_a_terminal_names_who_did_it(dry: DemoPaths, tmp_path: Path) -> None:
    done = run_in_process(*arguments(dry, tmp_path, "--yes", "--by", "Jane Doe"))
    (entry,) = read_decisions(decisions_file(tmp_path)).entries
    assert (done.code, done.err, entry.by) == (0, "", "Jane Doe")
    assert "[2/2] Review...\n  - Last review: none\n  [PASS] Review: Recorded in" in done.out
    assert "  Dry-Run Review PASSED\n" in done.out
    strictly = run_in_process(*arguments(dry, tmp_path, "--yes", "--by", "Jane Doe", "--fail-on", "warning"))
    assert strictly.code == 1
    assert re.search(
        r"  Exit code 1: \d+ warnings?, which --fail-on warning counts as (a failure|failures)\n", strictly.out
    )


@pytest.mark.parametrize("given", [(), ("--yes",), ("--by", "Jane")])
def test_without_a_terminal_nobody_is_asked(dry: DemoPaths, tmp_path: Path, given: tuple[str, ...]) -> None:
    done = run_in_process(*arguments(dry, tmp_path, *given))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Usage error: There is no terminal to ask on")
    assert not decisions_file(tmp_path).exists()


@pytest.mark.parametrize(
    "typed,code,said", [("\n", 1, "Not recorded: the answer was no"), ("", 130, ""), ("maybe\nyes\n", 0, "Recorded in")]
)
def test_the_answer_decides(  # noqa: PLR0917 - fixtures and parameters
    dry: DemoPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, code: int, said: str
) -> None:
    monkeypatch.setattr(module, "_is_terminal", lambda: True)
    monkeypatch.setattr(sys, "stdin", StringIO(typed))
    done = run_in_process(*arguments(dry, tmp_path, "--by", "Jane"))
    assert (done.code, said in done.out) == (code, True)
    assert "Dry run PASSED. Reviewed? [y/N]:" in done.out + done.err
    assert decisions_file(tmp_path).exists() == (code == 0)


def test_on_a_terminal_the_account_reviews(dry: DemoPaths, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    program = [Path(sys.executable).with_name("recon"), *arguments(dry, tmp_path)]
    os.write(ours, b"y\n")
    done = subprocess.run(
        [str(word) for word in program],
        stdin=theirs,
        capture_output=True,
        timeout=120,
        check=False,
        env=os.environ | {"LOGNAME": "jane"},
    )
    os.close(ours)
    os.close(theirs)
    (entry,) = read_decisions(decisions_file(tmp_path)).entries
    assert (done.returncode, entry.by) == (0, "jane")


def test_a_report_on_standard_output_is_nothing_else(dry: DemoPaths, tmp_path: Path) -> None:
    done = run_in_process(*arguments(dry, tmp_path, "--yes", "--by", "Jane", "-f", "json", "-o", "-"))
    report = json.loads(done.out)
    assert (done.code, report["kind"], report["verdict"]) == (0, "review", "PASSED")
    assert [part["name"] for part in report["parts"]] == ["dry-run", "review"]


def test_what_failed_is_reviewed_only_despite_it(dry: DemoPaths, tmp_path: Path) -> None:
    given = ["review", "--bundle", dry.bundle, "--database", dry.database, "--outputs", tmp_path, "--yes", "--by", "Jo"]
    refused = run_in_process(*given)
    assert (refused.code, "Not recorded: 1 check failed" in refused.out) == (1, True)
    despite = run_in_process(*given, "--despite", "It is frozen")
    assert (despite.code, "despite FAILED: It is frozen" in despite.out) == (1, True)


def test_no_bundle_and_two_bundles_are_refused(dry: DemoPaths) -> None:
    assert run_in_process("review").code == 2
    assert "Several bundles" in run_in_process("review", dry.bundle, "--bundle", "other").err


def test_a_review_of_no_database_is_incomplete(dry: DemoPaths, tmp_path: Path) -> None:
    given = ["review", dry.bundle, "--outputs", tmp_path, *OLD, "--yes", "--by", "Jo"]
    done = run_in_process(*given)
    assert (done.code, "Not recorded: 5 checks failed or could not be evaluated" in done.out) == (1, True)


def test_a_signoff_prints_what_is_open(tmp_path: Path) -> None:
    given = ["signoff", "--notified", "Board, webmaster", "--no-window", "--by", "Jane", "--outputs", tmp_path]
    done = run_in_process(*given)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Recorded in {tmp_path}/decisions.jsonl: signoff by Jane\nNotified: Board, webmaster\n")
    assert "  [ ] Dry run completed and reviewed: open: No dry run was reviewed\n" in done.out
    assert "  [x] Stakeholders notified: Board, webmaster; recorded by Jane at 20" in done.out


def test_the_window_is_given_whole_or_in_two(tmp_path: Path) -> None:
    start, end = ("--window-start", "2999-12-01 22:00"), ("--window-end", "2999-12-02 02:00 UTC")
    given = ["signoff", "--by", "Jane", "--outputs", tmp_path]
    done = run_in_process(*given, *start, *end)
    assert "Maintenance window: 2999-12-01 22:00 to 2999-12-02 02:00 UTC (4 hours)\n" in done.out
    for wrong in (start, end, (*start, *end, "--window", "x")):
        refused = run_in_process(*given, *wrong)
        assert (refused.code, refused.err.startswith("Usage error: The window is")) == (2, True)


def test_a_changed_file_of_decisions_is_named_and_left_alone(dry: DemoPaths, tmp_path: Path) -> None:
    file = decisions_file(tmp_path)
    file.write_text("{}\n", encoding="utf-8")
    for given in (
        ("signoff", "--notified", "Board", "--outputs", tmp_path),
        arguments(dry, tmp_path, "--yes", "--by", "J"),
    ):
        done = run_in_process(*given)
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert done.err.startswith(f"Decision error: The file of decisions is not as it was written ({file}, line 1)")
    assert file.read_text(encoding="utf-8") == "{}\n"


def test_a_name_of_data_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    paths = dry_club(size=SMALL).write(tmp_path)
    edit_report(paths.bundle, lambda report: report.update(runId="run\x1b[2J"))
    done = run_in_process(*arguments(paths, tmp_path / "out", "--yes", "--by", "J\x1b[2Jo"))
    assert (done.code, "\x1b" in done.out) == (0, False)
    assert read_decisions(decisions_file(tmp_path / "out")).entries[0].by == "J\\x1b[2Jo"
