"""Says why no records are read from a file: what its header lacks, what to write where, or that it is no text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.bundle.formats import CONFIG, PACKED, SPREADSHEETS, ImportConfig
from recon.bundle.headers import HEADERS, TELLING, cells_of, headers_of, known_headers, plain, readings
from recon.bundle.places import is_inside, reported_name
from recon.model import ENTITIES, SINGULAR

if TYPE_CHECKING:
    from collections.abc import Iterator
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


def why_left(file: Path, wanted: list[str], config: ImportConfig, bundle: Bundle, folder: Path) -> str | None:
    """Return why a file that no entity waits for is not read; None: records of the report stand for it."""
    why = _why_no_table(file, bundle)
    if why:
        return f"{file.name} {why}"
    scores = {entity: _score(file, entity, config) for entity in TELLING}
    best = max(scores, key=lambda entity: scores[entity])
    if not any(scores[best]):
        named = ", ".join(f"{SINGULAR[entity]}_fields" for entity in ENTITIES)
        return f"{file.name} has no header that is known: if it is an export, name its headers in {CONFIG} ({named})"
    return why_not_read(file, best, config, bundle, folder) if best in wanted else None


def _score(file: Path, entity: str, config: ImportConfig) -> tuple[bool, bool, float]:
    """Return how much speaks for the entity: all that it needs, its name, the share of its headers."""
    found, lacks, _ = _best_reading(file, entity, config)
    called = next((each for each, words in WORDS.items() if any(word in plain(file.stem) for word in words)), None)
    return not lacks, called == entity, found / len(HEADERS[entity])


def why_not_read(file: Path, entity: str, config: ImportConfig, bundle: Bundle, folder: Path) -> str:
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
