"""Streams the long lists of a large report into the warehouse with DuckDB's JSON parser."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from recon.background import ReadAhead
from recon.bundle.columns import COLUMNS
from recon.bundle.jsonfile import REWRITE, read_text
from recon.errors import BundleError
from recon.masking import mask_text
from recon.model import ENTITIES
from recon.sql import literal, named_statements, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recon.bundle.lists import JsonList
    from recon.warehouse.session import Warehouse

STATEMENTS = named_statements(Path(__file__).with_name("load_lists.sql"))
ITEM_BYTES = 64 * 2**20
SPLIT_BYTES = 16 * 2**20
ITEMS_AT_ONCE = 10_000
AT_ITEM = re.compile(r"in record/value (?P<number>\d+): (?P<reason>.*)")


def load_lists(lists: Sequence[JsonList], warehouse: Warehouse, wanted: set[str]) -> None:
    """Load list by list; the next one is written to its files while the previous one is parsed."""
    if not lists:
        return
    warehouse.execute(STATEMENTS["setup"])
    with ReadAhead(_written(lists, warehouse)) as written:
        for listed, files in written:
            _load(listed, files, warehouse, is_wanted=listed.table in wanted or listed.table not in ENTITIES)


def _written(lists: Sequence[JsonList], warehouse: Warehouse) -> Iterator[tuple[JsonList, list[Path]]]:
    """Yield each list with its files: one, or for a large list one per core, because each core parses one file."""
    for number, listed in enumerate(lists):
        folder = warehouse.scratch / f"list-{number}"
        folder.mkdir()
        yield listed, listed.write(folder, (os.cpu_count() or 1) if listed.size_bytes > SPLIT_BYTES else 1)


def create_records(name: str, warehouse: Warehouse) -> None:
    """Create the empty table of an entity's records."""
    columns = ", ".join(f"{quote(column.name)} {column.stored}" for column in COLUMNS[name])
    warehouse.execute(STATEMENTS["create"].format(table=f"source.{name}", columns=columns))


def _load(listed: JsonList, files: list[Path], warehouse: Warehouse, *, is_wanted: bool) -> None:
    take = _store if is_wanted else _check
    if len(files) > 1:
        warehouse.use_all_cores()
    try:
        rows, suspect = take(listed, _scan(listed, files), warehouse)
    except duckdb.Error as error:
        if len(files) > 1:
            _load(listed, _join(listed, files, warehouse), warehouse, is_wanted=is_wanted)
            return
        _require_items(listed, files, warehouse)
        raise _refused(listed, str(error)) from error
    if suspect:
        _require_items(listed, files, warehouse)
    if listed.table in ENTITIES:
        warehouse.execute(STATEMENTS["set_records"], [rows, listed.table])
    for file in files:
        file.unlink()


def _join(listed: JsonList, files: list[Path], warehouse: Warehouse) -> list[Path]:
    """Write the list to a single file again and undo its load: it was split in the wrong place, or is not a list."""
    undo = STATEMENTS["forget"] if listed.table in ENTITIES else STATEMENTS["unmark_if"]
    warehouse.execute(undo.format(table=f"source.{listed.table}"))
    return listed.write(files[0].parent)


def _scan(listed: JsonList, files: Sequence[Path]) -> str:
    keys = {key: column.source_type for column in COLUMNS[listed.table] for key in column.keys}
    columns = ", ".join(f"{quote(key)}: {literal(kind)}" for key, kind in keys.items())
    return STATEMENTS["scan"].format(files=_names(files), item_bytes=ITEM_BYTES, columns=f"{{{columns}}}")


def _names(files: Sequence[Path]) -> str:
    return f"[{', '.join(literal(str(file)) for file in files)}]"


def _check(listed: JsonList, scan: str, warehouse: Warehouse) -> tuple[int, int]:
    """Return the number of items of the list, and how many of them must be validated one by one."""
    return _counts(warehouse, STATEMENTS["check"].format(suspect=_suspect(listed), scan=scan))


def _store(listed: JsonList, scan: str, warehouse: Warehouse) -> tuple[int, int]:
    """Do as `_check`, and store the items as rows of their table."""
    columns = COLUMNS[listed.table]
    table = f"source.{listed.table}"
    if listed.table in ENTITIES:
        create_records(listed.table, warehouse)
    before = 0 if listed.table in ENTITIES else warehouse.row_count(table)
    run = warehouse.connection.execute
    run(STATEMENTS["mark"].format(table=table))
    names = ", ".join(quote(column.name) for column in columns)
    values = ", ".join(column.value(listed.entity) for column in columns)
    run(STATEMENTS["store"].format(table=table, names=names, values=values, suspect=_suspect(listed), scan=scan))
    rows, suspect = _counts(warehouse, STATEMENTS["count"].format(table=table), before)
    run(STATEMENTS["unmark"].format(table=table))
    warehouse.count_rows(table, before + rows, columns[-1].name)
    return rows, suspect


def _suspect(listed: JsonList) -> str:
    """Return the SQL condition for items to validate; one without any value may have been null instead of an object."""
    columns = COLUMNS[listed.table]
    empty = " and ".join(f"{quote(key)} is null" for column in columns for key in column.keys)
    return " or ".join([f"({empty})", *(column.suspect for column in columns)])


def _counts(warehouse: Warehouse, sql: str, *parameters: int) -> tuple[int, int]:
    rows, suspect = warehouse.execute(sql, list(parameters)).fetchall()[0]
    return rows, suspect


def _require_items(listed: JsonList, files: Sequence[Path], warehouse: Warehouse) -> None:
    """Validate every item as in a small bundle, and refuse the first that is not what importers write."""
    sql = STATEMENTS["objects"].format(files=_names(files), item_bytes=ITEM_BYTES)
    try:
        listed.require_items(_texts(warehouse.connection.cursor().execute(sql)))
    except duckdb.Error as error:
        read_text(listed.file)  # its error names the place where the file is not UTF-8
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
