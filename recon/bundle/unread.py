"""Finds each file that looks like an export, or like another file of a bundle, and was not read."""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from recon.bundle.exports import may_be_export
from recon.bundle.formats import (
    CONFIG,
    NAMES,
    OTHER_POLICIES,
    PACKED,
    POLICIES,
    REPORT,
    SPREADSHEETS,
    TABLES,
    ImportConfig,
    is_never_read,
    leads_out,
    meant_name,
    stated_path,
)
from recon.bundle.headers import is_header_alone, is_table
from recon.bundle.jsonfile import convert
from recon.bundle.places import below, entries_of, folder_of, home_of, is_hidden, reported_name, reported_names
from recon.bundle.unfit import why_left, why_not_read
from recon.errors import BundleError
from recon.model import ENTITIES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from recon.bundle.model import Bundle


def find_unread(bundle: Bundle, named: Path | None) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return why files are not read: by the entity that they should stand for, and one sentence each for the rest.

    Where the report lists the records of every entity, no export is wanted, and no file is looked at.

    Args:
        bundle: With the exports that are read.
        named: The folder that was searched instead of the bundle; None: the bundle.
    """
    wanted = [entity for entity in ENTITIES if named or entity not in bundle.recorded]
    if not wanted:
        return {}, ()
    read = {export.file for export in bundle.exports.values()}
    folder = named or folder_of(bundle)
    files = entries_of(folder)
    unlisted = [entity for entity in wanted if entity not in bundle.listed]
    meant = {entity: _meant(bundle, entity, files, named) for entity in unlisted}
    names = reported_names(bundle)
    left = [
        file
        for file in files
        if file not in read
        and file not in meant.values()
        and _is_like_export(file, names)
        and _is_wanted(file, names, wanted)
    ]
    empty = (*_recoded(bundle), *_without_rows(bundle))
    absent = {entity: why for entity in unlisted if not meant[entity] and (why := _why_absent(bundle, entity, folder))}
    nested = [] if not unlisted else [*_nested(bundle, folder, names)]
    if not left and not any(meant.values()):
        return absent, (*empty, *nested)
    config = convert(bundle.config or {}, ImportConfig, file=bundle.report_file.with_name(CONFIG))
    reasons = {
        entity: why_not_read(file, entity, config, bundle, folder) for entity, file in meant.items() if file is not None
    }
    notes = [
        f"Not read as an export: {why}" for file in left if (why := why_left(file, wanted, config, bundle, folder))
    ]
    return reasons | absent, (*empty, *notes, *nested)


def misnamed(bundle: Bundle) -> Iterator[str]:
    """Yield which files of the bundle have nearly the name of one that is missing."""
    folder = folder_of(bundle)
    if _is_there(folder / POLICIES) and _is_there(folder / OTHER_POLICIES):
        yield f"{OTHER_POLICIES} is not read: {POLICIES} is"
    for file in entries_of(folder):
        meant = meant_name(file.name)
        others = (OTHER_POLICIES,) if meant == POLICIES else ()
        if meant and not any(_is_there(folder / name) for name in (meant, f"{meant}.gz", *others)):
            yield f"{file.name} is not read: it would be under the name {meant}"


def beside(bundle: Bundle) -> Iterator[str]:
    """Yield which files of a bundle are beside a report that was named alone."""
    path = bundle.path
    if bundle.unpacked is None or bundle.unpacked.labels.get(bundle.report_file) != str(path):
        return
    for name in (POLICIES, OTHER_POLICIES, CONFIG):
        for file in (path.with_name(name), path.with_name(f"{name}.gz")):
            if file.exists():
                yield (
                    f"{file.name} beside {path.name} is not read, because the bundle is that one file: name its folder "
                    f"instead, with the report as {REPORT}.gz"
                )


def _recoded(bundle: Bundle) -> Iterator[str]:
    """Yield which exports are not UTF-8, and how they are read."""
    for export in bundle.exports.values():
        if export.foreign_line is not None:
            yield (
                f"{export.file.name} is not UTF-8 (line {export.foreign_line:,} is the first that is not) and is read "
                "as Windows-1252: if its texts look wrong, save it as CSV in UTF-8"
            )


def _without_rows(bundle: Bundle) -> Iterator[str]:
    """Yield which exports are read and have no rows, although the report counts some."""
    for entity, export in bundle.exports.items():
        report = bundle.entities[entity]
        counted = max(report.expected, report.total_rows or 0, report.parsed or 0)
        if counted and is_header_alone(export):
            yield (
                f"{export.file.name} has a header and no rows, and the report counts {counted:,} of the {entity}: "
                "put the file there that the importer read"
            )


def _is_like_export(file: Path, names: dict[str, str]) -> bool:
    kind = file.suffix.lower()
    if is_hidden(file) or file.name in NAMES:
        return False
    if file.name in names or is_never_read(file.name):
        return True
    return may_be_export(file, names) or (kind in TABLES and (kind != ".txt" or _is_unknown_table(file)))


def _is_unknown_table(file: Path) -> bool:
    try:
        return is_table(file)
    except BundleError:
        return False


def _nested(bundle: Bundle, folder: Path, names: Collection[str]) -> Iterator[str]:
    """Yield which files of folders below look like exports, and are not read because the report does not name them."""
    read = [export.file for export in bundle.exports.values()]
    read += [file for entity in ENTITIES if (file := below(folder, bundle, entity))]
    for inner in (entry for entry in entries_of(folder) if entry.is_dir() and not is_hidden(entry)):
        for file in entries_of(inner):
            is_like = file.name in names or file.suffix.lower() in (".csv", ".tsv")
            if is_like and not is_hidden(file) and file.is_file() and file not in read:
                yield (
                    f"Not read as an export: {inner.name}/{file.name} is in a folder below, where the report does not "
                    f"name it: move it beside {REPORT}, or name its folder with --exports"
                )


def _why_absent(bundle: Bundle, entity: str, folder: Path) -> str | None:
    """Return why what the report names is not read; None: it names nothing that could be there.

    An absolute path is one of the machine that the importer ran on, unless the file is there.
    """
    path = stated_path(bundle.entities[entity].file)
    if len(path.parts) < 2 or not path.name:
        return None
    shown, place = str(path)[:200], f"put {path.name} beside {REPORT}"
    if not leads_out(path):
        return f"{shown} is not there: put it there, or {place}"
    if ".." in path.parts or _is_there(folder / path):
        return f"{shown} leads out of the bundle and is not followed: {place}"
    return None


def _is_there(path: Path) -> bool:
    try:
        return os.path.lexists(path)
    except ValueError:
        return False


def _is_wanted(file: Path, names: dict[str, str], wanted: list[str]) -> bool:
    """Return whether the file is not what the report names for an entity whose records it lists itself."""
    return names.get(file.name, wanted[0]) in wanted


def _meant(bundle: Bundle, entity: str, files: list[Path], named: Path | None) -> Path | None:
    """Return the file that should stand for the entity's records: under the report's name, or else one like it."""
    name = reported_name(bundle, entity)
    if not name or name in NAMES:
        return None
    nested = below(named or folder_of(bundle), bundle, entity)
    if nested:
        return nested
    near = [*files, *(entries_of(home_of(bundle)) if named is None else ())]
    exact = [file for file in near if file.name == name]
    return next(iter(exact or [file for file in near if _is_called_like(file, name)]), None)


def _is_called_like(file: Path, name: str) -> bool:
    """Return whether the file has the name in another kind or case, or packed."""
    if is_hidden(file) or file.name in NAMES:
        return False
    stem, kind = (part.casefold() for part in (PurePosixPath(name).stem, file.suffix))
    packed = kind in PACKED and file.stem.casefold() in (name.casefold(), stem)
    return packed or (kind in (*TABLES, *SPREADSHEETS) and file.stem.casefold() == stem)
