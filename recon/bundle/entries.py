"""The entries of an archive: which are files of the bundle, which only named, and which unsafe."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING

import msgspec

from recon.bundle.formats import (
    NAMES,
    REPORT,
    TABLES,
    ReportFiles,
    is_never_read,
    leads_out,
    meant_name,
    path_below,
)
from recon.bundle.jsonfile import decode_mended, read_text
from recon.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from recon.bundle.archive import Unpacked

# A bundle has a handful of files; each entry of an archive takes a kilobyte of memory.
MOST_ENTRIES = 100_000


@dataclass(frozen=True)
class ArchiveEntry:
    """A file of an archive.

    Attributes:
        name: Its path in the archive.
        packed_bytes: Its compressed size, or that of the whole archive where its own is unknown.
        is_file: It is a regular file; otherwise a folder, a link or a device.
    """

    name: str
    packed_bytes: int
    is_file: bool
    is_folder: bool
    open: Callable[[], IO[bytes]]

    @property
    def path(self) -> PurePosixPath:
        """Its path; Windows separators are recognised too."""
        return PurePosixPath(self.name.replace("\\", "/"))


def add_entries(entries: Iterable[ArchiveEntry], unpacked: Unpacked) -> None:
    """Write the files of the single bundle among the entries.

    Raises:
        BundleError: There is no report or more than one, a path is unsafe, or a size limit is exceeded.
    """
    every = list(islice(entries, MOST_ENTRIES + 1))
    if len(every) > MOST_ENTRIES:
        raise _too_many(unpacked.path)
    named = [entry for entry in every if entry.path.name in NAMES]
    reports = [entry for entry in named if entry.path.name == REPORT]
    wanted = [*named, *_exports(every, reports)]
    for entry in wanted:
        _require_safe(entry, unpacked.path)
    if not reports:
        raise _no_report(every, unpacked.path)
    if len(reports) > 1:
        raise ambiguous([entry.name for entry in reports], unpacked.path)
    home = reports[0].path.parent
    near = [entry for entry in wanted if entry.path.parent == home]
    counts = Counter(entry.path for entry in near)
    if twice := [entry.name for entry in near if counts[entry.path] > 1]:
        raise ambiguous(twice, unpacked.path)
    for entry in near:
        _add(entry, entry.path.name, unpacked)
    for entry in _not_read(every, reports[0]):
        _add_name(entry, entry.path.name, unpacked)
    _add_below(every, home, unpacked)


def _add(entry: ArchiveEntry, name: str, unpacked: Unpacked) -> None:
    with entry.open() as content:
        unpacked.add(name, f"{unpacked.path}: {entry.name}", content, entry.packed_bytes)


def _add_name(entry: ArchiveEntry, name: str, unpacked: Unpacked) -> None:
    unpacked.add_empty(name, f"{unpacked.path}: {entry.name}", is_link=not entry.is_file)


def _add_below(entries: Iterable[ArchiveEntry], home: PurePosixPath, unpacked: Unpacked) -> None:
    """Write the files that the report names in folders below its own, and the names of others like them there."""
    found = {}
    for entry in entries:
        path = entry.path.relative_to(home) if entry.path.is_relative_to(home) else entry.path
        if not (entry.is_folder or leads_out(path)) and len(path.parts) > 1:
            found[path] = entry
    if not any(_is_table(path) for path in found):
        return
    named = _named_below(unpacked.folder / REPORT)
    for path, entry in found.items():
        if path in named and entry.is_file:
            _add(entry, str(path), unpacked)
        elif path in named or (_is_table(path) and len(path.parts) == 2):
            _add_name(entry, str(path), unpacked)


def _is_table(path: PurePosixPath) -> bool:
    return path.suffix.lower() in TABLES


def _named_below(report: Path) -> set[PurePosixPath]:
    """Return the paths of exports below the report's folder that it names; none where it cannot be read."""
    try:
        files = decode_mended(report, read_text(report), ReportFiles)
    except (msgspec.MsgspecError, RecursionError, BundleError):
        return set()
    named = (path_below(entity.file) for entity in (files.members, files.events, files.registrations))
    return {path for path in named if path}


def _exports(entries: Iterable[ArchiveEntry], reports: Iterable[ArchiveEntry]) -> Iterator[ArchiveEntry]:
    """Return the files next to a report that may be exports, except links."""
    folders = {report.path.parent for report in reports}
    files = (entry for entry in entries if entry.is_file and entry.path.parent in folders)
    return (file for file in files if _is_table(file.path))


def _not_read(entries: Iterable[ArchiveEntry], report: ArchiveEntry) -> Iterator[ArchiveEntry]:
    """Return what is next to the report and is never read, and named for its name alone; links to exports, too."""
    files = (entry for entry in entries if not entry.is_folder and entry.path.parent == report.path.parent)
    for file in files:
        is_link = not file.is_file and _is_table(file.path)
        if is_link or is_never_read(file.path.name) or meant_name(file.path.name):
            yield file


def _require_safe(entry: ArchiveEntry, path: Path) -> None:
    drive = ":" in entry.path.parts[0]
    if entry.is_file and not entry.path.is_absolute() and ".." not in entry.path.parts and not drive:
        return
    raise BundleError(
        "The archive names an unsafe path",
        where=f"{path}: {entry.name[:200]}",
        expected="plain files inside the archive's own folder",
        found="a path that leads out of it" if entry.is_file else "a link, a folder or a device",
        next_step="Do not unpack it; ask who made it",
    )


def _no_report(entries: list[ArchiveEntry], path: Path) -> BundleError:
    return BundleError(
        f"The archive has no {REPORT}",
        where=str(path),
        expected=f"an archive of the folder that holds {REPORT}",
        found=", ".join(entry.name for entry in entries[:5])[:200] or "an empty archive",
        next_step="Check that the whole bundle was packed",
    )


def _too_many(path: Path) -> BundleError:
    return BundleError(
        "The archive has too many entries",
        where=str(path),
        expected=f"the files of one bundle, at most {MOST_ENTRIES:,} entries",
        found="more",
        next_step="Pack the folder of the bundle alone, or unpack it yourself and name that folder",
    )


def ambiguous(names: list[str], path: Path) -> BundleError:
    """Return the error for files of one bundle that stand for the same."""
    return BundleError(
        "The bundle has the same file twice",
        where=str(path),
        expected=f"one {REPORT}, compressed or not, and one of each other file",
        found=", ".join(names[:5])[:300],
        next_step="Keep the intended one",
    )
