"""Finds, by their headers, the Wild Apricot exports that the importer read, where its report does not list records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.bundle.encoding import encoding_of
from recon.bundle.formats import CONFIG, NAMES, SPREADSHEETS, TABLES, ImportConfig
from recon.bundle.headers import HEADERS, TELLING, cells_of, headers_of, known_headers, plain, read_header, readings
from recon.bundle.jsonfile import convert
from recon.bundle.model import Export
from recon.bundle.places import below, folder_of, home_of, is_hidden, is_inside, reported_name, reported_names
from recon.errors import BundleError
from recon.model import ENTITIES
from recon.regular import irregular

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from recon.bundle.model import Bundle

# A text file with this many known headers is an export, whatever it is called.
EXPORT_HEADERS = 2


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
    _require_regular(folder)
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


def _require_regular(folder: Path) -> None:
    """Refuse a folder in which what is called as an export is no file, since it would count as an export that lacks.

    Raises:
        BundleError: It is a pipe, a device, a socket, or a link to one or to nothing.
    """
    try:
        tables = [file for file in sorted(folder.iterdir()) if file.suffix.lower() in TABLES and not file.is_dir()]
    except OSError:
        return
    for file in tables:
        found = irregular(file)
        if found:
            raise BundleError(
                "An export is no file",
                where=str(file)[:300],
                expected="a regular file",
                found=found,
                next_step="Copy the export itself into the folder, or remove it",
            )


def may_be_export(file: Path, names: Collection[str]) -> bool:
    """Return whether the file is called as an export, or is a text with the header of one."""
    kind = file.suffix.lower()
    if kind in SPREADSHEETS or file.name in NAMES or not file.is_file():
        return False
    return file.name in names or (
        not is_hidden(file) and kind in TABLES and (kind != ".txt" or _has_known_headers(file))
    )


def _has_known_headers(file: Path) -> bool:
    try:
        return any(len(known_headers(cells)) >= EXPORT_HEADERS for _, _, cells in readings(file))
    except BundleError:
        return False


def _within(bundle: Bundle) -> list[Path]:
    """Return what may be exports in the bundle; a folder without permission to list it counts as having none."""
    return _tables_if_any(folder_of(bundle), bundle)


def _below(folder: Path, bundle: Bundle) -> list[Path]:
    """Return the files that the report names in folders below this one, where they are there and no link leads out."""
    names = reported_names(bundle)
    found = [below(folder, bundle, entity) for entity in ENTITIES]
    return [file for file in found if file and is_inside(file, folder) and may_be_export(file, names)]


def _reported(bundle: Bundle) -> list[Path]:
    """Return the files next to the bundle whose names its report gives."""
    names = reported_names(bundle)
    return [file for file in _tables_if_any(home_of(bundle), bundle) if file.name in names]


def _tables_if_any(folder: Path, bundle: Bundle) -> list[Path]:
    try:
        return _tables(folder, bundle)
    except BundleError:
        return []


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
