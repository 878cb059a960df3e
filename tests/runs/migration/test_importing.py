"""One run of an importer in a session of its own: begun once, found by what lives of it, ended with all of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from left_importers import end_importer
from migrating import document
from support import wait_until

from recon.errors import MigrationError
from recon.runs.migration import importing
from recon.runs.migration.importing import HAS_ENDED, IS_RUNNING, NOT_BEGUN, NOT_KNOWN, ImporterRun, Shown
from recon.runs.migration.supervising import ASKED, BEGUN, MISSING, OUTPUT, RUNNING, birth

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Each says when it is ready; none ends by itself.
DEAF = "trap '' TERM; echo ready; while :; do sleep 0.02; done"
WITH_DEAF_CHILD = f'sh -c "{DEAF}" & wait'
# The child inherits nothing but the group.
DETACHED = "import subprocess, time; subprocess.Popen(['sh', '-c', 'echo ready; sleep 1000']); time.sleep(1000)"


@dataclass
class Started:
    """An importer that runs."""

    run: ImporterRun

    def start(self, *words: str) -> None:
        self.run.start(words, os.environ, None)
        wait_until((self.run.folder / RUNNING).exists, "it is recorded")
        wait_until(lambda: "ready" in self.run.last_lines(9), "it is ready")

    def kill(self, name: str) -> None:
        found = document(self.run.folder / name)
        os.kill(found["pid"], signal.SIGKILL)
        wait_until(lambda: birth(found["pid"]) != found["born"], "it is gone")


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Started]:
    monkeypatch.setattr(importing, "PATIENCE_S", 0.02)
    run = ImporterRun(tmp_path)
    yield Started(run)
    end_importer(run)


@pytest.mark.parametrize("script", [DEAF, WITH_DEAF_CHILD], ids=["deaf", "child"])
def test_an_importer_that_does_not_end_when_asked_is_ended_with_all_that_it_started(
    started: Started, script: str
) -> None:
    started.start("sh", "-c", script)
    assert (started.run.state(), started.run.end()) == (IS_RUNNING, True)
    wait_until(lambda: started.run.state() != IS_RUNNING, "it ends")
    ended = started.run.ended()
    assert ended is not None
    assert (started.run.state(), ended.why, started.run.group) == (HAS_ENDED, ASKED, None)
    assert ended.exit_code in (-signal.SIGKILL, -signal.SIGTERM)


@pytest.mark.parametrize("gone", [(BEGUN,), (BEGUN, RUNNING)], ids=["supervising", "importer"])
def test_what_lives_of_an_importer_is_found_and_ended(started: Started, gone: tuple[str, ...]) -> None:
    started.start(sys.executable, "-c", DETACHED)
    for name in gone:
        started.kill(name)
    assert (started.run.state(), started.run.end()) == (IS_RUNNING, True)
    wait_until(lambda: started.run.state() != IS_RUNNING, "it ends")
    assert (started.run.state(), started.run.ended(), started.run.end()) == (NOT_KNOWN, None, False)


def test_a_deaf_importer_is_ended_where_nobody_supervises_it(started: Started) -> None:
    started.start("sh", "-c", DEAF)
    started.kill(BEGUN)
    assert started.run.end()
    wait_until(lambda: started.run.state() != IS_RUNNING, "it ends")
    assert started.run.state() == NOT_KNOWN


def test_a_folder_takes_one_importer_ever(started: Started, tmp_path: Path) -> None:
    count = ("sh", "-c", f"echo once >> {tmp_path}/started")
    started.run.start(count, os.environ, None)
    wait_until(lambda: started.run.state() == HAS_ENDED, "it ends")
    started.run.start(count, os.environ, None)
    assert (tmp_path / "started").read_text(encoding="utf-8") == "once\n"


def test_what_was_prevented_never_begins(started: Started, tmp_path: Path) -> None:
    assert started.run.settled() == NOT_BEGUN
    with pytest.raises(MigrationError, match="The importer was not started"):
        started.run.start(("touch", f"{tmp_path}/started"), os.environ, None)
    assert (started.run.state(), (tmp_path / "started").exists()) == (NOT_BEGUN, False)


def test_a_folder_that_was_taken_by_a_process_that_died_at_it_is_not_free(started: Started, tmp_path: Path) -> None:
    (tmp_path / BEGUN).touch()
    assert (started.run.state(), started.run.settled()) == (NOT_KNOWN, NOT_KNOWN)


def test_an_order_that_is_cut_off_begins_nothing(started: Started, tmp_path: Path) -> None:
    order = json.dumps({"arguments": ["touch", f"{tmp_path}/started"], "limitS": None, "patienceS": 1}).encode()
    module = [sys.executable, "-P", "-m", importing.MODULE, str(tmp_path)]
    done = subprocess.run(module, input=order[:-1], capture_output=True, check=False)
    assert (done.returncode, started.run.state(), (tmp_path / BEGUN).exists()) == (1, NOT_BEGUN, False)


def test_a_program_that_is_not_there_has_ended(started: Started, tmp_path: Path) -> None:
    started.run.start((f"{tmp_path}/nothing",), os.environ, None)
    wait_until(lambda: started.run.state() == HAS_ENDED, "it ends")
    ended = started.run.ended()
    assert ended is not None
    assert (ended.exit_code, ended.why, ended.found) == (None, MISSING, "No such file or directory")


def test_python_does_not_warn_of_an_importer_that_outlives_it(started: Started, tmp_path: Path) -> None:
    words = ["sh", "-c", "sleep 1000"]
    script = (
        "import os; from pathlib import Path; from recon.runs.migration.importing import ImporterRun; "
        f"ImporterRun(Path({str(tmp_path)!r})).start({words!r}, os.environ, None)"
    )
    done = subprocess.run([sys.executable, "-X", "dev", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, started.run.state()) == (0, "", IS_RUNNING)


def test_what_is_written_between_two_looks_is_shown_once(started: Started, tmp_path: Path) -> None:
    log = tmp_path / OUTPUT
    log.write_bytes(b"one\r\ntwo\n50 %\r")
    started.run.settled()
    shown = Shown()
    assert next(started.run.follow(shown)) == "one"
    with log.open("ab") as file:
        file.write(b"100 %\rthr\xc3\xa9e")
    assert list(started.run.follow(shown)) == ["two", "50 %", "100 %", "thrée"]
    assert list(started.run.follow(shown)) == []
