"""A machine without room, memory or a folder for temporary files: said as such, and no older report remains."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import Finished, run_program, run_recon

from recon.cli import COMMANDS
from recon.cli.refusal import PLACES, refusing

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
RECON, VERIFY_MIGRATION = (str(Path(sys.executable).with_name(name)) for name in ("recon", "verify-migration"))
OLDER = '{"verdict": "PASSED"}'
# Less than the demo's database takes.
SIZE_KB = 512


def run_limited(name: str, limit: int, *arguments: object, program: tuple[str, ...] = (RECON,)) -> Finished:
    """The command under a limit of its process."""
    return run_program((sys.executable, "-c", LIMITED, name, str(limit), *program), *arguments)


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


@pytest.mark.parametrize("program", [[RECON, "verify"], [VERIFY_MIGRATION]], ids=["verify", "verify-migration"])
def test_memory_for_which_the_libraries_are_too_large_is_said_as_such(
    demo: DemoPaths, tmp_path: Path, program: list[str]
) -> None:
    for suffix in ("json", "md", "xml"):
        (tmp_path / f"r.{suffix}").write_text(OLDER, encoding="utf-8")
    places = ("-f", "json", "-vf", "markdown", "-o", tmp_path / "r", "--timeout", 60)
    done = run_limited(
        "RLIMIT_AS", 600_000_000, demo.bundle, "--database", demo.database, *places, program=tuple(program)
    )
    require_blameless(done, "not enough memory", "Free memory")
    assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["error"] == "Resource error"
    assert "Resource error" in (tmp_path / "r.md").read_text(encoding="utf-8")
    assert (tmp_path / "r.xml").read_text(encoding="utf-8") == OLDER
    assert run_limited("RLIMIT_AS", 600_000_000, "--help").code == 0


def test_a_run_without_memory_is_listed_among_the_others(demo: DemoPaths, tmp_path: Path) -> None:
    given = ("run", demo.bundle, "--database", demo.database, "--outputs", tmp_path / "out", "--skip", "site")
    require_blameless(run_limited("RLIMIT_AS", 600_000_000, *given), "not enough memory", "Free memory")
    (kept,) = (path for path in (tmp_path / "out").iterdir() if path.is_dir())
    assert kept.name.endswith("-error")


@pytest.mark.parametrize("limit", [60_000_000, 200_000_000, 400_000_000])
def test_no_older_report_outlasts_a_lack_of_memory(demo: DemoPaths, tmp_path: Path, limit: int) -> None:
    report = tmp_path / "r.json"
    report.write_text(OLDER, encoding="utf-8")
    given = ("verify", demo.bundle, "--database", demo.database, "-f", "json", "-o", report)
    require_blameless(run_limited("RLIMIT_AS", limit, *given), "not enough memory", "Free memory")
    # There may be room for what writes the error, or not.
    assert not report.exists() or json.loads(report.read_text(encoding="utf-8"))["error"] == "Resource error"


def test_a_lack_of_memory_replaces_no_input(demo: DemoPaths) -> None:
    before = demo.database.read_bytes()
    given = ("verify", demo.bundle, "--database", demo.database, "-f", "json", "-o", demo.database)
    require_blameless(run_limited("RLIMIT_AS", 600_000_000, *given), "not enough memory", "Free memory")
    assert demo.database.read_bytes() == before


GIVEN = {
    "verify": ["-vf", "json", "--format=junit", "-o", "a", "--output", "b"],
    "run": ["--outputs", "o", "--only", "report", "--skip", "html"],
}
SHARED = ["--timeout", "5", "-b", "bundle", "--database", "club.db", "--profile", "p.toml", "--show-pii", "other"]


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize("is_given", [True, False])
def test_what_is_read_without_memory_is_what_the_command_reads(name: str, *, is_given: bool) -> None:
    arguments = [*GIVEN[name], *SHARED] if is_given else []
    whole = import_module(COMMANDS[name][0]).command.make_context(name, [*arguments]).params
    read = refusing(name, MemoryError()).make_context(name, [*arguments]).params
    assert len(read) >= len(PLACES[name])
    assert read == {option: whole[option] for option in read}


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
