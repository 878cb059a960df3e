"""Finds, by their headers, the Wild Apricot exports that the importer read, where its report does not list records."""

from __future__ import annotations

import csv
import os
import re
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from recon.bundle.encoding import decode_start, encoding_of
from recon.bundle.formats import CONFIG, NAMES, SPREADSHEETS, TABLES, ImportConfig, path_below, stated_path
from recon.bundle.jsonfile import convert
from recon.bundle.model import Export
from recon.errors import BundleError
from recon.model import ENTITIES, SINGULAR

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from recon.bundle.model import Bundle

HEADER_BYTES = 64 * 2**10
SEPARATORS = (",", ";", "\t", "|")
# A text file with this many known headers is an export, whatever it is called.
EXPORT_HEADERS = 2
COMPARED_ROWS = 5
SEPARATOR_LINE = re.compile(r"\s*\"?sep=(?P<separator>[,;\t|])\"?\s*?(?:\r\n|\r|\n)\s*", re.IGNORECASE)
# Keyed as records are; migration-config.json may name other headers.
HEADERS = {
    "members": {
        "waId": "Contact ID",
        "firstName": "First name",
        "lastName": "Last name",
        "email": "Email",
        "phone": "Phone",
        "joinedAt": "Member since",
        "waMembershipLevel": "Membership level",
    },
    "events": {
        "waId": "Event ID",
        "title": "Event name",
        "description": "Description",
        "category": "Tags",
        "location": "Location",
        "startTime": "Start date",
        "endTime": "End date",
        "capacity": "Registration limit",
    },
    "registrations": {
        "waId": "Registration ID",
        "memberId": "Contact ID",
        "eventId": "Event ID",
        "status": "Registration status",
        "registeredAt": "Registration date",
        "cancelledAt": "Cancellation date",
    },
}
# The most specific first: an export of registrations may repeat columns of the member and the event.
TELLING = {
    "registrations": ("waId", "memberId", "eventId"),
    "events": ("waId", "title", "startTime"),
    "members": ("waId", "firstName", "lastName", "email"),
}
# Those of Wild Apricot that no key is read from tell what a file is, too.
KNOWN = {
    name.casefold(): name
    for names in (*(headers.values() for headers in HEADERS.values()), ("User ID", "Member ID"))
    for name in names
}


def find_exports(bundle: Bundle, named: Path | None) -> dict[str, Export]:
    """Return the exports by entity.

    Args:
        bundle: The bundle, which states which records are not listed and what the exports were called; an export may
            be among its files, or next to it under exactly the name that the report gives.
        named: The folder to search instead; its exports also replace records that the report lists.

    Raises:
        BundleError: `named` holds no export, or several files qualify as the export of an entity.
    """
    wanted = [entity for entity in ENTITIES if named or entity not in bundle.listed]
    if not wanted:
        return {}
    files = _tables(named, bundle) if named else [*_within(bundle), *_reported(bundle)]
    files = [*_below(named or folder_of(bundle), bundle), *files]
    if not named and not files:
        # Without exports, their configuration is not needed and must not cause an error.
        return {}
    config = convert(bundle.config or {}, ImportConfig, file=bundle.report_file.with_name(CONFIG))
    recognised = [found for file in files if (found := recognise(file, config))]
    if named and not recognised:
        raise _none_usable(named, files)
    chosen = (_choose(entity, recognised, bundle) for entity in wanted)
    return {found.entity: found for found in chosen if found}


def _tables(folder: Path, bundle: Bundle) -> list[Path]:
    """Return the files of the folder that may be exports."""
    names = reported_names(bundle)
    try:
        return sorted(file for file in folder.iterdir() if may_be_export(file, names))
    except OSError as error:
        raise BundleError(
            "The folder of exports cannot be opened",
            where=str(folder),
            expected="a folder with Wild Apricot exports (CSV)",
            found=error.strerror,
            next_step="Check the path after --exports",
        ) from error


def may_be_export(file: Path, names: Collection[str]) -> bool:
    """Return whether the file is called as an export, or is a text with the header of one."""
    kind = file.suffix.lower()
    if kind in SPREADSHEETS or file.name in NAMES or not file.is_file():
        return False
    return file.name in names or (
        not is_hidden(file) and kind in TABLES and (kind != ".txt" or _has_known_headers(file))
    )


def is_hidden(file: Path) -> bool:
    """Return whether the file is one that a system or an office program puts beside the real one."""
    return file.name.startswith((".", "~$"))


def _has_known_headers(file: Path) -> bool:
    try:
        return any(len(known_headers(cells)) >= EXPORT_HEADERS for _, _, cells in readings(file))
    except BundleError:
        return False


def known_headers(cells: Iterable[str]) -> list[str]:
    """Return which of the cells are headers of Wild Apricot, as it writes them; other cells may be personal data."""
    return list(dict.fromkeys(KNOWN[plain(cell)] for cell in cells if plain(cell) in KNOWN))


def _within(bundle: Bundle) -> list[Path]:
    """Return what may be exports in the bundle; a folder without permission to list it counts as having none."""
    return _tables_if_any(folder_of(bundle), bundle)


def _below(folder: Path, bundle: Bundle) -> list[Path]:
    """Return the files that the report names in folders below this one, where they are there and no link leads out."""
    names = reported_names(bundle)
    found = [below(folder, bundle, entity) for entity in ENTITIES]
    return [file for file in found if file and is_inside(file, folder) and may_be_export(file, names)]


def below(folder: Path, bundle: Bundle, entity: str) -> Path | None:
    """Return what is there under the path that the report gives the export in a folder below; None: nothing."""
    path = path_below(bundle.entities[entity].file)
    try:
        return folder / path if path and os.path.lexists(folder / path) else None
    except ValueError:
        return None


def is_inside(file: Path, folder: Path) -> bool:
    """Return whether the file is in the folder, wherever links lead."""
    return Path(os.path.realpath(file)).is_relative_to(os.path.realpath(folder))


def folder_of(bundle: Bundle) -> Path:
    """Return the folder that holds the bundle's files, unpacked where it is one file."""
    return bundle.path if bundle.path.is_dir() else bundle.report_file.parent


def entries_of(folder: Path) -> list[Path]:
    """Return what is in the folder, sorted; one without permission to list it counts as empty."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def home_of(bundle: Bundle) -> Path:
    """Return the folder that the bundle is in."""
    return bundle.path.parent if bundle.path.name else bundle.path / ".."


def _reported(bundle: Bundle) -> list[Path]:
    """Return the files next to the bundle whose names its report gives."""
    names = reported_names(bundle)
    return [file for file in _tables_if_any(home_of(bundle), bundle) if file.name in names]


def _tables_if_any(folder: Path, bundle: Bundle) -> list[Path]:
    try:
        return _tables(folder, bundle)
    except BundleError:
        return []


def reported_names(bundle: Bundle) -> dict[str, str]:
    """Return the entity by the importer's name for its export, without folders."""
    names = {reported_name(bundle, entity): entity for entity in ENTITIES}
    return {name: entity for name, entity in names.items() if name and name not in NAMES}


def reported_name(bundle: Bundle, entity: str) -> str:
    """Return the importer's name for the export, without folders; empty: the report does not name it."""
    return stated_path(bundle.entities[entity].file).name


def recognise(file: Path, config: ImportConfig) -> Export | None:
    """Recognise by its header what the file is an export of; None: nothing known.

    Raises:
        BundleError: It cannot be read, or has a column twice that is needed.
    """
    for separator, skipped, cells in readings(file):
        header = [plain(cell) for cell in cells]
        for entity, telling in TELLING.items():
            found = cells_of(header, headers_of(entity, config))
            if all(key in found for key in telling):
                _require_once(file, header, found.values())
                named = {*found.values()}
                others = tuple(cell.strip() for at, cell in enumerate(cells) if at not in named and cell.strip())
                return Export(entity, file, found, len(header), config, separator, skipped, others, *encoding_of(file))
    return None


def cells_of(header: list[str], named: dict[str, list[str]]) -> dict[str, int]:
    """Return the position of each key's column: as it is written, or else without blanks, `_` and `-`."""
    joined = [_joined(cell) for cell in header]
    found = {}
    for key, names in named.items():
        exact = next((header.index(name) for name in names if name in header), None)
        loose = next((joined.index(_joined(name)) for name in names if _joined(name) in joined), None)
        at = loose if exact is None else exact
        if at is not None:
            found[key] = at
    return found


def _joined(header: str) -> str:
    return re.sub(r"[\s_-]+", "", header)


def readings(file: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Yield separator, text before the header, and the header's cells, for each separator that the file may have."""
    text = _beginning(file)
    skipped = re.match(r"\s*", text)
    before = skipped[0] if skipped else ""
    stated = SEPARATOR_LINE.match(text)
    if stated:
        before = stated[0]
    for separator in [stated["separator"]] if stated else SEPARATORS:
        try:
            yield (
                separator,
                before,
                next(csv.reader(StringIO(text[len(before) :], newline=""), delimiter=separator), []),
            )
        except csv.Error:
            continue


def headers_of(entity: str, config: ImportConfig) -> dict[str, list[str]]:
    """Return the headers that a key may have: the one that the configuration names, then the usual one."""
    own = getattr(config, f"{SINGULAR[entity]}_fields")
    usual = HEADERS[entity]
    return {
        key: [plain(name) for name in (own.get(key), usual[key]) if isinstance(name, str) and name.strip()]
        for key in usual
    }


def plain(header: str) -> str:
    """Return the header as it is compared: in lower case and without blanks around it."""
    return header.strip().casefold()


def _require_once(file: Path, header: list[str], cells: Iterable[int]) -> None:
    twice = next((header[cell] for cell in cells if header.count(header[cell]) > 1), None)
    if twice is not None:
        raise BundleError(
            "An export has the same column twice",
            where=f"{file}, line 1",
            expected=f"one column {twice!r}",
            found=str(header.count(twice)),
            next_step="Export it again, or rename the other column",
        )


def read_header(file: Path) -> list[str]:
    """Return the cells of the header, in whatever encoding: a file that is not Unicode is refused when it is loaded.

    Raises:
        BundleError: The file cannot be read.
    """
    return next((cells for _, _, cells in readings(file)), [])


def is_table(file: Path) -> bool:
    """Return whether the text has a header, whatever its names are, and rows of as many cells."""
    return any(_are_alike(file, *reading) for reading in readings(file))


def _are_alike(file: Path, separator: str, before: str, header: list[str]) -> bool:
    names = {cell.strip() for cell in header}
    # After a comma in a sentence there is a blank.
    if len(header) < 2 or len(names) < len(header) or "" in names or any(cell[0].isspace() for cell in header):
        return False
    rows = csv.reader(StringIO(_beginning(file)[len(before) :], newline=""), delimiter=separator)
    try:
        return {len(row) for row in islice(rows, COMPARED_ROWS) if row} == {len(header)}
    except csv.Error:
        return False


def is_header_alone(export: Export) -> bool:
    """Return whether no row follows the header of the export."""
    text = _beginning(export.file)[len(export.skipped) :]
    try:
        rows = [row for row in csv.reader(StringIO(text, newline=""), delimiter=export.separator) if row]
    except csv.Error:
        return False
    return len(rows) <= 1


def _beginning(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            start = opened.read(HEADER_BYTES)
    except OSError as error:
        raise BundleError(
            f"{file.name} cannot be read",
            where=str(file),
            expected="an export (CSV)",
            found=error.strerror,
            next_step="Check that you may read it: permissions",
        ) from error
    return decode_start(start)


def _choose(entity: str, recognised: Iterable[Export], bundle: Bundle) -> Export | None:
    """Return the export of the entity; of several, the one that the report names, preferring the bundle's own files."""
    found = [export for export in recognised if export.entity == entity]
    name = reported_name(bundle, entity)
    meant = (
        [export for export in found if export.file.name == name]
        or [export for export in found if export.file.suffix.lower() == ".csv"]
        or found
    )
    if len({export.file.name for export in meant}) > 1:
        names = [export.file.name for export in meant]
        raise BundleError(
            f"Several files are exports of the {entity}",
            where=str(meant[0].file.parent),
            expected=f"one, or one of them called {name}" if name else "one",
            found=", ".join(names[:5]),
            next_step="Keep the one that the importer read",
        )
    return meant[0] if meant else None


def _none_usable(folder: Path, files: list[Path]) -> BundleError:
    wanted = "; ".join(
        f"{entity} with {', '.join(HEADERS[entity][key] for key in TELLING[entity])}" for entity in ENTITIES
    )
    spreadsheets = [file.name for file in sorted(folder.iterdir()) if file.suffix.lower() in SPREADSHEETS]
    found = "no .csv file"
    if files:
        seen = known_headers(read_header(files[0]))
        found = f"{files[0].name} with {', '.join(seen) or 'none of these'}"
    elif spreadsheets:
        found = f"{', '.join(spreadsheets[:5])}: save as CSV"
    return BundleError(
        "The folder of exports contains no usable export",
        where=str(folder),
        expected=f"CSV files with a header, separated by commas: {wanted}",
        found=found[:300],
        next_step="Check the path after --exports, or the headers that migration-config.json names",
    )
