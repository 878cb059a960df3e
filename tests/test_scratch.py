"""Scratch folders: removed whatever happens, whoever is at work in them."""

from __future__ import annotations

import errno
import gc
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
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


KILLED = """
import os, signal, sys
from pathlib import Path
from recon.scratch import ScratchFolder, scratch_file

parent = Path(sys.argv[1])
folder = ScratchFolder("recon-test-", parent)
(folder.path / "people.csv").write_text("Ada")
with scratch_file(parent / "report.md") as file:
    file.write_text("Ada")
    print(folder.path.name, file.name, flush=True)
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGKILL)
"""
SWEEPS = """
import sys
from pathlib import Path
from recon.scratch import ScratchFolder

ScratchFolder("recon-test-", Path(sys.argv[1])).close()
"""


def started(parent: Path) -> subprocess.Popen[str]:
    """A process that has a folder and a file in `parent`, until its input ends: then it kills itself."""
    program = [sys.executable, "-c", KILLED, str(parent)]
    return subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def swept(parent: Path, *before: str) -> list[str]:
    """What is left of a folder after the next command's sweep."""
    subprocess.run([*before, sys.executable, "-c", SWEEPS, str(parent)], check=True, timeout=60)
    return names_in(parent)


def test_what_a_killed_process_leaves_is_swept_by_the_next_and_what_a_living_one_has_is_not(tmp_path: Path) -> None:
    with started(tmp_path) as killed, started(tmp_path) as living:
        assert killed.stdin
        assert killed.stdout
        assert living.stdin
        assert living.stdout
        left, has = killed.stdout.readline().split(), living.stdout.readline().split()
        assert swept(tmp_path) == sorted((*left, *has))
        killed.stdin.close()
        assert killed.wait(60) == -signal.SIGKILL
        assert swept(tmp_path) == sorted(has)
    assert living.wait(60) == -signal.SIGKILL
    assert swept(tmp_path) == []


def test_nothing_but_what_is_surely_left_is_swept(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "kept").mkdir(parents=True)
    folder = tmp_path / "here"
    folder.mkdir()
    name = "recon-test-0123456789abcdef.recon-held"
    (folder / name).symlink_to(elsewhere)
    (folder / "recon-test-0123456789abcdef").mkdir()
    (folder / "recon-test-0123456789abcde.recon-held").mkdir()
    (folder / "other-0123456789abcdef.recon-held").mkdir()
    os.mkfifo(folder / "recon-pipe-0123456789abcdef.recon-held")
    before = names_in(folder)
    assert swept(folder) == before
    assert names_in(elsewhere) == ["kept"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may become another user")
def test_what_another_user_left_is_not_swept(tmp_path: Path) -> None:
    left = tmp_path / "recon-test-0123456789abcdef.recon-held"
    left.mkdir()
    os.chown(left, 12345, 12345)
    assert swept(tmp_path) == [left.name]
    os.chown(left, 0, 0)
    assert swept(tmp_path) == []


def test_sweeping_at_once_is_no_fault(tmp_path: Path) -> None:
    for number in range(20):
        left = tmp_path / f"recon-test-{number:016x}.recon-held"
        left.mkdir()
        (left / "file").touch()
    with ThreadPoolExecutor(3) as at_once:
        list(at_once.map(lambda _: swept(tmp_path), range(3)))
    assert names_in(tmp_path) == []


def test_a_place_without_locks_is_used_and_never_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(recon.scratch.fcntl, "flock", refused)
    left = tmp_path / "recon-test-0123456789abcdef.recon-held"
    left.mkdir()
    with ScratchFolder("recon-test-", tmp_path) as folder:
        assert not folder.path.name.endswith("held")
        (folder.path / "file").touch()
    recon.scratch._end_sweeping()  # noqa: SLF001 - as at the end of the program
    assert names_in(tmp_path) == [left.name]


def test_only_unfinished_folders_are_named(tmp_path: Path) -> None:
    """A person may miss a run or a backup, but no private copy."""
    run, copy = (tmp_path / f"{name}0123456789abcdef.recon-held" for name in (".unfinished-", "recon-sqlite-"))
    run.mkdir()
    copy.mkdir()
    program = [sys.executable, "-c", SWEEPS, str(tmp_path)]
    done = subprocess.run(program, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == f"Removed: {run}: left unfinished by a command that was killed\n"
    assert names_in(tmp_path) == []


def test_where_anybody_may_name_what_is_another_s_nothing_is_swept(tmp_path: Path) -> None:
    """In a folder like /tmp only the owner can have given the name; without the sticky bit, anybody can."""
    left = tmp_path / "recon-test-0123456789abcdef.recon-held"
    left.mkdir()
    tmp_path.chmod(0o777)
    assert swept(tmp_path) == [left.name]
    tmp_path.chmod(0o1777)
    assert swept(tmp_path) == []
