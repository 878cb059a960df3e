"""A migration whose processes end at any time: the importer is found again, waited for, asked about, or ended."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from shutil import copytree
from typing import TYPE_CHECKING, Any

import pytest
from left_importers import Left, beginning, restored
from migrating import Site, document, shown_commands, site_in

from recon.runs.migration.importing import IS_RUNNING, ImporterRun
from recon.runs.migration.supervising import OUTPUT, RUNNING, lives

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from subprocess import Popen

    from left_importers import Terminal

RESUMING = ("migrate", "--resume", "--by", "Ann")
ABANDONING = ("migrate", "--abandon")
EXECUTING = (*RESUMING, "--execute", "club")


@pytest.fixture
def left(tmp_path: Path) -> Iterator[Left]:
    """A new site whose importer is held; what is left there is ended with the test."""
    found = Left(site_in(tmp_path))
    found.site.sign_off()
    found.site.hold()
    yield found
    found.end()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, Path]:
    """A migration that stands before its execution, and what was kept of it."""
    folder = tmp_path_factory.mktemp("prepared")
    site = site_in(folder / "site")
    site.up_to_execution()
    return site, copytree(site.folder, folder / "kept", symlinks=True)


@pytest.fixture
def executing(prepared: tuple[Site, Path]) -> Iterator[Left]:
    """An execution whose importer is held before it has written anything, and which recon was killed beside."""
    with restored(*prepared) as found:
        found.site.hold()
        process = found.without_terminal(*EXECUTING)
        found.wait_for_start(2)
        kill(process)
        yield found


def kill(process: Popen[str]) -> None:
    process.kill()
    assert process.wait() == -signal.SIGKILL


def read_until(process: Popen[str], words: str) -> str:
    assert process.stdout
    said = ""
    for line in process.stdout:
        said += line
        if words in line:
            break
    assert words in said
    return said


def wait_as_follower(left: Left, terminal: Terminal, words: str) -> None:
    """Wait until recon shows a line that is written while it waits for the importer."""
    terminal.read_until("| Started as")
    show(left, terminal, words)


def show(left: Left, terminal: Terminal, words: str) -> None:
    with (left.run.folder / OUTPUT).open("a", encoding="utf-8") as file:
        file.write(f"{words}\n")
    terminal.read_until(words)


def rows(site: Site, table: str) -> int:
    with closing(sqlite3.connect(site.folder / "club.db")) as connection:
        (number,) = connection.execute(f'select count(*) from "{table}"').fetchone()
    return int(number)


def test_however_recon_ends_the_importer_goes_on_and_is_found_again(left: Left) -> None:
    site = left.site
    first = left.without_terminal(*beginning(site))
    said = read_until(first, "| Started as")
    resume = f"recon migrate --resume {site.migration.path.relative_to(site.folder)}"

    for words, refused in {
        RESUMING: "Another recon works on this migration",
        ABANDONING: "Another recon works on this migration",
        tuple(beginning(site)): "A migration of this database is open",
    }.items():
        done = site.recon(*words)
        assert (done.code, refused in done.err) == (2, True), done.err

    # Ctrl-C where nobody can be asked.
    first.send_signal(signal.SIGINT)
    assert first.stdout
    said += first.stdout.read()
    assert first.wait() == 130
    assert f"The importer goes on. To wait for it: {resume}" in said

    # Ctrl-C where somebody can.
    second = left.on_terminal(*RESUMING)
    wait_as_follower(left, second, "before the question")
    second.type("\x03")
    second.read_until("Choose")
    assert [word in second.said for word in ("  wait: ", "  leave: ", "  end: ")] == [True] * 3
    second.type("wait\n")
    show(left, second, "after the question")
    second.type("\x03")
    second.read_until("Choose")
    second.type("leave\n")
    assert second.end() == 130
    assert f"Stopped: The importer goes on without recon\r\n  {resume}" in second.said
    assert left.run.state() == IS_RUNNING

    # A closed window.
    third = left.on_terminal(*RESUMING)
    wait_as_follower(left, third, "before the end of the window")
    assert third.close() == 130

    fourth = left.without_terminal(*RESUMING)
    assert "The importer of an earlier process was found" in read_until(fourth, "before the end of the window")
    kill(fourth)

    status = site.recon("status")
    assert (status.code, status.err) == (0, "")
    assert "The importer is running" in status.out
    assert "  | before the end of the window" in status.out
    assert f"When it has ended, continue: {resume}" in status.out
    for words in (ABANDONING, (*RESUMING, "--redo", "environment")):
        done = site.recon(*words)
        assert (done.code, "The importer is running" in done.err) == (2, True), done.out + done.err

    (site.folder / "leave").touch()
    site.let_go()
    done = site.resume()
    assert (done.code, "Stopped: Dry run PASSED. Reviewed?" in done.out) == (2, True), done.out
    assert "; processes that it started are still running" in done.out
    assert (site.starts, [name for name, _ in site.outcomes()].count("dry-run")) == (1, 1)


def test_a_person_ends_the_importer_and_all_that_it_started(left: Left) -> None:
    terminal = left.on_terminal(*beginning(left.site))
    terminal.read_until("| Started as")
    left.wait_for_start(1)
    run = left.run
    assert lives(document(run.folder / RUNNING)["pid"])
    terminal.type("\x03")
    terminal.read_until("Choose")
    terminal.type("end\n")
    assert terminal.end() == 1
    assert not lives(document(run.folder / RUNNING)["pid"])
    step = left.site.record.steps[-1]
    assert (step.name, step.gate, step.exit_code) == ("dry-run", "FAILED", -signal.SIGTERM)
    assert step.message.startswith("Importer: It was ended: a person asked for it; ")


def test_ctrl_c_while_the_importer_is_being_started_leaves_it_running(
    left: Left, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = ImporterRun.start

    def started(*given: Any) -> None:
        start(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(ImporterRun, "start", started)
    done = left.site.begin()
    assert (done.code, left.run.state()) == (130, IS_RUNNING)
    assert "The importer goes on. To wait for it: recon migrate --resume outputs/" in done.out


def test_an_importer_that_takes_too_long_is_ended(left: Left) -> None:
    profile = '[importer]\ncommand = ["of the command line"]\ntimeout_minutes = 0.005\n'
    (left.site.folder / "own.toml").write_text(f'name = "own"\n{profile}', encoding="utf-8")
    done = left.site.begin("--profile", "own.toml")
    assert (done.code, left.site.outcomes()[-1]) == (1, ("dry-run", "FAILED"))
    assert "[FAIL] Importer: It was ended: it took longer than 0.005 minutes" in done.out


@pytest.fixture
def before_execution(prepared: tuple[Site, Path]) -> Iterator[Site]:
    """A migration that stands before its execution."""
    with restored(*prepared) as found:
        yield found.site


def test_a_step_that_is_taken_again_is_kept_beside_an_execution_that_never_began(before_execution: Site) -> None:
    names = [name for name, _ in before_execution.outcomes()]
    done = before_execution.resume("--redo", "backup")
    assert (done.code, "Type club to go on" in done.out) == (2, True)
    again = before_execution.outcomes()
    assert ([name for name, _ in again], again[-2]) == ([*names, "backup", "execute"], ("backup", "PASSED"))
    backups = [step.kept for step in before_execution.record.steps if step.name == "backup"]
    assert len(set(backups)) == len(backups) == 2


def test_what_could_not_be_asked_of_an_execution_is_asked_again(before_execution: Site) -> None:
    site = before_execution
    gone = '#!/bin/sh\ncd "$(dirname "$0")"\necho "$$" >> started\n"$@" && mv club.db away.db\n'
    (site.folder / "held").write_text(gone, encoding="utf-8")
    done = site.resume("--execute", "club")
    assert (done.code, site.outcomes()[-1]) == (2, ("execute", "INCOMPLETE")), done.out
    (site.folder / "away.db").rename(site.folder / "club.db")
    (bundle,) = (site.migration.path / site.record.steps[-1].folder).glob("bundles/*")
    bundle.rename(site.folder / "bundle-that-somebody-took-away")
    done = site.resume()
    assert (done.code, site.outcomes()[-1], site.starts) == (1, ("execute", "FAILED"), 2)
    assert "Start the importer again" not in done.out
    done = site.resume()
    assert (done.code, site.starts) == (2, 2)
    assert "The importer has ended: Bundle: The importer left no bundle" in done.out
    assert "Stopped: Start the importer again, or go on with what it left?" in done.out


def test_an_execution_of_which_nobody_knows_is_started_again_only_if_somebody_says_so(executing: Left) -> None:
    site = executing.site
    executing.kill_supervising()
    executing.kill_importer()
    assert "It is not known whether the importer is running" in site.recon("status").out
    for _ in range(2):
        done = site.resume("--execute", "club")
        assert (done.code, site.starts) == (2, 2)
        assert "The importer was started, is not running, and left no word of how it ended." in done.out
        assert "The database holds exactly what it held before it began" in done.out
        assert "It left no bundle" in done.out
    assert "Stopped: Start the importer again, or go on with what it left?" in done.out
    again, ended = shown_commands(done.out)[:2]
    assert (again.endswith(" --importer again"), ended.endswith(" --importer ended")) == (True, True)

    done = site.resume("--importer", "again")
    assert (done.code, "Type club to go on" in done.out, site.starts) == (2, True, 2)
    failing = '#!/bin/sh\necho "$$" >> "$(dirname "$0")/started"\nsleep 1000 &\nexit 3\n'
    (site.folder / "held").write_text(failing, encoding="utf-8")
    done = site.resume("--execute", "club")
    assert (done.code, site.starts) == (1, 3)
    assert "[FAIL] Importer: It failed: exit code 3" in done.out
    done = site.resume("--importer", "again", "--execute", "club")
    assert (done.code, site.starts) == (2, 3)
    assert "Processes that the importer started are still running" in done.err
    assert f"kill -- -{executing.run.group}" in done.err
    messages = [step.message for step in site.record.steps if step.name == "execute"]
    assert "Nobody knows how the importer ended; started again by Ann" in messages


def test_what_was_committed_before_the_end_is_said_and_not_taken_for_a_bundle(executing: Left) -> None:
    site = executing.site
    (site.folder / "die").touch()
    executing.kill_supervising()
    site.let_go()
    executing.wait_for_end()
    done = site.resume()
    assert (done.code, site.starts, rows(site, "Member")) == (2, 2, 12)
    assert "The database has changed since it began: " in done.out
    assert "Member +12 rows" in done.out
    assert "It left no bundle" in done.out
    done = site.resume("--importer", "ended")
    assert (done.code, site.outcomes()[-1], site.starts) == (1, ("execute", "FAILED"), 2)
    assert "[FAIL] Bundle: The importer left no bundle in" in done.out
    assert "  Level 1, undo what it wrote (4.1): recon rollback plan --run-id RUN_ID --started-at " in done.out
    assert "  Level 2, restore the backup (4.1): " in done.out


def test_an_importer_that_lost_its_supervising_process_is_waited_for_and_asked_about(executing: Left) -> None:
    site = executing.site
    executing.kill_supervising()
    assert "The importer is running" in site.recon("status").out
    # What was said of the importer as it stood before is no answer to how it ended.
    waiting = executing.without_terminal(*RESUMING, "--importer", "again")
    said = read_until(waiting, "The importer of an earlier process was found")
    site.let_go()
    assert waiting.stdout
    said += waiting.stdout.read()
    assert (waiting.wait(), site.starts) == (2, 2)
    assert "Stopped: Start the importer again, or go on with what it left?" in said
    assert "  - Bundle: " in said
    done = site.resume("--importer", "ended")
    assert (done.code, site.record.verdict, site.starts, rows(site, "AuditLog")) == (0, "PASSED", 2, 1), done.out
    assert "[WARN] Importer: Nobody knows how it ended; Ann goes on with what it left" in done.out
