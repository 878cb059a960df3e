"""A backup in the place of a database that is one file: a copy beside it, which takes its name in one step."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from contextlib import contextmanager, suppress
from errno import ENOENT
from pathlib import Path
from secrets import token_hex
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from recon.backup.contents import compare_contents
from recon.backup.replacing import UNCHANGED, require_equal
from recon.errors import RollbackError, lack_of_resources

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from recon.backup.contents import TableContent
    from recon.backup.replacing import Replacement, ReplacingListener
    from recon.database import DatabaseUrl

PROCESSES = Path("/proc")
BESIDE = ".recon-"
COPY = re.compile(r"\.recon-[0-9a-f]{16}\Z")
LOGS = ("-wal", "-shm", "-journal", ".wal")
STALE = "Something was written since the present state was backed up"
AGAIN = "Stop what writes to the database, and make the plan again: recon rollback restore"
CLOSE = "Close the program that has it open, and try again"


class FileKind(Protocol):
    """What differs between the kinds of files."""

    logs: tuple[str, ...]
    """What a database's name is followed by in the names of its logs."""

    def tables(self, file: Path) -> Mapping[str, TableContent]:
        """Rows and digest of every table of a file that nothing else has open."""

    def record(self, file: Path, statement: str) -> None:
        """Execute a statement in a file that nothing else has open."""

    def adapt(self, path: Path, beside: Path) -> None:
        """Give the file beside what the database at `path` is set to."""

    def held(self, file: Path) -> AbstractContextManager[Mapping[str, TableContent]]:
        """Keep every other program out, bring the log into the file, and give rows and digest of every table.

        Raises:
            RollbackError: Another program has it open.
        """


def replace_file(url: DatabaseUrl, wanted: Replacement, kind: FileKind, listener: ReplacingListener) -> float:
    """Replace the file; returns for how many seconds it was held.

    Raises:
        RollbackError: Nothing was changed, for the reason that it names.
        ResourceError: There is no room left; nothing was changed.
    """
    # Through a symbolic link, which stays.
    path = (url.path or Path()).resolve()
    beside = path.with_name(f".{path.name}{BESIDE}{token_hex(8)}")
    for name in swept(path):
        listener.note(f"Removed: {name}: left by one that was killed")
    try:
        # Held up to the end, so that others see that somebody is there.
        with _new_file(beside):
            _prepare(path, beside, wanted, kind, listener)
            return _exchange(path, beside, wanted, kind, listener)
    except OSError as error:
        raise lack_of_resources(error) or RollbackError(
            f"The backup cannot be put in the place of the file ({UNCHANGED})",
            where=str(path)[:300],
            found=error.strerror or str(error),
            next_step="Check the rights on the file and its folder",
        ) from error
    finally:
        for suffix in ("", *kind.logs):
            beside.with_name(beside.name + suffix).unlink(missing_ok=True)


def swept(path: Path) -> list[str]:
    """Remove what restores of this file left beside it that were killed; returns the names of the copies."""
    found = []
    # Not a pattern of its name, which may hold the signs of one.
    for copy in sorted(each for each in path.parent.iterdir() if each.name.startswith(f".{path.name}{BESIDE}")):
        if COPY.search(copy.name) and _is_left(copy):
            # First its logs: as long as it is there, the next one looks again.
            for suffix in (*LOGS, ""):
                copy.with_name(copy.name + suffix).unlink(missing_ok=True)
            found.append(copy.name)
    return found


def _is_left(copy: Path) -> bool:
    try:
        with copy.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except OSError:
        # Its process lives; or it is another account's, or gone by now.
        return False


@contextmanager
def _new_file(path: Path) -> Iterator[None]:
    """Create a file, and hold it by a lock that is independent of those of databases.

    Raises:
        FileNotFoundError: Another process took it for one that was left, and removed it, before it was held.
    """
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        # Some file systems know no such lock: what is left there is left to people.
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        if not os.fstat(file).st_nlink:
            raise FileNotFoundError(ENOENT, "Another restore removed its copy, try again")
        yield
    finally:
        os.close(file)


def _prepare(path: Path, beside: Path, wanted: Replacement, kind: FileKind, listener: ReplacingListener) -> None:
    listener.step("Copying the backup beside the database")
    shutil.copyfile(wanted.data, beside)
    listener.step("Comparing every table with the manifest")
    manifest = wanted.manifest
    differing = compare_contents(manifest.tables, kind.tables(beside), manifest.left_out)
    check = "Check the backup: recon backup test"
    require_equal(differing, "The backup did not bring back what its manifest says", str(path), check)
    if wanted.last:
        kind.record(beside, wanted.last)
    kind.adapt(path, beside)
    _as_owned(path, beside)
    _flush(beside)


def _as_owned(path: Path, beside: Path) -> None:
    """Give the copy the rights of the file, and its owner where this account may."""
    with suppress(FileNotFoundError):
        known = path.stat()
        with suppress(PermissionError):
            os.chown(beside, known.st_uid, known.st_gid)
        beside.chmod(known.st_mode & 0o7777)


def _exchange(path: Path, beside: Path, wanted: Replacement, kind: FileKind, listener: ReplacingListener) -> float:
    listener.step("Holding the database")
    _require_unopened(path)
    began = monotonic()
    with _held(path, wanted, kind) as present:
        if wanted.present is not None:
            differing = compare_contents(wanted.present, present)
            require_equal(differing, STALE, str(path), AGAIN)
        listener.step("Renaming")
        beside.replace(path)
        _flush(path.parent)
    return monotonic() - began


@contextmanager
def _held(path: Path, wanted: Replacement, kind: FileKind) -> Iterator[Mapping[str, TableContent]]:
    if wanted.present is not None:
        with kind.held(path) as present:
            yield present
        return
    # It is damaged, so that no program could hold it. Its logs would be taken for those of the new one.
    for suffix in kind.logs:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    yield {}


def _require_unopened(path: Path) -> None:
    """Require that no process that this account can look into has the file open: it would go on with the old one."""
    holders = sorted(_holders(path))
    if holders:
        raise RollbackError(
            f"Another program has the database open ({UNCHANGED})",
            where=str(path)[:300],
            found="; ".join(f"process {number}: {name}" for number, name in holders[:5]),
            next_step=CLOSE,
        )


def _holders(path: Path) -> Iterator[tuple[int, str]]:
    for process in PROCESSES.glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        with suppress(OSError):
            if any(_is_same(link, path) for link in (process / "fd").iterdir()):
                yield int(process.name), (process / "comm").read_text(errors="replace").strip()


def _is_same(link: Path, path: Path) -> bool:
    try:
        return str(link.readlink()) == str(path)
    except OSError:
        return False


def _flush(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
