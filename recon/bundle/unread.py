"""Says of each file that looks like an export, or has the name of one, why no records were read from it."""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from recon.bundle.exports import (
    HEADERS,
    TELLING,
    below,
    cells_of,
    entries_of,
    folder_of,
    headers_of,
    home_of,
    is_header_alone,
    is_hidden,
    is_inside,
    is_table,
    known_headers,
    may_be_export,
    plain,
    readings,
    reported_name,
    reported_names,
)
from recon.bundle.formats import (
    CONFIG,
    NAMES,
    PACKED,
    REPORT,
    SPREADSHEETS,
    TABLES,
    ImportConfig,
    is_never_read,
    leads_out,
    stated_path,
)
from recon.bundle.jsonfile import convert
from recon.errors import BundleError
from recon.model import ENTITIES, SINGULAR

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from recon.bundle.model import Bundle

# What a spreadsheet begins with, whatever it is called: a ZIP archive, or Microsoft's compound file.
SPREADSHEET_STARTS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
# The most specific first: registrations are often called event registrations.
WORDS = {
    "registrations": ("registration", "attendee", "rsvp"),
    "events": ("event",),
    "members": ("member", "contact"),
}


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
        entity: _why_not_read(file, entity, config, bundle, folder)
        for entity, file in meant.items()
        if file is not None
    }
    notes = [
        f"Not read as an export: {why}" for file in left if (why := _why_left(file, wanted, config, bundle, folder))
    ]
    return reasons | absent, (*empty, *notes, *nested)


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


def _why_left(file: Path, wanted: list[str], config: ImportConfig, bundle: Bundle, folder: Path) -> str | None:
    """Return why a file that no entity waits for is not read; None: records of the report stand for it."""
    why = _why_no_table(file, bundle)
    if why:
        return f"{file.name} {why}"
    scores = {entity: _score(file, entity, config) for entity in TELLING}
    best = max(scores, key=lambda entity: scores[entity])
    if not any(scores[best]):
        named = ", ".join(f"{SINGULAR[entity]}_fields" for entity in ENTITIES)
        return f"{file.name} has no header that is known: if it is an export, name its headers in {CONFIG} ({named})"
    return _why_not_read(file, best, config, bundle, folder) if best in wanted else None


def _score(file: Path, entity: str, config: ImportConfig) -> tuple[bool, bool, float]:
    """Return how much speaks for the entity: all that it needs, its name, the share of its headers."""
    found, lacks, _ = _best_reading(file, entity, config)
    called = next((each for each, words in WORDS.items() if any(word in plain(file.stem) for word in words)), None)
    return not lacks, called == entity, found / len(HEADERS[entity])


def _why_not_read(file: Path, entity: str, config: ImportConfig, bundle: Bundle, folder: Path) -> str:
    """Return why a file is no export of the entity: what its header lacks, and what to write where."""
    name = _label(file, folder)
    why = _why_no_table(file, bundle)
    if why:
        return f"{name} {why}"
    if name != file.name and not is_inside(file, folder):
        return f"{name} is a link that leads out of the bundle and is not followed: put the file itself there"
    _, lacks, has = _best_reading(file, entity, config)
    if lacks:
        wanted = ", ".join(HEADERS[entity][key] for key in lacks)
        place = ", ".join(f"{SINGULAR[entity]}_fields.{key}" for key in lacks)
        shown = ", ".join(has) or "none that is known"
        return f"{name} has no {wanted}; has {shown}: name it under {place} in {CONFIG}"
    others = {export.file: export.entity for export in bundle.exports.values()}
    if file in others:
        return f"{name} is read as the export of the {others[file]}"
    if entity in bundle.exports:
        return f"{name} is an export of the {entity} too, and {_label(bundle.exports[entity].file, folder)} is read"
    return f"{file.name} is not called {reported_name(bundle, entity)}, as the report has it: rename it"


def _label(file: Path, folder: Path) -> str:
    """Return the name of the file, with the folder below this one that it is in."""
    return file.relative_to(folder).as_posix() if file.is_relative_to(folder) else file.name


def _best_reading(file: Path, entity: str, config: ImportConfig) -> tuple[int, list[str], list[str]]:
    """Return of the separator that gives the most: how many columns are found, the keys lacking, the headers known."""
    named = headers_of(entity, config)
    read = [(cells_of([plain(cell) for cell in cells], named), cells) for _, _, cells in readings(file)]
    found, cells = max(read, key=lambda each: (len(each[0]), len(known_headers(each[1]))), default=({}, []))
    return len(found), [key for key in TELLING[entity] if key not in found], known_headers(cells)


def _why_no_table(file: Path, bundle: Bundle) -> str | None:
    """Return why a file is no text with a header; None: it is one."""
    if bundle.unpacked and file in bundle.unpacked.links:
        return "is a link or a device in the archive: pack the file itself"
    if not file.is_file():
        return "is a folder" if file.is_dir() else "is a link to nothing" if file.is_symlink() else "is no file"
    if file.suffix.lower() in SPREADSHEETS:
        return "is a spreadsheet: save it as CSV"
    if file.suffix.lower() in PACKED:
        return "is packed: unpack it"
    try:
        with file.open("rb") as opened:
            start = opened.read(4096)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return next(_why_no_text(start), None)


def _why_no_text(start: bytes) -> Iterator[str]:
    if not start.removeprefix(b"\xef\xbb\xbf").strip() or start in (b"\xff\xfe", b"\xfe\xff"):
        yield "is empty"
    if start.startswith(SPREADSHEET_STARTS):
        yield "is a spreadsheet under the name of a text: save it as CSV"
    if b"\0" in start and start[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        yield "is no text, or UTF-16 without its byte order mark: save it as CSV in UTF-8"
