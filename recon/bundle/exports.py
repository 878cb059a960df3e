"""Finds, by their headers, the Wild Apricot exports that the importer read, where its report does not list records."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from recon.bundle.formats import CONFIG, ImportConfig
from recon.bundle.jsonfile import convert
from recon.bundle.model import Export
from recon.errors import BundleError
from recon.model import ENTITIES, SINGULAR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recon.bundle.model import Bundle

HEADER_BYTES = 64 * 2**10
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
    files = _csv_files(named) if named else [*_within(bundle), *_reported(bundle)]
    if not named and not files:
        # Without exports, their configuration is not needed and must not cause an error.
        return {}
    config = convert(bundle.config or {}, ImportConfig, file=bundle.report_file.with_name(CONFIG))
    recognised = [found for file in files if (found := _recognise(file, config))]
    if named and not recognised:
        raise _none_usable(named, files)
    chosen = (_choose(entity, recognised, bundle) for entity in wanted)
    return {found.entity: found for found in chosen if found}


def _csv_files(folder: Path) -> list[Path]:
    try:
        return sorted(file for file in folder.iterdir() if file.suffix.lower() == ".csv" and file.is_file())
    except OSError as error:
        raise BundleError(
            "The folder of exports cannot be opened",
            where=str(folder),
            expected="a folder with Wild Apricot exports (CSV)",
            found=error.strerror,
            next_step="Check the path after --exports",
        ) from error


def _within(bundle: Bundle) -> list[Path]:
    """Return the CSV files of the bundle; a folder without permission to list it counts as having none."""
    return _csv_files_if_any(bundle.path if bundle.path.is_dir() else bundle.report_file.parent)


def _reported(bundle: Bundle) -> list[Path]:
    """Return the CSV files next to the bundle whose names its report gives."""
    home = bundle.path.parent if bundle.path.name else bundle.path / ".."
    names = {_reported_name(bundle, entity) for entity in ENTITIES}
    return [file for file in _csv_files_if_any(home) if file.name in names]


def _csv_files_if_any(folder: Path) -> list[Path]:
    try:
        return _csv_files(folder)
    except BundleError:
        return []


def _reported_name(bundle: Bundle, entity: str) -> str:
    """Return the importer's name for the export, without folders; empty: the report does not name it."""
    return PurePosixPath((bundle.entities[entity].file or "").replace("\\", "/")).name


def _recognise(file: Path, config: ImportConfig) -> Export | None:
    """Recognise by its header what the file is an export of; None: nothing known."""
    header = [_plain(cell) for cell in read_header(file)]
    for entity, telling in TELLING.items():
        named = _headers(entity, config)
        cells = {key: header.index(name) for key, names in named.items() for name in names[::-1] if name in header}
        if all(key in cells for key in telling):
            _require_once(file, header, cells.values())
            return Export(entity, file, cells, len(header), config)
    return None


def _headers(entity: str, config: ImportConfig) -> dict[str, list[str]]:
    """Return the headers that a key may have: the one that the configuration names, then the usual one."""
    own = getattr(config, f"{SINGULAR[entity]}_fields")
    usual = HEADERS[entity]
    return {
        key: [_plain(name) for name in (own.get(key), usual[key]) if isinstance(name, str) and name.strip()]
        for key in usual
    }


def _plain(header: str) -> str:
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
    """Return the cells of the first row, in whatever encoding: a file that is not UTF-8 is refused when it is loaded.

    Raises:
        BundleError: The file cannot be read.
    """
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
    encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return next(csv.reader(StringIO(start.decode(encoding, errors="replace"), newline="")), [])
    except csv.Error:
        return []


def _choose(entity: str, recognised: Iterable[Export], bundle: Bundle) -> Export | None:
    """Return the export of the entity; of several, the one that the report names, preferring the bundle's own files."""
    found = [export for export in recognised if export.entity == entity]
    name = _reported_name(bundle, entity)
    meant = [export for export in found if export.file.name == name] or found
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
    # The first row of a file without a header may be personal data: report only cells that are known headers.
    usual = {_plain(name): name for headers in HEADERS.values() for name in headers.values()}
    seen = [usual[name] for cell in (read_header(files[0]) if files else ()) if (name := _plain(cell)) in usual]
    found = f"{files[0].name} with {', '.join(seen) or 'none of these'}" if files else "no .csv file"
    return BundleError(
        "The folder of exports contains no usable export",
        where=str(folder),
        expected=f"CSV files with a header, separated by commas: {wanted}",
        found=found[:300],
        next_step="Check the path after --exports, or the headers that migration-config.json names",
    )
