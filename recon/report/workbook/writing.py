"""Puts a workbook where it is to be, complete or not at all."""

from __future__ import annotations

import ctypes
import os
from importlib import import_module
from shutil import rmtree
from typing import TYPE_CHECKING

from recon.report.files import replaced_file, umask
from recon.report.workbook.csv_files import write_archive, write_folder
from recon.scratch import ScratchFolder

if TYPE_CHECKING:
    from pathlib import Path

    from recon.report.workbook.contents import Workbook

# renameat2(2): paths count from the working directory; the two names are exchanged.
AT_FDCWD, RENAME_EXCHANGE = -100, 2


def write_workbook(workbook: Workbook, format_name: str, path: Path, *, as_folder: bool) -> None:
    """Write a workbook; what is not masked can be read by its owner only.

    Args:
        workbook: The tables.
        format_name: "xlsx" or "csv".
        path: A link is followed; an existing file or folder is replaced.
        as_folder: Whether it is a folder of files.

    Raises:
        OSError: It cannot be written.
    """
    place = path.resolve()
    if as_folder:
        _replace_folder(workbook, place)
        return
    with replaced_file(place, is_private=not workbook.masked) as temporary:
        if format_name == "csv":
            write_archive(workbook, temporary)
        else:
            # No other format needs the library.
            import_module("recon.report.workbook.xlsx").write_xlsx(workbook, temporary)


def _replace_folder(workbook: Workbook, place: Path) -> None:
    """Write the files beside the folder, then exchange both in one step, so that a kill leaves one of them in place."""
    with ScratchFolder(f".{place.name[:40]}.", place.parent) as scratch:
        new = scratch.path / "new"
        new.mkdir()
        write_folder(workbook, new)
        file_mode, folder_mode = (0o600, 0o700) if not workbook.masked else (0o666 & ~umask(), 0o777 & ~umask())
        for file in new.iterdir():
            file.chmod(file_mode)
        new.chmod(folder_mode)
        if not place.exists():
            new.rename(place)
        elif not _exchanged(new, place):
            _exchange_in_steps(new, place)


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange the names of two folders; returns whether the system and the file system can."""
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    names = (os.fsencode(one), os.fsencode(other))
    return rename is not None and rename(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE) == 0


def _exchange_in_steps(new: Path, place: Path) -> None:
    """Exchange two folders by two renames; what a kill leaves between them has a name that is never swept."""
    old = place.with_name(f".{place.name[:40]}.old-{os.urandom(8).hex()}")
    place.rename(old)
    try:
        new.rename(place)
    except OSError:
        old.rename(place)
        raise
    rmtree(old, ignore_errors=True)
