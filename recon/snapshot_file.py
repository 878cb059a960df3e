"""The snapshot as a file: what was judged is kept, so that it can be looked at and judged again without the database.

The file is a DuckDB database with the warehouse's schemas `source`, `target` and `ledger`, and `recon`, which says what
is absent, under which guarantee it was read, and what was judged. Personal data stands in it as it is.
"""

from __future__ import annotations

import json
import os
import shutil
from base64 import b64decode, b64encode
from hashlib import file_digest, sha256
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import msgspec
import polars as pl
from msgspec.structs import replace

from recon.bundle.formats import NAMES
from recon.errors import DatabaseError, OutputError
from recon.model import SnapshotInfo, Verification
from recon.snapshot import RUN_FIELDS, RUNS, wanted_columns
from recon.sql import literal, quote
from recon.warehouse import STORED, Field, Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from recon.bundle import Bundle
    from recon.profile import Profile
    from recon.suites import Rule

VERSION = 1
NOT_KEPT = "the snapshot was taken without it: verify the database itself"
IS_KEPT = "select count(*) from duckdb_tables() where schema_name = 'recon' and table_name = 'state'"
TABLES = """
select schema_name, table_name from duckdb_tables() where database_name = current_database()
and schema_name in ('source', 'target', 'ledger') order by all"""
KEPT_COLUMNS = """
select table_name, column_name from duckdb_columns() where database_name = 'kept' and schema_name = 'target'"""
COPY = "create table keeping.{schema}.{table} as select * from {schema}.{table}"
VIEW = "create view target.{table} as select {columns} from kept.target.{table}"
STATE = "create table keeping.recon.state as select cast($state as varchar) as state"
JUDGEMENT = """
create table keeping.recon.judgement as select cast($key as varchar) as key, cast($document as varchar) as document"""


class State(msgspec.Struct, frozen=True):
    """What the file says of itself.

    Attributes:
        rows: Rows by table ("target.members"), as they were read.
        first_columns: The first column by table.
        missing, unreadable: As the warehouse's.
    """

    version: int
    rows: dict[str, int]
    first_columns: dict[str, str]
    missing: dict[str, str]
    unreadable: dict[str, str]
    snapshot: SnapshotInfo


def is_snapshot_file(path: Path) -> bool:
    """Whether the file is a snapshot that recon kept; what cannot be opened is none."""
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            found = connection.execute(IS_KEPT).fetchone()
    except (duckdb.Error, OSError):
        return False
    return bool(found and found[0])


def keep_snapshot(warehouse: Warehouse, verification: Verification, key: str, path: Path) -> None:
    """Write the whole warehouse to `path`, readable for its owner alone; an existing file is replaced.

    Args:
        warehouse: Holds what was judged.
        verification: The judgement that was reached on it.
        key: What tells that judgement from others: see `judgement_key`.
        path: The file to write, whole or not at all.

    Raises:
        OutputError: It cannot be written.
    """
    written = warehouse.scratch / "snapshot.duckdb"
    try:
        _write(warehouse, verification, key, written)
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


def _write(warehouse: Warehouse, verification: Verification, key: str, path: Path) -> None:
    connection = warehouse.connection
    connection.execute(f"attach {literal(str(path))} as keeping")
    try:
        for schema in ("source", "target", "ledger", "recon"):
            connection.execute(f"create schema keeping.{schema}")
        for schema, table in _tables(warehouse):
            connection.execute(COPY.format(schema=quote(schema), table=quote(table)))
        state = State(
            VERSION,
            warehouse.row_counts,
            warehouse.first_columns,
            # What the bundle lacks, and what follows for the ledger, is told anew by whoever judges anew.
            {name: why for name, why in warehouse.missing.items() if name.startswith("target.")},
            warehouse.unreadable,
            verification.snapshot,
        )
        connection.execute(STATE, {"state": msgspec.json.encode(state).decode()})
        document = msgspec.json.encode(verification, enc_hook=_encoded).decode()
        connection.execute(JUDGEMENT, {"key": key, "document": document})
    finally:
        connection.execute("detach keeping")


def _tables(warehouse: Warehouse) -> list[tuple[str, str]]:
    """Schema and name of every table; of a warehouse on a kept snapshot the target's are views."""
    found = warehouse.execute(TABLES).fetchall()
    views = [("target", name.partition(".")[2]) for name in warehouse.row_counts if name.startswith("target.")]
    return list(dict.fromkeys([*found, *views, ("target", "unreadable_values")]))


def _move(written: Path, path: Path) -> None:
    """Into its place by a rename; on another file system copied beside it first, never readable for others."""
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


def load_snapshot(warehouse: Warehouse, profile: Profile, requires: Iterable[str]) -> SnapshotInfo:
    """Show the kept snapshot of a warehouse that was opened on one as its `target`; nothing is copied.

    A column or table that rules require and the file lacks becomes missing, empty of values.

    Raises:
        DatabaseError: The file is of a version that this recon does not know, or not whole.
    """
    state = _state(warehouse)
    kept: dict[str, list[str]] = {}
    for table, column in warehouse.execute(KEPT_COLUMNS).fetchall():
        kept.setdefault(table, []).append(column)
    warehouse.missing |= state.missing
    warehouse.unreadable |= state.unreadable
    requires = set(requires)
    wanted = wanted_columns(profile, requires)
    warehouse.execute("drop table target.unreadable_values")
    for table, columns in kept.items():
        _show(warehouse, profile, table, columns, wanted.get(table, set()))
        if f"target.{table}" in state.rows:
            warehouse.count_rows(
                f"target.{table}", state.rows[f"target.{table}"], state.first_columns[f"target.{table}"]
            )
    _create_absent(warehouse, profile, {name: columns for name, columns in wanted.items() if name not in kept})
    if RUNS in requires and RUNS.partition(".")[2] not in kept:
        warehouse.create(RUNS, RUN_FIELDS)
        warehouse.missing[RUNS] = NOT_KEPT
    warehouse.verify_loads()
    return replace(
        state.snapshot,
        guarantee=f"Kept snapshot: {state.snapshot.guarantee.removeprefix('Kept snapshot: ')}",
        not_read={**warehouse.missing, **warehouse.unreadable},
    )


def _show(warehouse: Warehouse, profile: Profile, table: str, columns: Sequence[str], wanted: Iterable[str]) -> None:
    """A view of one kept table, with columns of nulls for those that it lacks."""
    shown = [quote(column) for column in columns]
    types = _types(profile, table)
    for column in sorted(set(wanted) - set(columns)):
        shown.append(f"cast(null as {STORED[types[column]]}) as {quote(column)}")
        warehouse.missing.setdefault(f"target.{table}.{column}", NOT_KEPT)
    warehouse.execute(VIEW.format(table=quote(table), columns=", ".join(shown)))


def _create_absent(warehouse: Warehouse, profile: Profile, absent: Mapping[str, set[str]]) -> None:
    for table, columns in absent.items():
        types = _types(profile, table)
        named = sorted(columns) or list(types)
        warehouse.create(f"target.{table}", [Field(name, types[name], is_absent=True) for name in named])
        warehouse.missing.setdefault(f"target.{table}", NOT_KEPT)


def _types(profile: Profile, table: str) -> dict[str, str]:
    found = profile.table(table)
    return {column.name: column.type for column in found.columns} if found else {}


def _state(warehouse: Warehouse) -> State:
    (text,) = _kept_row(warehouse, "select state from kept.recon.state")
    try:
        state = msgspec.json.decode(text, type=State)
    except msgspec.DecodeError as error:
        raise _not_whole(warehouse, error) from error
    if state.version != VERSION:
        raise DatabaseError(
            "The snapshot is of another version of recon",
            where=str(warehouse.kept),
            expected=f"version {VERSION}",
            found=str(state.version),
            next_step="Verify the database itself",
        )
    return state


def recorded_judgement(warehouse: Warehouse, key: str) -> Verification | None:
    """The judgement that the snapshot was kept with; None where `key` tells of another question."""
    recorded, document = _kept_row(warehouse, "select key, document from kept.recon.judgement")
    if recorded != key:
        return None
    try:
        return msgspec.json.decode(document, type=Verification, dec_hook=_decoded)
    except (msgspec.DecodeError, ValueError, pl.exceptions.PolarsError) as error:
        raise _not_whole(warehouse, error) from error


def _kept_row(warehouse: Warehouse, sql: str) -> tuple[str, ...]:
    """The one row of a table that every kept snapshot has.

    Raises:
        DatabaseError: It has none.
    """
    try:
        rows: list[tuple[str, ...]] = warehouse.execute(sql).fetchall()
        return rows[0]
    except (duckdb.Error, IndexError) as error:
        raise _not_whole(warehouse, error) from error


def _not_whole(warehouse: Warehouse, error: Exception) -> DatabaseError:
    return DatabaseError(
        "The snapshot is not whole",
        where=str(warehouse.kept),
        found=" ".join(str(error).split()),
        next_step="Take it from the run folder again, or verify the database itself",
    )


def _encoded(frame: Any) -> str:
    """A frame as text, with its types."""
    file = BytesIO()
    frame.write_ipc(file)
    return b64encode(file.getvalue()).decode()


def _decoded(_: type, text: str) -> pl.DataFrame:
    return pl.read_ipc(b64decode(text))


def judgement_key(bundle: Bundle, rules: Iterable[Rule], settings: Mapping[str, object]) -> str:
    """What tells one judgement on a snapshot from another: the bundle's content, the rules and the settings.

    Where files lie does not matter, only what stands in them.
    """
    digest = sha256()
    files = {name: bundle.report_file.with_name(name) for name in NAMES}
    for name, path in (files | {entity: export.file for entity, export in bundle.exports.items()}).items():
        if path.is_file():
            with path.open("rb") as file:
                digest.update(name.encode() + file_digest(file, "sha256").digest())
    for rule in rules:
        lasting = replace(rule, file=Path(rule.file.name), overrides=None, switched_off=rule.switched_off and "yes")
        digest.update(repr(lasting).encode())
    digest.update(json.dumps(settings, sort_keys=True).encode())
    return digest.hexdigest()
