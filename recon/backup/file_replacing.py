"""A backup in the place of a database that is one file: a copy beside it, which takes its name in one step."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager, suppress
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
    beside = path.with_name(f".{path.name}.recon-{token_hex(8)}")
    try:
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


def _prepare(path: Path, beside: Path, wanted: Replacement, kind: FileKind, listener: ReplacingListener) -> None:
    listener.step("Copying the backup beside the database")
    os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
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
