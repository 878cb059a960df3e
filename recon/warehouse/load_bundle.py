"""Loads a bundle into the warehouse: its frames, its long lists, and exports in place of records."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from recon.bundle import frames
from recon.bundle.formats import CONFIG
from recon.bundle.unknown_fields import unknown_fields
from recon.errors import BundleError
from recon.model import ENTITIES
from recon.warehouse.load_lists import create_records, load_lists
from recon.warehouse.times import settle_bundle_times

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import polars as pl

    from recon.bundle import Bundle
    from recon.bundle.lists import JsonList
    from recon.warehouse.session import Warehouse


def load_bundle(bundle: Bundle, warehouse: Warehouse, references: Iterable[str]) -> dict[str, pl.DataFrame]:
    """Load the bundle into the schema `source` of the warehouse: frames, long lists, and exports in place of records.

    Args:
        bundle: An opened bundle.
        warehouse: A warehouse whose schema `source` is empty.
        references: The tables and columns that rules read; "source.members" or a column of it requests the table of
            those records: source_row, wa_id, target_id, action, errors (list of text), and the fields that were
            written, as text.

    Returns:
        The bundle's frames, as described in `recon.bundle.frames`.

    Raises:
        BundleError: An item of a list is not what importers write (the error names file, JSON path, expected and
            found), or an export cannot be read.
    """
    tables = frames(bundle)
    warehouse.load_source(tables)
    wanted = {reference.split(".")[1] for reference in references if reference.startswith("source.")} & set(ENTITIES)
    exported = [entity for entity in bundle.exports if entity in wanted]
    recorded = wanted - {*exported}
    found = bundle.all_lists() if bundle.lists or recorded else ()
    lists = bundle.lists or tuple(listed for listed in found if listed.table in ENTITIES)
    try:
        load_lists(lists, warehouse, recorded)
        _note_unknown(found, recorded, warehouse)
        _load_exports(bundle, exported, warehouse)
    except BundleError as error:
        raise bundle.unpacked.rename(error) if bundle.unpacked else error from error.__cause__
    except OSError as error:
        raise BundleError(
            "The lists of the report cannot be copied for reading",
            where=str(warehouse.scratch),
            expected=f"room for {sum(listed.size_bytes for listed in lists) // 2**20 + 1} MB",
            found=error.strerror,
            next_step="Make room there, or set TMPDIR to a folder that has more",
        ) from error
    for entity in recorded - {listed.table for listed in lists}:
        create_records(entity, warehouse)
        warehouse.missing[f"source.{entity}"] = _why_unlisted(entity, bundle)
    settle_bundle_times(warehouse)
    return tables


def _why_unlisted(entity: str, bundle: Bundle) -> str:
    counted = f"the bundle counts its {entity} and does not list them"
    return f"{counted} ({bundle.not_read[entity]})" if entity in bundle.not_read else counted


def _note_unknown(lists: Iterable[JsonList], recorded: Collection[str], warehouse: Warehouse) -> None:
    """Record the keys of records and id mappings that are not loaded, by their place in the report."""
    for listed in lists:
        if listed.table in recorded:
            warehouse.unknown_fields[listed.table] = unknown_fields(listed)
        elif listed.table == "id_mappings":
            warehouse.unknown_fields[f"idMapping.{listed.entity}"] = unknown_fields(listed)


def _load_exports(bundle: Bundle, entities: Iterable[str], warehouse: Warehouse) -> None:
    """Load exports in place of records; their reader is imported only where there are any."""
    for entity in entities:
        load_export = import_module("recon.warehouse.wild_apricot").load_export
        load_export(bundle.exports[entity], warehouse, bundle.report_file.with_name(CONFIG))
        warehouse.unknown_fields[entity] = bundle.exports[entity].others
