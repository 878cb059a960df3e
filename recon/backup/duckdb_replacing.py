"""A backup in the place of a DuckDB file."""

from __future__ import annotations

from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from recon.backup.contents import table_name
from recon.backup.duckdb_copy import read_tables
from recon.backup.file_replacing import CLOSE, replace_file
from recon.backup.replacing import (
    CREATED,
    EDITED,
    UNCHANGED,
    SchemaDifference,
    Survey,
    WrittenRows,
    instant_text,
    later_than,
)
from recon.database.duckdb_file import CLOSED
from recon.errors import RollbackError
from recon.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recon.backup.contents import TableContent, Tools
    from recon.backup.manifest import BackupManifest
    from recon.backup.replacing import Replacement, ReplacingListener
    from recon.database import DatabaseUrl

way = (
    "A copy of the backup is made beside the file and compared with the manifest; it takes the file's name in one "
    "step, while DuckDB's lock keeps every other program out"
)
limits = (
    "All of the file is replaced: what is newer than the backup is gone, tables and indexes too",
    "No audit row is written to a DuckDB file: only this folder records the restore",
)
SCHEMA = """
select 'table', schema_name || '.' || table_name, sql from duckdb_tables() where not internal union all
select 'view', schema_name || '.' || view_name, sql from duckdb_views() where not internal union all
select 'index', schema_name || '.' || index_name, sql from duckdb_indexes() union all
select 'sequence', schema_name || '.' || sequence_name, sql from duckdb_sequences()"""
STAMPS = """
select schema_name, table_name, list(column_name order by column_index) from duckdb_columns()
where not internal and data_type like 'TIMESTAMP%' and (schema_name, table_name) in (
  select (schema_name, table_name) from duckdb_tables() where not internal)
group by all order by all"""
LATER = "select count(*) filter (where {column}::timestamp > ?::timestamp) from {table}"


def survey(url: DatabaseUrl, data: Path, manifest: BackupManifest, tools: Tools) -> Survey:  # noqa: ARG001 - as of every kind
    """Compare the schema with the backup's; nothing is changed, and a damaged file tells nothing."""
    try:
        with (
            closing(duckdb.connect(url.path or Path(), read_only=True, config=CLOSED)) as live,
            closing(duckdb.connect(data, read_only=True, config=CLOSED)) as backup,
        ):
            live.execute("set timezone = 'UTC'")
            return _compared(live, backup, instant_text(manifest.snapshot_at))
    except duckdb.Error:
        return Survey()


def _compared(live: duckdb.DuckDBPyConnection, backup: duckdb.DuckDBPyConnection, instant: str) -> Survey:
    present, former = set(live.execute(SCHEMA).fetchall()), set(backup.execute(SCHEMA).fetchall())
    known = {(kind, name) for kind, name, _ in former}
    newer = sorted(present - former, key=str)
    return Survey(
        differences=tuple(
            SchemaDifference(kind, name, "becomes as in the backup" if (kind, name) in known else "is gone afterwards")
            for kind, name, _ in newer
        ),
        newer_sql=tuple(str(sql) for _, _, sql in newer),
        absent=tuple(f"{kind} {name}" for kind, name, _ in sorted(former - present, key=str)),
        written=dict(_written(live, instant)),
    )


def _written(live: duckdb.DuckDBPyConnection, instant: str) -> Iterator[tuple[str, WrittenRows]]:
    for schema, table, columns in live.execute(STAMPS).fetchall():
        named = later_than(columns, CREATED), later_than(columns, EDITED)
        if named != (None, None):
            numbers = (_later(live, quote(schema, table), column, instant) for column in named)
            yield table_name(schema, table), WrittenRows(*numbers)


def _later(live: duckdb.DuckDBPyConnection, table: str, column: str | None, instant: str) -> int | None:
    if column is None:
        return None
    found = live.execute(LATER.format(table=table, column=quote(column)), [instant]).fetchone()
    return int(found[0]) if found else None


def replace(url: DatabaseUrl, wanted: Replacement, tools: Tools, listener: ReplacingListener) -> float:  # noqa: ARG001
    """Replace the file; arguments and errors as of `replace_file`."""
    return replace_file(url, wanted, _DuckdbFile(), listener)


class _DuckdbFile:
    logs: tuple[str, ...] = (".wal",)

    def tables(self, file: Path) -> Mapping[str, TableContent]:
        check = "Check the disk, and the backup: recon backup check"
        with _refused(file, "The copy of the backup is damaged", check), _opened(file) as connection:
            return read_tables(connection)

    def record(self, file: Path, statement: str) -> None:
        with _refused(file, "The audit row cannot be written", CLOSE), _opened(file) as connection:
            connection.execute(statement)

    def adapt(self, path: Path, beside: Path) -> None:
        """Do nothing: a DuckDB file has no such settings."""

    @contextmanager
    def held(self, file: Path) -> Iterator[Mapping[str, TableContent]]:
        with _refused(file, "Another program has the database open", CLOSE):
            connection = duckdb.connect(file, config=CLOSED)
        with closing(connection):
            with _refused(file, "The database cannot be read", CLOSE):
                connection.execute("force checkpoint")
                tables = read_tables(connection)
            yield tables


def _opened(file: Path) -> closing[duckdb.DuckDBPyConnection]:
    return closing(duckdb.connect(file, config=CLOSED))


@contextmanager
def _refused(file: Path, what: str, next_step: str) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise RollbackError(
            f"{what} ({UNCHANGED})",
            where=str(file)[:300],
            found=" ".join(str(error).split())[:300],
            next_step=next_step,
        ) from error
