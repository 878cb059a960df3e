"""The programs of a database server, e.g. pg_dump: found in the right version, run under a limit, ended with recon."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread, Timer
from typing import IO, TYPE_CHECKING, Self

from recon.database.child_environment import child_environment
from recon.database.secrets import without_secrets
from recon.errors import MAKE_ROOM, NO_ROOM_TEXTS, BackupError, ResourceError, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/opt/homebrew/opt/libpq/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
VERSION = re.compile(r"(\d+)\.(\d+)")
VERSION_LIMIT_S = 20
SLICE_S = 0.2
PATIENCE_S = 5
KEPT_OF_STDERR = 1 << 16
DEFAULT_LIMIT_S = 3600.0


@dataclass(frozen=True)
class Program:
    """A program that can be run; `version` begins with its major version."""

    name: str
    path: Path
    version: tuple[int, int]

    @property
    def label(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version[0]}.{self.version[1]}"


def find_postgresql(name: str, folder: Path | None, least: int) -> Program:
    """Find a program of PostgreSQL whose major version is the lowest that is not below `least`.

    Args:
        name: The program, e.g. "pg_dump".
        folder: The only folder to look in; None: the PATH, then the places where packages install PostgreSQL.
        least: The major version of the server, or of the program that wrote the backup; 0: the newest is the best.

    Raises:
        BackupError: There is none, or only older ones.
    """
    found = list(_programs(name, _folders(name, folder)))
    usable = [program for program in found if program.version[0] >= least]
    if usable and least:
        return min(usable, key=lambda program: program.version[0])
    if usable:
        return max(usable, key=lambda program: program.version)
    wanted = str(least) if least else "a recent version"
    raise BackupError(
        f"{name} is older than what it has to work with" if found else f"{name} was not found",
        where=str(folder) if folder else "the PATH and the usual folders",
        expected=f"{name} {wanted} or newer" if least else name,
        found=", ".join(dict.fromkeys(program.label for program in found)) or "none",
        next_step=f"Install PostgreSQL's client programs (Debian, Ubuntu: postgresql-client-{least or 'NN'}; Homebrew: "
        f"postgresql@{least or 'NN'}), or name their folder with --pg-bin",
    )


def _folders(name: str, folder: Path | None) -> list[Path]:
    if folder is not None:
        return [folder]
    on_path = [Path(each) for each in os.environ.get("PATH", "").split(os.pathsep) if each]
    usual = [match for place in PLACES for match in sorted(Path("/").glob(place.removeprefix("/")), reverse=True)]
    return [each for each in (*on_path, *usual) if (each / name).is_file()]


def _programs(name: str, folders: Iterable[Path]) -> Iterable[Program]:
    for folder in dict.fromkeys(folders):
        path = shutil.which(name, path=str(folder))
        version = path and program_version(Path(path))
        if path and version:
            yield Program(name, Path(path), version)


def program_version(path: Path) -> tuple[int, int] | None:
    """The version that a program says it has; None where it says none."""
    try:
        said = subprocess.run(  # noqa: S603 - the program that was asked for, no shell
            [path, "--version"],
            capture_output=True,
            check=False,
            timeout=VERSION_LIMIT_S,
            stdin=subprocess.DEVNULL,
            env=child_environment(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = VERSION.search(said.stdout.decode(errors="replace"))
    return (int(found[1]), int(found[2])) if found else None


class Child:
    """A running program: it is ended at its time limit, and when the block is left, with all that it started.

    Args:
        program: What to run.
        arguments: Its arguments, none of them secret: every user of the machine can see them.
        environment: What it gets besides what any program does.
        limit_s: Seconds that it may take; None: an hour.
        stdin: PIPE, where `feed` gives it something to read.
    """

    def __init__(
        self,
        program: Program,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        limit_s: float | None = None,
        stdin: int = subprocess.DEVNULL,
    ) -> None:
        self._program, self._limit_s = program, DEFAULT_LIMIT_S if limit_s is None else limit_s
        self._said = bytearray()
        self._is_late = False
        self._process = subprocess.Popen(  # noqa: S603 - no shell
            [program.path, *arguments],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=child_environment(**{"LC_ALL": "C", **environment}),
            # A group of its own: an interrupt from the terminal reaches recon alone, which then ends the whole group.
            start_new_session=True,
        )
        self._listening = Thread(target=self._listen, name="recon-child", daemon=True)
        self._listening.start()
        self._timer = Timer(self._limit_s, self._expire)
        self._timer.daemon = True
        self._timer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(PATIENCE_S)
            if self._process.poll() is None:
                self._signal(signal.SIGKILL)
        self._process.wait()
        self._listening.join(PATIENCE_S)
        for pipe in (self._process.stdin, self.stdout, self._process.stderr):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    @property
    def stdout(self) -> IO[bytes]:
        """What it prints."""
        assert self._process.stdout is not None  # noqa: S101 - it was asked for a pipe
        return self._process.stdout

    def feed(self, text: IO[bytes]) -> None:
        """Give it all of `text` to read, unless it ends before that."""
        assert self._process.stdin is not None  # noqa: S101 - it was asked for a pipe
        with suppress(BrokenPipeError):
            shutil.copyfileobj(text, self._process.stdin)
            self._process.stdin.close()

    def ended(self) -> bool:
        """Wait for its end; returns whether it says that it succeeded.

        Raises:
            BackupError: It took longer than its limit.
            ResourceError: The disk is full.
        """
        while self._process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(SLICE_S)
        self._listening.join(PATIENCE_S)
        if self._is_late:
            raise BackupError(
                f"{self._program.name} took longer than its limit, and was ended",
                expected=f"its end within {self._limit_s:g} s",
                found=self.words[-1] if self.words else "no message",
                next_step="Raise --timeout, or look at what it waits for",
            )
        full = next((line for line in self.words if any(words in line for words in NO_ROOM_TEXTS)), None)
        if self._process.returncode == -signal.SIGXFSZ:
            full = "the limit of the size of files"
        if self._process.returncode and full:
            raise ResourceError("There is no room left on the disk", found=full, next_step=MAKE_ROOM)
        return self._process.returncode == 0

    @property
    def words(self) -> list[str]:
        """What it said on standard error, line by line, without secrets."""
        text = without_secrets(self._said.decode(errors="replace"))
        return [visible(line.strip())[:500] for line in text.splitlines() if line.strip()]

    def _listen(self) -> None:
        assert self._process.stderr is not None  # noqa: S101 - it was asked for a pipe
        with suppress(OSError, ValueError):
            while chunk := self._process.stderr.read1(1 << 14):  # type: ignore[attr-defined]
                self._said += chunk[: KEPT_OF_STDERR - len(self._said)]

    def _expire(self) -> None:
        if self._process.poll() is None:
            self._is_late = True
            self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(OSError):
            os.killpg(self._process.pid, number)
