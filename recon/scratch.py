"""Folders that must not outlive the process, even if it is interrupted while one is being created or filled.

What a SIGKILL or a power cut leaves is swept by the next process of the same user that makes one in the same place.
Each has an advisory lock, which the system takes from a process that ends, whatever ended it: what can be locked
belongs to none. A name says that there is a lock (`.recon-held`); it is given once the lock is there.
"""

from __future__ import annotations

import atexit
import os
import re
import stat
import sys
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from shutil import rmtree
from tempfile import gettempdir
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Self
from weakref import finalize

from recon.errors import lack_of_resources, no_temporary_folder, visible

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

# Without it, nothing has a lock, and nothing is swept.
fcntl: Any = import_module("fcntl") if os.name == "posix" else None
ATTEMPTS = 5
HELD = ".recon-held"
OURS = re.compile(r"(?:recon-[a-z]+-|\..*)[0-9a-f]{16}\.recon-held", re.DOTALL)
UNFINISHED = ".unfinished-"
"""How the names of folders begin that people may miss: those of runs, plans and backups that were not finished."""
SWEEP_LIMIT_S = 2.0
"""How long the end of the program waits for what is being swept."""
_making = Lock()
_swept: set[str] = set()
_sweeping: list[Thread] = []
_missed: list[str] = []


class _Claim:
    """The lock on a folder or file of this process, while it has one."""

    def __init__(self) -> None:
        self.file: int | None = None

    def take(self, path: Path) -> Path:
        """Lock it, and return its path under a name that says so; its own path where it cannot be locked."""
        if fcntl is None:
            return path
        held = path.with_name(path.name + HELD)
        try:
            self.file = _locked(path)
            path.rename(held)
        except OSError:
            self.drop()
            return path
        return held

    def drop(self) -> None:
        """Give the lock up."""
        if self.file is not None:
            os.close(self.file)
            self.file = None


class ScratchFolder:
    """An initially empty folder, accessible to its owner only, that is removed with its contents.

    It is removed on `close`, when this object is garbage-collected, or when the program ends, whichever comes first.
    The removal is registered before the folder exists, so there is no moment at which an interrupt leaves it behind.

    Attributes:
        path: The path of the folder.

    Args:
        prefix: The beginning of its name.
        parent: The folder to create it in; None: the system's folder for temporary files.

    Raises:
        OSError: It cannot be created in `parent`.
        ResourceError: It cannot be created in the system's folder for temporary files, or there is no such folder.
    """

    def __init__(self, prefix: str, parent: Path | None = None) -> None:
        made = (parent or _temporary_folder()) / f"{prefix}{os.urandom(8).hex()}"
        claim = _Claim()
        with _making:
            self.close = finalize(self, _remove, made, claim)
            try:
                made.mkdir(mode=0o700)
            except OSError as error:
                self.close.detach()
                if parent is None:
                    raise lack_of_resources(error) or no_temporary_folder(error) from error
                raise
            self.path = claim.take(made)
        sweep(made.parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _temporary_folder() -> Path:
    try:
        return Path(gettempdir())
    except FileNotFoundError as error:
        raise no_temporary_folder(error) from error


def _remove(made: Path, claim: _Claim) -> None:
    """Remove a folder, retrying if a background thread writes into it meanwhile; what cannot be removed stays."""
    for path in (made.with_name(made.name + HELD), made):
        _remove_tree(path)
    claim.drop()


def _remove_tree(path: Path) -> None:
    for _ in range(ATTEMPTS):
        if not path.exists():
            return
        rmtree(path, ignore_errors=True)


@contextmanager
def scratch_file(place: Path) -> Iterator[Path]:
    """A new, empty file beside `place`, which only its owner may read; removed at the end, unless it was renamed.

    Raises:
        OSError: It cannot be made.
    """
    made = place.with_name(f".{place.name[:40]}.{os.urandom(8).hex()}")
    claim, path = _Claim(), made
    try:
        os.close(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        path = claim.take(made)
        sweep(place.parent)
        yield path
    finally:
        for each in (made, path):
            each.unlink(missing_ok=True)
        claim.drop()


def sweep(folder: Path) -> None:
    """Remove, beside what the program does, what killed processes of this user left in a folder; once per process."""
    name = str(folder)
    if fcntl is None or name in _swept:
        return
    _swept.add(name)
    thread = Thread(target=_sweep, args=(name,), name="recon-sweep", daemon=True)
    with suppress(RuntimeError):
        thread.start()
        _sweeping.append(thread)


def swept(folder: Path) -> list[str]:
    """Remove what killed processes of this user left in a folder, and return the names of what is removed."""
    found = [] if fcntl is None else sorted(_removed(str(folder)))
    _swept.add(str(folder))
    return found


def _sweep(folder: str) -> None:
    _missed.extend(str(Path(folder, name)) for name in _removed(folder) if name.startswith(UNFINISHED))


def _removed(folder: str) -> Iterator[str]:
    """Remove what was left in a folder, name by name; nothing where anybody could give such a name to another's."""
    with suppress(OSError), os.scandir(folder) as entries:
        mode = Path(folder).stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            return
        for entry in entries:
            if OURS.fullmatch(entry.name):
                with suppress(OSError):
                    if _is_removed(entry):
                        yield entry.name


def _is_removed(entry: os.DirEntry[str]) -> bool:
    """Remove it if no process has it; a link, and what another user owns, is left alone."""
    found = entry.stat(follow_symlinks=False)
    is_folder = stat.S_ISDIR(found.st_mode)
    if found.st_uid != os.geteuid() or not (is_folder or stat.S_ISREG(found.st_mode)):
        return False
    path = Path(entry.path)
    lock = _locked(path)
    try:
        # Another process may have swept it in the meantime.
        if not (os.path.samestat(os.fstat(lock), found) and os.path.samestat(path.lstat(), found)):
            return False
        _remove_tree(path) if is_folder else path.unlink()
        return not path.exists()
    finally:
        os.close(lock)


def _locked(path: Path) -> int:
    """Open a folder or file and lock it; children do not inherit the lock.

    Raises:
        OSError: It is a link, or another process has the lock, or its file system has none.
    """
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise
    return file


def _end_sweeping() -> None:
    for thread in _sweeping:
        thread.join(SWEEP_LIMIT_S)
    for name in sorted(_missed):
        with suppress(OSError, AttributeError):
            sys.stderr.write(f"Removed: {visible(name)}: left unfinished by a command that was killed\n")
    _missed.clear()


def _make_no_more() -> None:
    """Block background threads from creating folders that would no longer be removed."""
    _making.acquire()


# atexit calls handlers last in, first out: creating a finalizer first registers weakref's hook, so ours runs before it.
finalize(_making, lambda: None).detach()
atexit.register(_make_no_more)
atexit.register(_end_sweeping)
