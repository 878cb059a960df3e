"""The importer as this process sees it: started once for a folder, found again, waited for, ended."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from recon.errors import MigrationError
from recon.runs.migration.supervising import BEGUN, ENDED, LOCK, OUTPUT, PATIENCE_S, RUNNING, birth, lives, take

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

MODULE = "recon.runs.migration.supervising"
ERRORS = "supervisor.log"
SLICE_S = 0.05
CHUNK_BYTES, TAIL_BYTES, MOST_OF_LINE = 1 << 20, 1 << 16, 1 << 13
FIRST_QUIET_S, NEXT_QUIET_S = 60.0, 300.0
START_LIMIT_S = 60.0
NOT_BEGUN, IS_RUNNING, HAS_ENDED, NOT_KNOWN = "not begun", "running", "ended", "not known"


@dataclass(frozen=True)
class ImporterEnd:
    """How an importer ended.

    Attributes:
        exit_code: Its exit code; negative: the signal that ended it; None: it could not be started.
        why: Why it ended other than by itself; empty: by itself.
        duration_ms: How long it took; None: it was not started.
        found: What the system said when it could not be started.
    """

    exit_code: int | None
    why: str = ""
    duration_ms: int | None = None
    found: str = ""


@dataclass
class Shown:
    """How far people have seen what an importer wrote.

    Attributes:
        end: The number of bytes.
        is_cut: Whether that is in the middle of a line of which only the beginning is shown.
    """

    end: int = 0
    is_cut: bool = False


@dataclass(frozen=True)
class ImporterRun:
    """One run of the importer, in a folder that takes one ever; a claim on it is only ever made, never taken back."""

    folder: Path

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], limit_s: float | None) -> None:
        """Start it in a session of its own; it has begun when this returns.

        Args:
            arguments: The program and its arguments; they are written nowhere.
            environment: Its environment, by name.
            limit_s: Seconds after which it is ended; None: never.

        Raises:
            MigrationError: It was not begun, and never will be in this folder.
        """
        order = {"arguments": list(arguments), "limitS": limit_s, "patienceS": PATIENCE_S}
        found = ""
        try:
            with (self.folder / ERRORS).open("ab") as errors:
                subprocess.run(  # noqa: S603 - this very program
                    [sys.executable, "-P", "-m", MODULE, str(self.folder)],
                    input=json.dumps(order).encode(),
                    stdout=errors,
                    stderr=errors,
                    start_new_session=True,
                    env={"PYTHONUNBUFFERED": "1", **environment},
                    timeout=START_LIMIT_S,
                    check=False,
                )
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            found = getattr(error, "strerror", None) or str(error)
        if self.settled() == NOT_BEGUN:
            said = (self.folder / ERRORS).read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise MigrationError(
                "The importer was not started",
                where=str(self.folder)[:300],
                found=found[:300] or (said[-1][:300] if said else "its supervising process did not begin"),
                next_step="Nothing was imported; go on with recon migrate --resume",
            )

    def settled(self) -> str:
        """Where it stands; if it was not begun, it never will be in this folder."""
        if not self._has_begun:
            with suppress(FileExistsError):
                take(self.folder, {"prevented": True})
        return self.state()

    def state(self) -> str:
        """Where it stands; `NOT_KNOWN`: it was begun, is not running here, and nothing recorded how it ended."""
        if not self._has_begun or self._read(BEGUN).get("prevented"):
            return NOT_BEGUN
        # Whoever supervises holds the lock, and whoever let go of it had written the end before.
        is_running = self._is_held()
        if (self.folder / ENDED).exists():
            return HAS_ENDED
        # A program that the importer started may not have inherited the lock.
        return IS_RUNNING if is_running or self.group is not None else NOT_KNOWN

    @property
    def group(self) -> int | None:
        """The number of the group of its processes; None: none of them lives here."""
        found = self._read(RUNNING)
        number, born = found.get("pid"), found.get("born")
        if not number or self.host != socket.gethostname() or not lives(number):
            return None
        # The number is given to others only when all of a group have ended, and first to their leader.
        return number if birth(number) in ("", born) else None

    @property
    def host(self) -> str:
        """The machine on which it was begun; empty: not known."""
        return str(self._read(BEGUN).get("host", ""))

    def ended(self) -> ImporterEnd | None:
        """How it ended; None: that is not recorded."""
        found = self._read(ENDED)
        if not found:
            return None
        return ImporterEnd(found["exitCode"], found["why"], found.get("durationMs"), found.get("found", ""))

    def end(self) -> bool:
        """Ask it to end; ten seconds later it is ended, with all that it started. False: it is not found here."""
        found = self._read(BEGUN)
        pid, born = found.get("pid"), found.get("born")
        if pid and born and birth(pid) == born:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGTERM)
                return True
        # Nobody supervises it any more.
        group = self.group
        if group is None:
            return False
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGTERM)
            deadline = monotonic() + PATIENCE_S
            while lives(group) and monotonic() < deadline:
                sleep(SLICE_S)
            os.killpg(group, signal.SIGKILL)
        return True

    def output(self, start: int = 0) -> tuple[bytes, int]:
        """What it has written since byte `start`, a part of it if it is much, and where that ends."""
        try:
            with (self.folder / OUTPUT).open("rb") as file:
                file.seek(start)
                found = file.read(CHUNK_BYTES)
        except FileNotFoundError:
            return b"", start
        return found, start + len(found)

    def last_lines(self, number: int, shown: Shown | None = None) -> list[str]:
        """The last lines that it has written; all of it has been `shown` then."""
        try:
            size = (self.folder / OUTPUT).stat().st_size
        except FileNotFoundError:
            return []
        found, end = self.output(max(0, size - TAIL_BYTES))
        if shown is not None:
            shown.end = end
        return [line[:MOST_OF_LINE] for line in _lines(found) if line.strip()][-number:]

    def follow(self, shown: Shown) -> Iterator[str | float]:
        """Yield each line as it is written, until it has ended or nobody can know.

        A number says for how many seconds it has been quiet, at the first minute and then every five.
        """
        before, heard, next_s = shown.end, monotonic(), FIRST_QUIET_S
        while True:
            is_over = self.state() != IS_RUNNING
            found, end = self.output(shown.end)
            if end > before:
                before, heard, next_s = end, monotonic(), FIRST_QUIET_S
            yield from _shown_lines(found, shown, is_all=is_over and len(found) < CHUNK_BYTES)
            if len(found) == CHUNK_BYTES:
                continue
            if is_over:
                return
            if monotonic() - heard >= next_s:
                yield monotonic() - heard
                next_s += NEXT_QUIET_S
            sleep(SLICE_S)

    @property
    def _has_begun(self) -> bool:
        return (self.folder / BEGUN).exists()

    def _is_held(self) -> bool:
        try:
            lock = os.open(self.folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def _read(self, name: str) -> dict[str, Any]:
        """A file that says something; empty where it is not there, or was cut off."""
        try:
            found = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def _lines(text: bytes) -> list[str]:
    return text.replace(b"\r", b"\n").decode(errors="replace").split("\n")


def _shown_lines(found: bytes, shown: Shown, *, is_all: bool) -> Iterator[str]:
    """Yield the whole lines that were found, and the last one if no more comes; note how far that is."""
    for line in found.splitlines(keepends=True):
        is_whole = line.endswith((b"\n", b"\r"))
        # A line without end is shown by its beginning, and never held whole.
        if not is_whole and not is_all and len(line) < CHUNK_BYTES:
            return
        shown.end += len(line)
        if not shown.is_cut:
            yield line.rstrip(b"\r\n")[:MOST_OF_LINE].decode(errors="replace")
        shown.is_cut = not is_whole
