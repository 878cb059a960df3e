"""Loads a bundle into the warehouse: its frames, its long lists, and exports in the place of records."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from recon.bundle import frames
from recon.bundle.formats import CONFIG
from recon.errors import BundleError
from recon.model import ENTITIES
from recon.warehouse.load_lists import create_records, load_lists

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from recon.bundle import Bundle
    from recon.warehouse.session import Warehouse


def load_bundle(bundle: Bundle, warehouse: Warehouse, references: Iterable[str]) -> dict[str, pl.DataFrame]:
    """Load the bundle into the warehouse's schema `source`: its frames, its long lists, and exports in their place.

    Args:
        bundle: An opened bundle.
        warehouse: Its `source` is empty.
        references: What rules read; "source.members" or a column of it asks for the table of those records:
            source_row, wa_id, target_id, action, errors (list of text), and the fields that were written, as text.

    Returns:
        The bundle's frames, as `recon.bundle.frames` describes them.

    Raises:
        BundleError: An item of a list is not what importers write, by file, JSON path, expected and found; or an export
            cannot be read.
    """
    tables = frames(bundle)
    warehouse.load_source(tables)
    wanted = {reference.split(".")[1] for reference in references if reference.startswith("source.")} & set(ENTITIES)
    exported = [entity for entity in bundle.exports if entity in wanted]
    recorded = wanted - {*exported}
    lists = bundle.lists or (bundle.record_lists() if recorded else ())
    try:
        load_lists(lists, warehouse, recorded)
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
        warehouse.missing[f"source.{entity}"] = f"the bundle counts its {entity} and does not list them"
    return tables


def _load_exports(bundle: Bundle, entities: Iterable[str], warehouse: Warehouse) -> None:
    """Load exports in the place of records; what reads them loads only where there are any."""
    for entity in entities:
        load_export = import_module("recon.warehouse.wild_apricot").load_export
        load_export(bundle.exports[entity], warehouse, bundle.report_file.with_name(CONFIG))
