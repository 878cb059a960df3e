"""recon as processes that are killed, hung up and interrupted, and the importers that they leave behind."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree, rmtree
from typing import TYPE_CHECKING, Any

from migrating import BRIEF, Site, document
from support import wait_until

from recon.runs.migration.importing import IS_RUNNING, ImporterRun
from recon.runs.migration.supervising import BEGUN, RUNNING, birth, lives

if TYPE_CHECKING:
    from collections.abc import Iterator

# In the place of a shell: makes standard input the terminal of a session that has none.
ON_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
RECON = str(Path(sys.executable).with_name("recon"))
PATIENT_S = 60


class Terminal:
    """recon on a terminal of its own."""

    def __init__(self, site: Site, *words: str) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", ON_TERMINAL, RECON, *words],
            cwd=site.folder,
            env=os.environ | site.environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.said = ""

    def read_until(self, words: str) -> None:
        """Read until it says that, once more than before."""
        start = len(self.said)
        while words not in self.said[start:]:
            ready, _, _ = select.select([self._ours], [], [], PATIENT_S)
            assert ready, f"{words} was not said: {self.said}"
            try:
                found = os.read(self._ours, 4096)
            except OSError:
                found = b""
            assert found, f"{words} was not said: {self.said}"
            self.said += found.decode(errors="replace")

    def type(self, text: str) -> None:
        """Type on it."""
        os.write(self._ours, text.encode())

    def end(self) -> int:
        """Read to the end; returns the exit code."""
        with suppress(OSError):
            while select.select([self._ours], [], [], PATIENT_S)[0] and (found := os.read(self._ours, 4096)):
                self.said += found.decode(errors="replace")
        return self.process.wait(PATIENT_S)

    def close(self) -> int:
        """Close it, as somebody who closes the window; returns the exit code."""
        self.hang_up()
        return self.process.wait(PATIENT_S)

    def hang_up(self) -> None:
        """Let go of it."""
        if self._ours >= 0:
            os.close(self._ours)
            self._ours = -1


@dataclass
class Left:
    """A site, the processes that were started there, and those that they left behind.

    Attributes:
        site: Where the importer can be held.
        terminals: What was started on a terminal.
        plain: What was started without one.
    """

    site: Site
    terminals: list[Terminal] = field(default_factory=list)
    plain: list[subprocess.Popen[str]] = field(default_factory=list)

    def on_terminal(self, *words: str) -> Terminal:
        """Start recon on a terminal."""
        self.terminals.append(Terminal(self.site, *words))
        return self.terminals[-1]

    def without_terminal(self, *words: str) -> subprocess.Popen[str]:
        """Start recon without one."""
        self.plain.append(self.site.started(*words))
        return self.plain[-1]

    @property
    def run(self) -> ImporterRun:
        """The importer's run of the newest attempt."""
        return ImporterRun(self.site.migration.path / self.site.record.steps[-1].folder)

    def wait_for_start(self, number: int) -> None:
        """Wait until the importer was started so often, and it is known where it runs."""
        wait_until(lambda: self.site.starts == number, f"{number} starts")
        wait_until((self.run.folder / RUNNING).exists, "it is recorded")

    def kill_supervising(self) -> None:
        """Kill the process that supervises the importer."""
        found = document(self.run.folder / BEGUN)
        os.kill(found["pid"], signal.SIGKILL)
        wait_until(lambda: birth(found["pid"]) != found["born"], "it is gone")

    def kill_importer(self) -> None:
        """Kill the importer and what it started."""
        group = document(self.run.folder / RUNNING)["pid"]
        os.killpg(group, signal.SIGKILL)
        wait_until(lambda: not lives(group), "it is gone")

    def wait_for_end(self) -> None:
        """Wait until the importer runs no more."""
        wait_until(lambda: self.run.state() != IS_RUNNING, "it ends")

    def end(self) -> None:
        """End whatever is left, however the test ended."""
        for terminal in self.terminals:
            end(terminal.process)
            terminal.hang_up()
        for process in self.plain:
            end(process)
        for folder in self.site.folder.glob("outputs/*/steps/*"):
            end_importer(ImporterRun(folder))


def end(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    """End a process that was started here, and let go of what it says."""
    process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()


def end_importer(run: ImporterRun) -> None:
    """End an importer and its supervising process."""
    # What has not begun yet would begin when nobody looks.
    run.settled()
    begun = whole(run.folder / BEGUN)
    if begun.get("pid") and birth(begun["pid"]) == begun["born"]:
        wait_until(lambda: (run.folder / RUNNING).exists() or run.state() != IS_RUNNING, "it starts its importer")
        os.kill(begun["pid"], signal.SIGKILL)
    if (group := run.group) is not None:
        os.killpg(group, signal.SIGKILL)
    wait_until(lambda: run.state() != IS_RUNNING, "it is gone")


def whole(file: Path) -> dict[str, Any]:
    """The content of a JSON file; nothing where whoever wrote it was killed."""
    try:
        return dict(document(file))
    except ValueError:
        return {}


def beginning(site: Site, *options: str) -> list[str]:
    """The words of `recon migrate` from its beginning."""
    words = ("--database", site.database, "--exports", "exports", "--by", "Ann", *BRIEF, *options)
    return ["migrate", *words, "--", *site.importer()]


@contextmanager
def restored(site: Site, kept: Path) -> Iterator[Left]:
    """A site as it was when it was kept; its paths are in its records, so that it cannot be elsewhere."""
    rmtree(site.folder)
    copytree(kept, site.folder, symlinks=True)
    left = Left(site)
    try:
        yield left
    finally:
        left.end()
