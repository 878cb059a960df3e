"""A machine without room, memory or a folder for temporary files: said as such, and no older report remains."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import Finished, run_program, run_recon

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.demo import DemoPaths

pytest.importorskip("resource", reason="the system knows no limits of a process")

LIMITED = """
import os, resource, sys
_, name, limit, *program = sys.argv
resource.setrlimit(getattr(resource, name), (int(limit), int(limit)))
os.execv(program[0], program)
"""
RECON = str(Path(sys.executable).with_name("recon"))
OLDER = '{"verdict": "PASSED"}'
# Less than the demo's database takes.
SIZE_KB = 512


def run_limited(name: str, limit: int, *arguments: object) -> Finished:
    """The command under a limit of its process."""
    return run_program((sys.executable, "-c", LIMITED, name, str(limit), RECON), *arguments)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk with hardly any room."""
    folder.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_KB}k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(options, capture_output=True, check=False).returncode != 0:
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def require_blameless(done: Finished, reported: str, next_step: str) -> None:
    """Neither input is blamed, nor recon."""
    assert done.code == 2
    last = next(line for line in done.err.splitlines() if line.startswith("Resource error: "))
    assert reported in last
    assert next_step in last
    assert "bug in recon" not in done.err
    assert "bundle" not in last.casefold()


@pytest.mark.parametrize(
    "limit, reported, next_step, is_written",
    [(0, "no folder for temporary files", "Set TMPDIR", False), (20_000, "no room left", "Make room", True)],
    ids=["no-folder", "no-room"],
)
def test_files_that_cannot_be_written_are_said_as_such(
    demo: DemoPaths, tmp_path: Path, limit: int, reported: str, next_step: str, *, is_written: bool
) -> None:
    report = tmp_path / "r.json"
    report.write_text(OLDER, encoding="utf-8")
    given = ("verify", demo.bundle, "--database", demo.database, "-f", "json", "-o", report)
    done = run_limited("RLIMIT_FSIZE", limit, *given)
    require_blameless(done, reported, next_step)
    assert report.exists() == is_written
    if is_written:
        assert json.loads(report.read_text(encoding="utf-8"))["error"] == "Resource error"
    else:
        assert "the error was not written" in done.err


@pytest.mark.parametrize("arguments", [["verify"], ["run", "--outputs", "never"]], ids=["verify", "run"])
def test_memory_for_which_the_libraries_are_too_large_is_said_as_such(demo: DemoPaths, arguments: list[str]) -> None:
    done = run_limited("RLIMIT_AS", 600_000_000, *arguments, demo.bundle, "--database", demo.database)
    require_blameless(done, "not enough memory", "Free memory")
    assert run_limited("RLIMIT_AS", 600_000_000, "--help").code == 0


def test_a_full_disk_keeps_no_older_report(demo: DemoPaths, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        report = disk / "r.json"
        report.write_text(OLDER, encoding="utf-8")
        # What is left is too little for a copy of the database, and enough for an attempt at it.
        (disk / "fill").write_bytes(bytes((SIZE_KB - 64) * 1024))
        given = ("verify", demo.bundle, "--database", demo.database, "-f", "json", "-o", report)
        done = run_recon(*given, TMPDIR=str(disk))
        require_blameless(done, "no room left", "Make room")
        assert json.loads(report.read_text(encoding="utf-8"))["error"] == "Resource error"
        assert sorted(path.name for path in disk.iterdir()) == ["fill", "r.json"]
