"""Backups of DuckDB: a copy of the file while it is held open read-only, all of its tables read and digested."""

from __future__ import annotations

import shutil
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import duckdb

from recon.backup.contents import (
    BackupReading,
    DatabaseContents,
    Restored,
    RestoredCopy,
    digest_definitions,
    digest_rows,
    table_name,
)
from recon.backup.manifest import BackupManifest, file_content, now
from recon.database import DatabaseUrl
from recon.database.duckdb_file import CLOSED
from recon.database.file import require_file
from recon.errors import BackupError, lack_of_resources
from recon.scratch import ScratchFolder
from recon.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.backup.contents import TableContent, Tools

FILE = "database.duckdb"
BATCH_ROWS = 10_000
GUARANTEE = (
    "the file was held open read-only, which keeps every program from writing to it, while it was copied with its "
    "log; the digests are those of the copy"
)
TABLES = "select schema_name, table_name from duckdb_tables() where not internal order by 1, 2"
OBJECTS = """
select 'index', count(*) from duckdb_indexes() union all
select 'view', count(*) from duckdb_views() where not internal union all
select 'sequence', count(*) from duckdb_sequences()"""
DEFINITIONS = """
select 'schema', schema_name, null, null, null from duckdb_schemas() where not internal union all
select 'table', schema_name, table_name, sql, comment from duckdb_tables() where not internal union all
select 'view', schema_name, view_name, sql, comment from duckdb_views() where not internal union all
select 'index', schema_name, index_name, sql, comment from duckdb_indexes() union all
select 'sequence', schema_name, sequence_name, concat_ws(' ', increment_by, min_value, max_value, cycle), comment
from duckdb_sequences() union all
select 'type', schema_name, type_name, logical_type, labels::varchar from duckdb_types() where not internal union all
select 'macro', schema_name, function_name, macro_definition, parameters::varchar from duckdb_functions()
where not internal"""
SEQUENCES = "select schema_name, sequence_name, last_value from duckdb_sequences()"
ROWS = "select columns(*)::varchar from {table}"


def identity(url: DatabaseUrl) -> dict[str, str]:
    """What distinguishes the database from others: its place."""
    return {"path": str((url.path or Path()).resolve())}


def contents(url: DatabaseUrl) -> DatabaseContents:
    """Read what the database holds, while it is held open read-only.

    Raises:
        BackupError: The file is open in another program, damaged, or no database.
        DatabaseError: There is no such file.
    """
    path = url.path or Path()
    require_file(path, "DuckDB", "duckdb")
    reading, objects = _read(path)
    if reading.faults:
        raise _unreadable(path, "; ".join(reading.faults))
    try:
        with closing(duckdb.connect(path, read_only=True, config=CLOSED)) as connection:
            defined = connection.execute(DEFINITIONS).fetchall()
            sequences = connection.execute(SEQUENCES).fetchall()
    except duckdb.Error as error:
        raise _unreadable(path, " ".join(str(error).split())) from error
    definitions = (
        (f"{kind} {table_name(*filter(None, (schema, name)))}", *said) for kind, schema, name, *said in defined
    )
    last = {table_name(schema, name): value for schema, name, value in sequences}
    return DatabaseContents(reading.tables, objects, definitions=digest_definitions(definitions), sequences=last)


def create(url: DatabaseUrl, folder: Path, tools: Tools) -> BackupManifest:  # noqa: ARG001 - as of every kind
    """Write a copy into `folder`, and return its manifest.

    Raises:
        BackupError: The file is open in another program, damaged, or no database.
        DatabaseError: There is no such file.
        ResourceError: There is no room left on the disk.
    """
    path = url.path or Path()
    require_file(path, "DuckDB", "duckdb")
    created_at, file = now(), folder / FILE
    try:
        with closing(duckdb.connect(path, read_only=True, config=CLOSED)):
            for suffix in ("", ".wal"):
                if (beside := path.with_name(path.name + suffix)).exists():
                    shutil.copyfile(beside, file.with_name(file.name + suffix))
        # Opening it for writing brings the log into the file.
        with closing(duckdb.connect(file, config=CLOSED)) as connection:
            connection.execute("force checkpoint")
    except (duckdb.Error, OSError) as error:
        raise lack_of_resources(error) or _unreadable(path, " ".join(str(error).split())) from error
    file.with_name(f"{FILE}.wal").unlink(missing_ok=True)
    reading, objects = _read(file)
    if reading.faults:
        raise _unreadable(path, "; ".join(reading.faults))
    return BackupManifest(
        kind="duckdb",
        database=url.label,
        identity=identity(url),
        snapshot_at=created_at,
        created_at=created_at,
        server=f"DuckDB {duckdb.__version__}",
        tool=f"DuckDB {duckdb.__version__}",
        guarantee=GUARANTEE,
        tables=reading.tables,
        files={FILE: file_content(file)},
        objects=objects,
    )


def _unreadable(path: Path, found: str) -> BackupError:
    return BackupError(
        "The DuckDB database cannot be backed up",
        where=str(path),
        found=found[:300],
        next_step="Close the program that has it open; check that it is whole and of this version of DuckDB",
    )


def read(path: Path, form: str, tools: Tools, manifest: BackupManifest | None) -> BackupReading:  # noqa: ARG001 - as of every kind
    """Read all tables of a copy."""
    reading, _ = _read(path)
    if path.with_name(path.name + ".wal").exists():
        reading.faults.append("a log (.wal) is beside it, whose changes are not in it")
    return reading


@contextmanager
def restored(
    path: Path,
    form: str,  # noqa: ARG001 - as of every kind
    tools: Tools,  # noqa: ARG001
    server: DatabaseUrl | None,  # noqa: ARG001
    manifest: BackupManifest | None,  # noqa: ARG001
) -> Iterator[RestoredCopy]:
    """Copy the backup to a scratch folder, as a restore does, and open it there for writing.

    Raises:
        ResourceError: There is no room left on the disk.
    """
    start = monotonic()
    with ScratchFolder("recon-restore-") as folder:
        copy = folder.path / FILE
        try:
            shutil.copyfile(path, copy)
            with closing(duckdb.connect(copy, config=CLOSED)) as connection:
                connection.execute("create table recon_scratch (empty integer)")
                connection.execute("drop table recon_scratch")
            errors = []
        except duckdb.Error as error:
            errors = [" ".join(str(error).split())[:300]]
        yield RestoredCopy(DatabaseUrl("duckdb", path=copy), errors, (monotonic() - start) / 60)


def restore(
    path: Path, form: str, tools: Tools, server: DatabaseUrl | None, manifest: BackupManifest | None
) -> Restored:
    """Copy the backup to a scratch folder, and read what arrived there; raises as `restored`."""
    with restored(path, form, tools, server, manifest) as copy:
        reading, objects = _read(copy.url.path or path)
        return Restored([*copy.errors, *reading.faults], copy.minutes, reading, objects)


def _read(file: Path) -> tuple[BackupReading, dict[str, int]]:
    reading, objects = BackupReading(), {}
    try:
        with closing(duckdb.connect(file, read_only=True, config=CLOSED)) as connection:
            objects = dict(connection.execute(OBJECTS).fetchall())
            reading.tables = read_tables(connection)
            reading.is_complete = True
    except duckdb.Error as error:
        reading.faults.append(" ".join(str(error).split())[:300])
    return reading, objects


def read_tables(connection: duckdb.DuckDBPyConnection) -> dict[str, TableContent]:
    """Rows and digest of every table."""
    connection.execute("set timezone = 'UTC'")
    tables = connection.execute(TABLES).fetchall()
    return {table_name(schema, table): _content(connection, schema, table) for schema, table in tables}


def _content(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> TableContent:
    found = connection.execute(ROWS.format(table=quote(schema, table)))
    return digest_rows(_spelled(found), tuple(name for name, *_ in found.description or ()))


def _spelled(found: duckdb.DuckDBPyConnection) -> Iterator[bytes]:
    while rows := found.fetchmany(BATCH_ROWS):
        yield from (repr(row).encode() for row in rows)
