"""Folders of backups: each appears complete or not at all, and only its owner can read it."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from datetime import UTC
from typing import TYPE_CHECKING

from recon.backup.manifest import MANIFEST
from recon.errors import BackupError, lack_of_resources
from recon.scratch import UNFINISHED, ScratchFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

STATEMENT = "statement.json"
FOLDER = re.compile(r"\d{8}T\d{6}Z-[A-Za-z0-9._-]{1,80}")
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
NAME_LENGTH = 64


def folder_name(instant: datetime, name: str) -> str:
    """The name of a backup's folder, e.g. 20240115T143000Z-club: names sort by time."""
    safe = UNSAFE.sub("-", name)[:NAME_LENGTH].strip(".-") or "database"
    return f"{instant.astimezone(UTC):%Y%m%dT%H%M%SZ}-{safe}"


@contextmanager
def new_folder(backups: Path) -> Iterator[Path]:
    """A hidden working folder that is removed at the end unless it was published.

    Raises:
        BackupError: `backups` cannot be created or written to.
        ResourceError: There is no room left.
    """
    try:
        backups.mkdir(parents=True, exist_ok=True, mode=0o700)
        working = ScratchFolder(UNFINISHED, backups)
    except OSError as error:
        raise _unwritable(backups, error) from error
    with working:
        try:
            yield working.path
        except OSError as error:
            raise _unwritable(backups, error) from error


def _unwritable(backups: Path, error: OSError) -> Exception:
    return lack_of_resources(error) or BackupError(
        "The folder of backups cannot be written to",
        where=str(backups)[:300],
        found=error.strerror,
        next_step="Choose another with --backups",
    )


def publish(working: Path, name: str) -> Path:
    """Rename the finished folder in one step, after all of it has reached the disk; returns its path."""
    for path in working.iterdir():
        path.chmod(0o600)
        _flush(path)
    _flush(working)
    for number in range(1, 1000):
        final = working.with_name(name if number == 1 else f"{name}-{number}")
        if final.exists():
            continue
        try:
            working.rename(final)
        except OSError:
            if not final.exists():
                raise
            continue
        _flush(final.parent)
        return final
    raise BackupError("The backup cannot be named", where=str(working.with_name(name)), found="1000 of them")


def _flush(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def backup_folders(backups: Path) -> list[Path]:
    """The backups and statements in a folder, the newest first; anything else is ignored.

    Raises:
        BackupError: The folder cannot be read.
    """
    try:
        found = [path for path in backups.iterdir() if FOLDER.fullmatch(path.name)]
        return sorted(filter(_is_backup, found), key=lambda path: (path.name.partition("-")[0], path.name))[::-1]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BackupError(
            "The folder of backups cannot be read",
            where=str(backups)[:300],
            found=error.strerror,
            next_step="Check its rights, or choose another with --backups",
        ) from error


def _is_backup(path: Path) -> bool:
    return (path / MANIFEST).exists() or (path / STATEMENT).exists()


def unfinished(backups: Path) -> list[str]:
    """Names of working folders that an interrupted `create` left, or that one is filling now."""
    try:
        return sorted(path.name for path in backups.iterdir() if path.name.startswith(UNFINISHED))
    except OSError:
        return []
