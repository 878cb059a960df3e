"""Loads an export into the warehouse, as the table that the bundle's records of that entity would form."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from recon.bundle.columns import COLUMNS, RECORD
from recon.errors import BundleError
from recon.model import SINGULAR
from recon.sql import literal, named_statements, quote
from recon.warehouse.wild_apricot.dates import has_time, to_strptime
from recon.warehouse.wild_apricot.fields import GIVEN, unknown, value_sql
from recon.warehouse.wild_apricot.rows import read_rows

if TYPE_CHECKING:
    from recon.bundle.model import Export
    from recon.warehouse import Warehouse

STATEMENTS = named_statements(Path(__file__).with_name("loading.sql"))
INCOMING = "incoming"
KNOWN_ZONE = "select timezone($zone, timestamp '2000-01-01') is null"
ISO_DAY = "%Y-%m-%d"


def load_export(export: Export, warehouse: Warehouse, config: Path) -> None:
    """Fill `source.<entity>` from the export.

    The table has the columns of records: target_id and action are null; `errors` are those of the report's error list;
    member_id and event_id of a registration are the target ids that the report maps, empty where it maps none. Columns
    that an export does not provide are null and recorded in `warehouse.missing`; `warehouse.origins` names the file.

    Args:
        export: The export to read.
        warehouse: A warehouse that holds source.errors and source.id_mappings.
        config: The bundle's migration-config.json, for messages.

    Raises:
        BundleError: The file does not match its header, or a setting needed to read it has an unknown value.
    """
    _stage(export, warehouse)
    _prepare_moments(export, warehouse, config)
    _fill(export, warehouse)
    warehouse.execute(STATEMENTS["forget"])
    table = f"source.{export.entity}"
    (rows,) = warehouse.execute(STATEMENTS["count"].format(entity=export.entity)).fetchall()[0]
    warehouse.count_rows(table, rows, COLUMNS[export.entity][0].name)
    warehouse.origins[table] = export.file.name


def _stage(export: Export, warehouse: Warehouse) -> None:
    """Store the rows as text in a temporary table, batch by batch."""
    columns = ", ".join(("source_row bigint", *(f"{quote(key)} varchar" for key in export.cells)))
    warehouse.execute(STATEMENTS["create"].format(columns=columns))
    for frame in read_rows(export):
        warehouse.connection.register(INCOMING, frame.to_arrow())
        warehouse.execute(STATEMENTS["append"])
        warehouse.connection.unregister(INCOMING)


def _prepare_moments(export: Export, warehouse: Warehouse, config: Path) -> None:
    """Create the macro that parses days and moments in this importer's formats."""
    options = export.config.import_options
    _require_zone(options.source_timezone, warehouse, config)
    days = [ISO_DAY]
    moments: list[str] = []
    for key in ("date_format", "datetime_format"):
        pattern = getattr(options, key)
        found = to_strptime(pattern, config, f"$.import_options.{key}")
        (moments if has_time(pattern) else days).append(found)
    sql = STATEMENTS["moments"].format(
        zone=literal(options.source_timezone),
        days=", ".join(map(literal, days)),
        moments=", ".join(map(literal, moments)) or "cast(null as varchar)",
    )
    warehouse.execute(sql)


def _require_zone(zone: str, warehouse: Warehouse, config: Path) -> None:
    try:
        warehouse.execute(KNOWN_ZONE, {"zone": zone})
    except duckdb.Error as error:
        raise BundleError(
            f"{config.name} names a time zone that is not known",
            where=f"{config}, $.import_options.source_timezone",
            expected="a name such as America/Los_Angeles",
            found=repr(zone)[:100],
            next_step="Write the club's time zone by its name in the tz database",
        ) from error


def _fill(export: Export, warehouse: Warehouse) -> None:
    mapped = {entity for (entity,) in warehouse.execute(STATEMENTS["mapped"]).fetchall()}
    given = {field.name: field for field in GIVEN[export.entity]}
    fields = []
    for column in COLUMNS[export.entity][len(RECORD) :]:
        reason = unknown(column.name, export, mapped)
        value = "cast(null as varchar)" if reason else value_sql(given[column.name], export)
        fields.append(f"{value} as {quote(column.name)}")
        if reason:
            warehouse.missing[f"source.{export.entity}.{column.name}"] = reason
    sql = STATEMENTS["fill"].format(
        entity=export.entity,
        wa_id=value_sql(given["wa_id"], export),
        fields=", ".join(fields),
        links=" ".join(_links(export)),
    )
    warehouse.execute(sql, {"one": SINGULAR[export.entity]})


def _links(export: Export) -> list[str]:
    """Return the joins that provide the target ids of parents."""
    return [
        STATEMENTS["link"].format(entity=literal(field.linked), alias=quote(field.linked), cell=quote("e", field.key))
        for field in GIVEN[export.entity]
        if field.linked and field.key in export.cells
    ]
