"""What a killed command leaves, whose folders are there at that moment: nothing, once the next command has run."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest
from support import names_in, run_program

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from recon.demo import DemoPaths

# Runs a command, and kills itself at the moment when a function is called.
PROGRAM = """
import os, signal, sys
from importlib import import_module
from recon.cli import main
place, *sys.argv[1:] = sys.argv[1:]
module, _, name = place.partition(":")
if name:
    setattr(import_module(module), name, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
main()
"""
HELD = ".recon-held"


class Killing:
    """Runs one command, killed or whole, whose temporary files and outputs are in folders of its own."""

    def __init__(self, home: Path, arguments: Sequence[object]) -> None:
        self.tmp, self.out, self.arguments = home / "tmp", home / "out", arguments
        self.tmp.mkdir()
        self.out.mkdir()

    def run(self, place: str = "") -> tuple[int, str]:
        environment = {"TMPDIR": str(self.tmp), "XDG_STATE_HOME": str(self.out.parent / "state")}
        done = run_program((sys.executable, "-c", PROGRAM, place), *self.arguments, **environment)
        return done.code, done.err

    def left(self) -> list[str]:
        return [name for folder in (self.tmp, self.out) for name in names_in(folder) if name.endswith(HELD)]


@pytest.mark.parametrize(
    "command, place, prefixes",
    [
        ("verify", "recon.database.sqlite:stream", ["recon-spill-", "recon-sqlite-"]),
        ("run", "recon.runs.run:publish", ["recon-spill-", ".unfinished-"]),
        ("backup", "recon.preflight.backups:publish", [".unfinished-"]),
    ],
)
def test_the_next_command_removes_what_a_killed_one_left(
    command: str, place: str, prefixes: list[str], demo: DemoPaths, tmp_path: Path
) -> None:
    """It says so of a run or a backup, which a person may look for, and of nothing else."""
    out = tmp_path / "out"
    judged = ("--bundle", demo.bundle, "--database", demo.database)
    arguments: dict[str, Sequence[object]] = {
        "verify": ("verify", *judged, "-o", out / "report.md"),
        "run": ("run", *judged, "--outputs", out, "--only", "report"),
        "backup": ("backup", "create", "--database", demo.database, "--backups", out),
    }
    killing = Killing(tmp_path, arguments[command])
    assert killing.run(place)[0] == -signal.SIGKILL
    left = killing.left()
    assert [prefix for prefix in prefixes if not any(name.startswith(prefix) for name in left)] == []
    code, err = killing.run()
    assert code == 0
    assert [line for line in err.splitlines() if line.startswith("Removed: ")] == [
        f"Removed: {out / name}: left unfinished by a command that was killed"
        for name in left
        if name.startswith(".unfinished-")
    ]
    assert names_in(killing.tmp) == []
    assert killing.left() == []
