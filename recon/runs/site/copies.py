"""What the site shows of each run beside its home page: hard-linked where the file system allows, else copied."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from recon.runs.evidence.sheet import SHEET
from recon.runs.evidence.sheet import on_site as sheet_on_site
from recon.runs.folder import ASSESSMENT, FOLDER_NAME, PARTS
from recon.runs.linking import added_on_site, on_site
from recon.runs.migrations import RECORD
from recon.scratch import ScratchFolder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from recon.runs.folder import RunFolder

REPORTS = (PARTS["report"], PARTS["html"], PARTS["charts"], PARTS["data_docs"])
PUBLISHED = (SHEET, "verification.json", ASSESSMENT, *REPORTS)
"""Never the snapshot, whose rows are not masked; the notebook holds what report.html shows, and requires a kernel."""

RECORDS = ("verification.json", ASSESSMENT, RECORD)
"""The file that each kind of folder has."""


def copy_runs(runs: Sequence[RunFolder], migrations: Mapping[str, Sequence[str]], target: Path) -> None:
    """Make `target` hold what runs and migrations publish, one folder each, and nothing of others.

    Unchanged files are left alone. A file that cannot be read is left out, which the list of runs reports.

    Args:
        runs: Runs and assessments.
        migrations: The files that each migration publishes, relative to its folder, by that folder's name.
        target: The folder of copies, in the site's.

    Raises:
        OSError: `target` cannot be written.
    """
    target.mkdir(parents=True, exist_ok=True)
    with ScratchFolder(".new-", target) as scratch:
        for folder, parts in _published(runs, migrations, target.parents[1]):
            _copy(folder, parts, target / folder.name, scratch.path)
    _remove_gone(target, {*(run.name for run in runs), *migrations})


def _published(
    runs: Sequence[RunFolder], migrations: Mapping[str, Sequence[str]], outputs: Path
) -> Iterator[tuple[Path, Sequence[str]]]:
    """Each folder, and what of it is published."""
    yield from ((run.path, PUBLISHED) for run in runs)
    yield from ((outputs / name, files) for name, files in migrations.items())


def _copy(folder: Path, parts: Sequence[str], target: Path, scratch: Path) -> None:
    wanted = [name for part in parts for name in _files(folder, part)]
    made: set[Path] = set()
    for name in wanted:
        final = target / name
        if final.parent not in made:
            final.parent.mkdir(parents=True, exist_ok=True)
            made.add(final.parent)
        if name == SHEET:
            _place_sheet(folder / name, final, scratch / "file")
        elif name.endswith(".html"):
            _place_page(folder / name, final, scratch / "file", name)
        else:
            _place(folder / name, final, scratch / "file")
    for name in set(_below(target)) - set(wanted):
        (target / name).unlink(missing_ok=True)


def _files(folder: Path, part: str) -> Iterator[str]:
    """The files of a part, by their path in the run's folder; links are ignored, since they lead elsewhere."""
    path = folder / part
    if path.is_symlink():
        return
    if path.is_file():
        yield part
    elif path.is_dir():
        yield from (f"{part}/{name}" for name in _below(path))


def _below(folder: Path | str) -> Iterator[str]:
    """The files in a folder and below it, by their path relative to it."""
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from (f"{entry.name}/{name}" for name in _below(entry.path))
            elif entry.is_file(follow_symlinks=False):
                yield entry.name


def _place(source: Path, final: Path, new: Path) -> None:
    """Put a file in its place in one step, so that no reader ever sees half of it."""
    with suppress(FileNotFoundError, PermissionError):
        if _same(source.stat(), final):
            return
        try:
            os.link(source, new)
        except OSError:
            # Another file system, one without links, or a file that belongs to another user.
            _duplicate(source, new)
        new.replace(final)
    # Renaming one hard link of a file onto another removes neither.
    new.unlink(missing_ok=True)


def _place_page(source: Path, final: Path, new: Path, name: str) -> None:
    """Put a page in its place, with a link to the home page as it is from there."""
    with suppress(FileNotFoundError, PermissionError):
        found = source.stat()
        if _same(found, final) or _same(found, final, len(added_on_site(name))):
            return
        try:
            text = source.read_text(encoding="utf-8")
            placed = on_site(text, name)
        except UnicodeDecodeError:
            text = placed = ""
        if placed != text:
            new.write_text(placed, encoding="utf-8")
            os.utime(new, ns=(found.st_atime_ns, found.st_mtime_ns))
            new.replace(final)
            return
    _place(source, final, new)


def _place_sheet(source: Path, final: Path, new: Path) -> None:
    """Put a go/no-go sheet in its place, with a link to the site as it is from there."""
    with suppress(FileNotFoundError, PermissionError, UnicodeDecodeError):
        text = sheet_on_site(source.read_text(encoding="utf-8"))
        if not final.is_file() or final.read_text(encoding="utf-8") != text:
            new.write_text(text, encoding="utf-8")
            new.replace(final)


def _same(source: os.stat_result, final: Path, added: int = 0) -> bool:
    """Whether a file is the other one or its copy, to which a link of that length was added."""
    try:
        found = final.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(source, found) or (source.st_size + added, source.st_mtime_ns) == (
        found.st_size,
        found.st_mtime_ns,
    )


def _duplicate(source: Path, new: Path) -> None:
    shutil.copyfile(source, new)
    times = source.stat()
    os.utime(new, ns=(times.st_atime_ns, times.st_mtime_ns))


def _remove_gone(target: Path, known: set[str]) -> None:
    """Remove the copies of runs that are gone, but not of one that a concurrent rebuild has added since."""
    outputs = target.parents[1]
    for copy in target.iterdir():
        is_copy = FOLDER_NAME.fullmatch(copy.name) and copy.name not in known
        if is_copy and not any((outputs / copy.name / file).is_file() for file in RECORDS):
            shutil.rmtree(copy, ignore_errors=True)
