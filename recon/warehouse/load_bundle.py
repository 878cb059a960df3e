"""The intake: the long lists of a large bundle, streamed into the warehouse by DuckDB's own JSON parser."""

from __future__ import annotations

import os
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from recon.background import ReadAhead
from recon.bundle import frames
from recon.bundle.columns import COLUMNS
from recon.bundle.formats import CONFIG
from recon.bundle.jsonfile import REWRITE, read_text
from recon.errors import BundleError
from recon.masking import mask_text
from recon.model import ENTITIES
from recon.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import polars as pl

    from recon.bundle import Bundle
    from recon.bundle.lists import JsonList
    from recon.warehouse import Warehouse

SETUP = Path(__file__).with_name("load_bundle.sql")
ITEM_BYTES = 64 * 2**20
SPLIT_BYTES = 16 * 2**20
ITEMS_AT_ONCE = 10_000
SCAN = """
read_json({files}, format = 'array', records = true, maximum_object_size = {item_bytes}, columns = {columns})"""
CHECK = "select count(*), count(*) filter ({odd}) from {scan}"
CREATE = "create table {table} ({columns})"
MARK = "alter table {table} add column is_odd boolean"
STORE = "insert into {table} ({names}, is_odd) select {values}, {odd} from {scan}"
COUNT = "select count(*), count(*) filter (is_odd) from {table} where rowid >= ?"
UNMARK_IF = "alter table {table} drop column if exists is_odd"
FORGET = "drop table if exists {table}"
UNMARK = "alter table {table} drop column is_odd"
OBJECTS = "select json from read_json_objects({files}, format = 'array', maximum_object_size = {item_bytes})"
SET_RECORDS = "update source.counts set records = ? where entity = ?"
AT_ITEM = re.compile(r"in record/value (?P<number>\d+): (?P<reason>.*)")


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
        _load_lists(lists, warehouse, recorded)
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
        _create(entity, warehouse)
        warehouse.missing[f"source.{entity}"] = f"the bundle counts its {entity} and does not list them"
    return tables


def _load_lists(lists: Sequence[JsonList], warehouse: Warehouse, wanted: set[str]) -> None:
    """Load list by list, the next one being written to its files while the last is parsed."""
    if not lists:
        return
    warehouse.execute(SETUP.read_text(encoding="utf-8"))
    with ReadAhead(_written(lists, warehouse)) as written:
        for listed, files in written:
            _load(listed, files, warehouse, is_wanted=listed.table in wanted or listed.table not in ENTITIES)


def _load_exports(bundle: Bundle, entities: Iterable[str], warehouse: Warehouse) -> None:
    """Load exports in the place of records; what reads them loads only where there are any."""
    for entity in entities:
        load_export = import_module("recon.warehouse.wild_apricot").load_export
        load_export(bundle.exports[entity], warehouse, bundle.report_file.with_name(CONFIG))


def _written(lists: Sequence[JsonList], warehouse: Warehouse) -> Iterator[tuple[JsonList, list[Path]]]:
    """Each list with its files: as many as there are cores, where it is worth it, each parsed by one of them."""
    for number, listed in enumerate(lists):
        folder = warehouse.scratch / f"list-{number}"
        folder.mkdir()
        yield listed, listed.write(folder, (os.cpu_count() or 1) if listed.size_bytes > SPLIT_BYTES else 1)


def _create(name: str, warehouse: Warehouse) -> None:
    columns = ", ".join(f"{quote(column.name)} {column.stored}" for column in COLUMNS[name])
    warehouse.execute(CREATE.format(table=f"source.{name}", columns=columns))


def _load(listed: JsonList, files: list[Path], warehouse: Warehouse, *, is_wanted: bool) -> None:
    take = _store if is_wanted else _check
    if len(files) > 1:
        warehouse.use_all_cores()
    try:
        rows, odd = take(listed, _scan(listed, files), warehouse)
    except duckdb.Error as error:
        if len(files) > 1:
            _load(listed, _join(listed, files, warehouse), warehouse, is_wanted=is_wanted)
            return
        _require_items(listed, files, warehouse)
        raise _refused(listed, str(error)) from error
    if odd:
        _require_items(listed, files, warehouse)
    if listed.table in ENTITIES:
        warehouse.execute(SET_RECORDS, [rows, listed.table])
    for file in files:
        file.unlink()


def _join(listed: JsonList, files: list[Path], warehouse: Warehouse) -> list[Path]:
    """The list in one file again, and nothing of it in the warehouse: it was cut in the wrong place, or is no list."""
    undo = FORGET if listed.table in ENTITIES else UNMARK_IF
    warehouse.execute(undo.format(table=f"source.{listed.table}"))
    return listed.write(files[0].parent)


def _scan(listed: JsonList, files: Sequence[Path]) -> str:
    keys = {key: column.arrives for column in COLUMNS[listed.table] for key in column.keys}
    columns = ", ".join(f"{quote(key)}: {literal(kind)}" for key, kind in keys.items())
    return SCAN.format(files=_names(files), item_bytes=ITEM_BYTES, columns=f"{{{columns}}}")


def _names(files: Sequence[Path]) -> str:
    return f"[{', '.join(literal(str(file)) for file in files)}]"


def _check(listed: JsonList, scan: str, warehouse: Warehouse) -> tuple[int, int]:
    """How many items the list has, and how many of them need a closer look."""
    return _counts(warehouse, CHECK.format(odd=_odd(listed), scan=scan))


def _store(listed: JsonList, scan: str, warehouse: Warehouse) -> tuple[int, int]:
    """As `_check`, and the items become rows of their table."""
    columns = COLUMNS[listed.table]
    table = f"source.{listed.table}"
    if listed.table in ENTITIES:
        _create(listed.table, warehouse)
    before = 0 if listed.table in ENTITIES else warehouse.row_count(table)
    run = warehouse.connection.execute
    run(MARK.format(table=table))
    names = ", ".join(quote(column.name) for column in columns)
    values = ", ".join(column.value(listed.entity) for column in columns)
    run(STORE.format(table=table, names=names, values=values, odd=_odd(listed), scan=scan))
    rows, odd = _counts(warehouse, COUNT.format(table=table), before)
    run(UNMARK.format(table=table))
    warehouse.count_rows(table, before + rows, columns[-1].name)
    return rows, odd


def _odd(listed: JsonList) -> str:
    """An item without anything in it may have been null, which is no item."""
    columns = COLUMNS[listed.table]
    empty = " and ".join(f"{quote(key)} is null" for column in columns for key in column.keys)
    return " or ".join([f"({empty})", *(column.odd for column in columns)])


def _counts(warehouse: Warehouse, sql: str, *parameters: int) -> tuple[int, int]:
    rows, odd = warehouse.execute(sql, list(parameters)).fetchall()[0]
    return rows, odd


def _require_items(listed: JsonList, files: Sequence[Path], warehouse: Warehouse) -> None:
    """Judge every item as a small bundle's is, and refuse the first that is not what importers write."""
    sql = OBJECTS.format(files=_names(files), item_bytes=ITEM_BYTES)
    try:
        listed.require_items(_texts(warehouse.connection.cursor().execute(sql)))
    except duckdb.Error as error:
        read_text(listed.file)  # tells where the file is no UTF-8
        raise _refused(listed, str(error)) from error


def _texts(cursor: duckdb.DuckDBPyConnection) -> Iterator[list[str]]:
    while rows := cursor.fetchmany(ITEMS_AT_ONCE):
        yield [text for (text,) in rows]


def _refused(listed: JsonList, message: str) -> BundleError:
    at = AT_ITEM.search(message)
    place = f"{listed.place}[{int(at['number']) - 1}]" if at else listed.place
    reason = re.sub(r"^Object \{.*\} has", "an object that has", (at["reason"] if at else message).splitlines()[0])
    return BundleError(
        f"{listed.file.name} has a list that cannot be read",
        where=f"{listed.file}, {place}",
        expected="objects that name each key once, in UTF-8",
        found=mask_text(reason.strip().rstrip("."))[:200],
        next_step=REWRITE,
    )
