"""Runs one importer in a session of its own, so that it survives the terminal, and records how it ended.

    python -P -m recon.runs.migration.supervising FOLDER < ORDER

ORDER is JSON: {"arguments": ["npx", …], "limitS": 3600 or null, "patienceS": 10}. It comes by standard input, because
arguments may be secret. An order that is cut off begins nothing. A folder takes one importer, ever: whoever makes its
file BEGUN has it. This process ends as soon as that is decided; what supervises is nobody's child.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any

LOCK, BEGUN, RUNNING, ENDED, OUTPUT = "importer.lock", "begun.json", "running.json", "ended.json", "output.log"
PATIENCE_S = 10
ASKED, LATE, MISSING = "asked", "late", "missing"
"""Why an importer ended other than by itself: somebody asked for it, it took too long, it could not be started."""
NOT_BEGUN = 3
PROC, HAS_PROC = Path("/proc"), Path("/proc/self/stat").exists()
ENDED_STATES = ("", "Z", "X")
SLICE_S = 0.05


def main() -> int:
    """Read the order, take the folder, run the importer; the exit code says only whether it was begun."""
    folder = Path(sys.argv[1])
    order = json.loads(sys.stdin.buffer.read())
    heard, told = os.pipe()
    if os.fork():
        os.close(told)
        return 0 if os.read(heard, 1) else NOT_BEGUN
    # A lock that the importer inherits is held for as long as either of them lives.
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    supervision = _Supervision(folder, lock, order)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        take(folder, {"pid": os.getpid(), "born": birth(os.getpid()), "host": socket.gethostname(), "at": _now()})
    except (BlockingIOError, FileExistsError):
        return NOT_BEGUN
    os.write(told, b".")
    os.close(told)
    supervision.run()
    return 0


def take(folder: Path, by: dict[str, Any]) -> None:
    """Take the folder for good; on disk when this returns.

    Raises:
        FileExistsError: It is taken.
    """
    begun = os.open(folder / BEGUN, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(begun, "w", encoding="utf-8") as file:
        json.dump(by, file)
        file.flush()
        os.fsync(file.fileno())
    _sync(folder)


def birth(pid: int) -> str:
    """When a process began, in the system's own words: a number of a process is given again; empty: it has ended."""
    if HAS_PROC:
        found = _stat(pid)
        return found[19] if found and found[0] not in ENDED_STATES else ""
    state, _, began = _ps("-o", "stat=,lstart=", "-p", str(pid)).strip().partition(" ")
    return "" if state[:1] in ENDED_STATES else began.strip()


def lives(group: int) -> bool:
    """Whether a process of a group lives; one that has ended, and that nobody has waited for, does not."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    if HAS_PROC:
        leader = _stat(group)
        if leader and leader[0] not in ENDED_STATES and leader[2] == str(group):
            return True
        found = (_stat(int(path.name)) for path in PROC.iterdir() if path.name.isdigit())
        return any(each[2] == str(group) and each[0] not in ENDED_STATES for each in found if each)
    lines = (line.split() for line in _ps("-A", "-o", "pgid=,stat=").splitlines())
    return any(number == str(group) and state[0] not in ENDED_STATES for number, state in lines)


def _stat(pid: int) -> list[str]:
    """What the system says of a process, from its state on; empty: there is none."""
    try:
        # The name of the program, in parentheses, may hold blanks.
        return (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _ps(*words: str) -> str:
    shared = {name: os.environ[name] for name in ("PATH", "TZ") if name in os.environ}
    try:
        said = subprocess.run(["ps", *words], capture_output=True, check=False, env=shared)  # noqa: S603, S607
    except OSError:
        return ""
    return said.stdout.decode(errors="replace")


class _Supervision:
    """One importer, from its start to its end."""

    def __init__(self, folder: Path, lock: int, order: dict[str, Any]) -> None:
        self._folder, self._lock, self._order = folder, lock, order
        self._process: subprocess.Popen[bytes] | None = None
        self._why, self._is_asked, self._is_foreign = "", False, False
        # A closed terminal is no reason to end.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self._end(ASKED))
        signal.signal(signal.SIGALRM, lambda *_: self._end(LATE))

    def run(self) -> None:
        start = monotonic()
        output = os.open(self._folder / OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            # Its own session, so that it can be ended with all that it started.
            self._process = subprocess.Popen(  # noqa: S603 - the importer, as it was asked for
                self._order["arguments"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(self._lock,),
            )
        except (OSError, ValueError) as error:
            self._write(
                ENDED, {"exitCode": None, "why": MISSING, "found": getattr(error, "strerror", None) or str(error)}
            )
            return
        self._write(RUNNING, {"pid": self._process.pid, "born": birth(self._process.pid)})
        if self._why:
            self._end(self._why)
        elif self._order["limitS"]:
            signal.setitimer(signal.ITIMER_REAL, self._order["limitS"])
        code = self._process.wait()
        # Its children may take longer to end than itself, or refuse to.
        while self._why and not self._is_foreign and lives(self._process.pid):
            sleep(SLICE_S)
        signal.setitimer(signal.ITIMER_REAL, 0)
        self._write(
            ENDED, {"exitCode": code, "why": self._why, "durationMs": round((monotonic() - start) * 1000), "at": _now()}
        )

    def _end(self, why: str) -> None:
        """Ask the importer and all that it started to end; the second time, end them."""
        self._why = self._why or why
        if self._process:
            try:
                os.killpg(self._process.pid, signal.SIGKILL if self._is_asked else signal.SIGTERM)
            except ProcessLookupError:
                pass
            except PermissionError:
                # What is left runs as somebody else, and is not ended from here.
                self._is_foreign = True
            self._is_asked = True
            signal.setitimer(signal.ITIMER_REAL, self._order["patienceS"])

    def _write(self, name: str, content: dict[str, Any]) -> None:
        working = self._folder / f".{name}"
        with working.open("w", encoding="utf-8") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        working.replace(self._folder / name)
        _sync(self._folder)


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _now() -> str:
    return datetime.now(UTC).isoformat()


if __name__ == "__main__":
    sys.exit(main())
