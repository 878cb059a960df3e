"""The kept snapshot as a file: the data that was judged, to be inspected and judged again without the database.

The file is a DuckDB database with the warehouse's schemas `source`, `target`, `ledger` and `checks` (what the checks
found, where that was asked for), and the schema `recon`, in which are stored what is absent, the consistency guarantee
of the read, and the judgement. Personal data is not masked.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import duckdb
import msgspec

from recon.errors import DatabaseError, OutputError
from recon.model import SnapshotInfo
from recon.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from recon.warehouse.session import Warehouse

VERSION = 1
IS_KEPT = "select count(*) from duckdb_tables() where schema_name = 'recon' and table_name = 'state'"
TABLES = """
select schema_name, table_name from duckdb_tables() where database_name = current_database()
and schema_name in ('source', 'target', 'ledger', 'checks') order by all"""
COPY = "create table keeping.{schema}.{table} as select * from {schema}.{table}"
STATE = "create table keeping.recon.state as select cast($state as varchar) as state"
JUDGEMENT = """
create table keeping.recon.judgement as select cast($key as varchar) as key, cast($document as varchar) as document"""


class State(msgspec.Struct, frozen=True):
    """The metadata of a kept snapshot.

    Attributes:
        rows: Number of rows read, by table ("target.members").
        first_columns: Name of the first column, by table.
        missing, unreadable: As in `Warehouse`.
    """

    version: int
    rows: dict[str, int]
    first_columns: dict[str, str]
    missing: dict[str, str]
    unreadable: dict[str, str]
    snapshot: SnapshotInfo


def is_snapshot_file(path: Path) -> bool:
    """Return whether the file is a snapshot that recon kept; a file that cannot be opened is not."""
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            found = connection.execute(IS_KEPT).fetchone()
    except (duckdb.Error, OSError):
        return False
    return bool(found and found[0])


def keep_snapshot(warehouse: Warehouse, snapshot: SnapshotInfo, judgement: Mapping[str, str], path: Path) -> None:
    """Write the whole warehouse to `path`, readable only by its owner; an existing file is replaced.

    Args:
        warehouse: Holds the data that was judged.
        snapshot: How that data was read.
        judgement: The judgement on it: its `key` and `document`, which this module does not interpret.
        path: The file to write, atomically.

    Raises:
        OutputError: The file cannot be written.
    """
    written = warehouse.scratch / "snapshot.duckdb"
    try:
        _write(warehouse, snapshot, judgement, written)
        written.chmod(0o600)
        _move(written, path)
    except (OSError, duckdb.Error) as error:
        raise OutputError(
            "The snapshot cannot be kept",
            where=str(path)[:300],
            found=getattr(error, "strerror", None) or " ".join(str(error).split()),
            next_step="Make room there and in TMPDIR, or leave it out with --skip snapshot",
        ) from error
    finally:
        written.unlink(missing_ok=True)


def _write(warehouse: Warehouse, snapshot: SnapshotInfo, judgement: Mapping[str, str], path: Path) -> None:
    connection = warehouse.connection
    connection.execute(f"attach {literal(str(path))} as keeping")
    try:
        for schema in ("source", "target", "ledger", "checks", "recon"):
            connection.execute(f"create schema keeping.{schema}")
        for schema, table in _tables(warehouse):
            connection.execute(COPY.format(schema=quote(schema), table=quote(table)))
        state = State(
            VERSION,
            warehouse.row_counts,
            warehouse.first_columns,
            # What the bundle lacks, and its effects on the ledger, are found anew by each judgement.
            {name: why for name, why in warehouse.missing.items() if name.startswith("target.")},
            warehouse.unreadable,
            snapshot,
        )
        connection.execute(STATE, {"state": msgspec.json.encode(state).decode()})
        connection.execute(JUDGEMENT, dict(judgement))
    finally:
        connection.execute("detach keeping")


def _tables(warehouse: Warehouse) -> list[tuple[str, str]]:
    """Return schema and name of every table; in a warehouse on a kept snapshot, the target tables are views."""
    found = warehouse.execute(TABLES).fetchall()
    views = [("target", name.partition(".")[2]) for name in warehouse.row_counts if name.startswith("target.")]
    of_session = [("target", name) for name in ("unreadable_values", "raw_values", "readings")]
    return list(dict.fromkeys([*found, *views, *of_session]))


def _move(written: Path, path: Path) -> None:
    """Rename the file into place; across file systems, copy it next to `path` first, never readable by others."""
    try:
        written.replace(path)
    except OSError:
        beside = path.with_name(f".{path.name}.copying")
        with (
            os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as copy,
            written.open("rb") as file,
        ):
            shutil.copyfileobj(file, copy)
        beside.replace(path)


def read_state(warehouse: Warehouse) -> State:
    """Read the metadata of the kept snapshot that the warehouse was opened on.

    Raises:
        DatabaseError: The file has a version that this recon does not know, or is incomplete.
    """
    (text,) = kept_row(warehouse, "select state from kept.recon.state")
    try:
        state = msgspec.json.decode(text, type=State)
    except msgspec.DecodeError as error:
        raise incomplete(warehouse, error) from error
    if state.version != VERSION:
        raise DatabaseError(
            "The snapshot is of another version of recon",
            where=str(warehouse.kept),
            expected=f"version {VERSION}",
            found=str(state.version),
            next_step="Verify the database itself",
        )
    return state


def kept_row(warehouse: Warehouse, sql: str) -> tuple[str, ...]:
    """Return the first row of `sql`, a query on a table with one row that every kept snapshot has.

    Raises:
        DatabaseError: The table or its row is missing.
    """
    try:
        rows: list[tuple[str, ...]] = warehouse.execute(sql).fetchall()
        return rows[0]
    except (duckdb.Error, IndexError) as error:
        raise incomplete(warehouse, error) from error


def incomplete(warehouse: Warehouse, error: Exception) -> DatabaseError:
    """Return the error for a kept snapshot that lacks a required part."""
    return DatabaseError(
        "The snapshot is incomplete",
        where=str(warehouse.kept),
        found=str(error).partition("\n")[0].rstrip("!."),
        next_step="Take it from the run folder again; of an older recon, run recon run again",
    )
