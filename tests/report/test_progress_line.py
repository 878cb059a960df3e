"""The progress line on a real terminal, whose bytes are replayed on a screen."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import sys
import termios
from contextlib import contextmanager
from datetime import UTC, datetime
from io import StringIO
from typing import TYPE_CHECKING
from unittest import mock

import pyte
import pytest

from recon.cli import say
from recon.cli.migrate import MigrationConsole, Terminal
from recon.model import Fact
from recon.model.migration import MigrationStep
from recon.report.progress_line import LINE, working

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WIDTH = 30
MARK = b"\0"
SIGNS = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "
FOUND = ["", "[6/8] Backup...", "  - Backup: backups/club"]
LONG = "accounting for every record: comparing registrations (6 of 9)"


@contextmanager
def terminal() -> Iterator[Callable[[], list[str]]]:
    """Standard error is a terminal; yields what returns its lines, each time anew, without the empty ones below."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 10, WIDTH, 0, 0))
    shown = pyte.Screen(WIDTH, 10)
    stream = pyte.ByteStream(shown)

    def lines() -> list[str]:
        # What was written before this mark is there once the mark is.
        os.write(slave, MARK)
        while not (read := os.read(master, 65536)).endswith(MARK):
            stream.feed(read)
        stream.feed(read)
        return "\n".join(line.rstrip() for line in shown.display).rstrip().splitlines()

    with (
        os.fdopen(slave, "w", encoding="utf-8", buffering=1) as err,
        mock.patch.dict(os.environ, {"TERM": "xterm-256color"}),
        mock.patch.object(sys, "stderr", err),
    ):
        try:
            yield lines
        finally:
            LINE.wipe()
            os.close(master)


def without_sign(lines: list[str]) -> list[str]:
    """The lines, the last of them without the sign in it that moves."""
    return [*lines[:-1], lines[-1].lstrip(SIGNS)]


def test_the_line_gives_way_to_what_is_printed() -> None:
    with terminal() as screen:
        sys.stderr.write("above\n")
        LINE.show("connecting")
        above, line = screen()
        assert (above, line[2:]) == ("above", "connecting")
        LINE.show("reading members: 60 rows")
        LINE.wipe()
        assert screen() == ["above"]
        LINE.show("accounting for every record")
        say("Interrupted")
        assert screen() == ["above", "Interrupted"]


def test_a_line_longer_than_the_terminal_is_cut() -> None:
    with terminal() as screen:
        LINE.show(LONG)
        (line,) = screen()
        assert line[2:] == f"{LONG[: WIDTH - 3]}…"
        LINE.wipe()
        assert screen() == []


def test_what_a_library_prints_meanwhile_is_a_line_of_its_own() -> None:
    with terminal() as screen:
        with working("evaluating checks: 0 of 18"):
            sys.stderr.write("a warning\n")
            assert without_sign(screen()) == ["a warning", "evaluating checks: 0 of 18"]
        assert screen() == ["a warning"]


def test_what_is_interrupted_leaves_no_line() -> None:
    with terminal() as screen:
        with pytest.raises(KeyboardInterrupt), working("connecting"):
            raise KeyboardInterrupt
        assert screen() == []


def test_what_a_migration_prints_and_asks_stays_whole() -> None:
    step = MigrationStep(name="backup", folder="steps/06-backup", started_at=datetime(2024, 1, 15, tzinfo=UTC))
    with terminal() as screen, mock.patch.object(sys, "stdout", sys.stderr):
        console = MigrationConsole()
        console.step_starting(6, 8, step)
        assert without_sign(screen()) == ["", "[6/8] Backup...", "Backup (6 of 8)"]
        console.gates.part_starting(1, 2, "Backup")
        console.gates.found(Fact("Backup", "backups/club"))
        assert without_sign(screen()) == [*FOUND, "Backup (1 of 2)"]
        console.line("3 rows")
        assert without_sign(screen()) == [*FOUND, "  | 3 rows", "Backup (6 of 8)"]
        console.note("It ended")
        assert screen() == [*FOUND, "  | 3 rows", "  - It ended"]
        LINE.show("Backup")
        with mock.patch.object(sys, "stdin", StringIO("y\n")):
            assert Terminal().confirm("Go on?")
        assert screen() == [*FOUND, "  | 3 rows", "  - It ended", "Go on? [y/N]:"]


def test_a_terminal_that_is_gone_ends_nothing() -> None:
    master, slave = pty.openpty()
    with (
        os.fdopen(slave, "w", encoding="utf-8") as err,
        mock.patch.dict(os.environ, {"TERM": "xterm-256color"}),
        mock.patch.object(sys, "stderr", err),
    ):
        os.close(master)
        LINE.show("connecting")
        LINE.wipe()


def test_without_a_terminal_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with working("connecting"):
        pass
    assert capsys.readouterr() == ("", "")
