"""Puts a workbook where it is to be, complete or not at all."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from recon.report.files import replaced_file, umask
from recon.report.workbook.csv_files import write_archive, write_folder
from recon.scratch import ScratchFolder

if TYPE_CHECKING:
    from pathlib import Path

    from recon.report.workbook.contents import Workbook


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
    """Write the files beside the folder, then exchange both."""
    with ScratchFolder(f".{place.name[:40]}.", place.parent) as scratch:
        new, old = scratch.path / "new", scratch.path / "old"
        new.mkdir()
        write_folder(workbook, new)
        file_mode, folder_mode = (0o600, 0o700) if not workbook.masked else (0o666 & ~umask(), 0o777 & ~umask())
        for file in new.iterdir():
            file.chmod(file_mode)
        new.chmod(folder_mode)
        if place.exists():
            place.rename(old)
        try:
            new.rename(place)
        except OSError:
            if old.exists():
                old.rename(place)
            raise
