"""Scratch folders: removed whatever happens, whoever is at work in them."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path
from shutil import rmtree

import pytest
from support import names_in

import recon.scratch
from recon.scratch import ScratchFolder

ENDED_WHILE_A_THREAD = """
import atexit, os, threading, time
from pathlib import Path
from recon.scratch import ScratchFolder

mkdir, asked = Path.mkdir, threading.Event()

def slow_mkdir(path, mode):
    asked.set()
    time.sleep(0.3)
    mkdir(path, mode)
    time.sleep(0.3)

def make():
    kept.append(ScratchFolder("recon-test-"))

kept = []
Path.mkdir = slow_mkdir
thread = threading.Thread(target=make, daemon=True)
"""
IS_MAKING_ONE = """
thread.start()
asked.wait()
atexit._run_exitfuncs()
os._exit(0)
"""
WANTS_ONE = """
atexit._run_exitfuncs()
thread.start()
time.sleep(1)
os._exit(0)
"""
RETURNS = """
thread.start()
asked.wait()
"""


def test_a_folder_is_there_until_it_is_closed(tmp_path: Path) -> None:
    with ScratchFolder("recon-test-", tmp_path) as folder:
        (folder.path / "below").mkdir()
        (folder.path / "below" / "file").touch()
        assert folder.path.parent == tmp_path
        assert folder.path.name.startswith("recon-test-")
        assert folder.path.stat().st_mode & 0o777 == 0o700
    assert names_in(tmp_path) == []
    folder.close()


def test_a_folder_lies_where_the_system_wants_it_and_goes_with_its_holder() -> None:
    folder = ScratchFolder("recon-test-")
    path = folder.path
    assert path.is_dir()
    del folder
    assert not path.exists()


def test_two_folders_are_two(tmp_path: Path) -> None:
    with ScratchFolder("recon-test-", tmp_path) as one, ScratchFolder("recon-test-", tmp_path) as other:
        assert names_in(tmp_path) == sorted([one.path.name, other.path.name])


def test_an_interrupt_while_a_folder_is_made_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mkdir = Path.mkdir

    def interrupted(path: Path, mode: int) -> None:
        mkdir(path, mode)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "mkdir", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ScratchFolder("recon-test-", tmp_path)
    gc.collect()
    assert names_in(tmp_path) == []


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recon-test-0000000000000000").mkdir()
    monkeypatch.setattr(os, "urandom", bytes)
    with pytest.raises(FileExistsError):
        ScratchFolder("recon-test-", tmp_path)
    gc.collect()
    assert names_in(tmp_path) == ["recon-test-0000000000000000"]


def test_what_is_written_during_the_removal_is_removed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    removals: list[Path] = []

    def remove_beside_a_writer(path: Path, *, ignore_errors: bool) -> None:
        rmtree(path, ignore_errors)
        if not removals:
            path.mkdir()
            (path / "copy.db-journal").touch()
        removals.append(path)

    monkeypatch.setattr(recon.scratch, "rmtree", remove_beside_a_writer)
    with ScratchFolder("recon-test-", tmp_path) as folder:
        pass
    assert removals == [folder.path] * 2
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("end", [IS_MAKING_ONE, WANTS_ONE, RETURNS], ids=["is-making-one", "wants-one", "returns"])
def test_a_program_that_ends_while_a_thread_makes_a_folder_leaves_nothing(end: str, tmp_path: Path) -> None:
    program = [sys.executable, "-c", ENDED_WHILE_A_THREAD + end]
    done = subprocess.run(
        program, env=os.environ | {"TMPDIR": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert names_in(tmp_path) == []
