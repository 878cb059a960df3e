"""A DuckDB file, opened read-only by DuckDB itself, which locks out writers while it is open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from recon.database.corruption import is_duckdb_corrupted
from recon.database.file import require_file
from recon.database.rendering import Dialect, render
from recon.database.source import Catalogue, FoldedCatalogue, Query, ReadError
from recon.database.surroundings import surroundings_of_file
from recon.errors import CorruptionError, DatabaseError
from recon.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recon.database.address import DatabaseUrl
    from recon.database.surroundings import Surroundings

BATCH_ROWS = 100_000
# Views in the file may refer to other files, extensions or network addresses: access to all of them is disabled.
CLOSED: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "memory_limit": "1GB",
}
# As in PostgreSQL: infinity, and years that not every part of recon can represent, become the ends of the calendar.
BOUNDED = """
case when {value} > timestamp '262142-12-31 23:59:59.999' then timestamp '9999-12-31 23:59:59.999'
     when {value} < timestamp '262142-01-01 (BC)' then timestamp '0001-01-01' else {value} end"""
KEY = """
case when typeof({value}) = 'BLOB' and octet_length(try_cast({value} as blob)) = 16
     then lower(hex(try_cast({value} as blob))) else cast({value} as varchar) end"""
DIALECT = Dialect(
    'count(*) as "rows"',
    {
        "uuid": "cast({value} as varchar)",
        "integer": "cast({value} as bigint)",
        "boolean": "cast({value} as boolean)",
        "timestamp": BOUNDED.format(value="cast({value} as timestamp)"),
        "timestamptz": BOUNDED.format(value="cast(({value}) at time zone 'UTC' as timestamp)"),
        "text": "cast({value} as varchar)",
        "key": KEY,
        "json": "case when json_valid(cast({value} as varchar)) then cast({value} as json) ->> {key} end",
    },
)
COLUMNS = (
    "select table_name, column_name, data_type from duckdb_columns() where not internal and schema_name = {schema}"
)
SCHEMAS_WITH = """
select distinct schema_name from duckdb_columns() where not internal and table_name = {table} order by 1"""
TYPES = {
    "UUID": "uuid",
    "TINYINT": "integer",
    "SMALLINT": "integer",
    "INTEGER": "integer",
    "BIGINT": "integer",
    "UTINYINT": "integer",
    "USMALLINT": "integer",
    "UINTEGER": "integer",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "DATE": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "BOOLEAN": "boolean",
    "JSON": "json",
}
HINTS = {
    "lock": "Another program has it open: close that, or verify a copy of the file",
    "different configuration": "This program has it open already: close that connection first",
    "version number": "Write it with the DuckDB release that recon is locked to: EXPORT DATABASE there, IMPORT here",
    "newer": "Install the newer DuckDB release, or write the file with STORAGE_VERSION of an older one",
    "ncrypt": "Verify a copy that is not encrypted",
}


def connect(url: DatabaseUrl, timeout_s: float | None = None) -> DuckdbSource:
    """Open the file read-only.

    Raises:
        DatabaseError: The file is missing, not a DuckDB database, of another version, or open in another program.
    """
    path = url.path or Path()
    require_file(path, "DuckDB", "duckdb")
    try:
        return DuckdbSource(path, url.schema or "main", timeout_s)
    except duckdb.Error as error:
        reason = _one_line(error)
        kind = CorruptionError if is_duckdb_corrupted(reason) else DatabaseError
        raise kind(
            "The DuckDB database cannot be read", where=str(path), found=reason, next_step=_next_step(reason)
        ) from None


class DuckdbSource:
    """One read-only connection to a DuckDB file, separate from the warehouse's session."""

    typed = True
    consistent = True
    guarantee = "consistent: the file is open read-only, which keeps every program from writing to it"

    def __init__(self, path: Path, schema: str, limit_s: float | None) -> None:
        self._schema, self.limit_s, self._path = schema, limit_s, path
        self._connection = duckdb.connect(path, read_only=True, config=CLOSED)
        self._connection.execute("set timezone = 'UTC'")
        self.label = f"DuckDB {duckdb.__version__}, {path}"

    def catalogue(self) -> Catalogue:
        """Return tables and views with their columns."""
        found = FoldedCatalogue({})
        for table, column, kind in self._connection.execute(COLUMNS.format(schema=literal(self._schema))).fetchall():
            found.setdefault(table, {})[column] = TYPES.get(kind, "text")
        return found

    def surroundings(self) -> Surroundings:
        """Return what the system says about the file."""
        return surroundings_of_file(self._path)

    def missing_hint(self, table: str) -> str | None:
        """Return a hint that names the schemas of the file that have a table of that name."""
        rows = self._connection.execute(SCHEMAS_WITH.format(table=literal(table))).fetchall()
        if not rows:
            return None
        return f"It is in schema {', '.join(name for (name,) in rows)}: recon reads the schema {self._schema!r}"

    def refusal_hint(self, reason: str) -> str:
        """Return a hint; a view may try to access what is disabled."""
        if "disabled by configuration" in reason:
            return "A view reads another file, which recon does not open: make it a table"
        return "Check that the file is whole, and its views with it"

    def prepare(self, queries: Sequence[Query]) -> None:
        """Do nothing: no program can write to the file."""

    def read(self, query: Query) -> Iterator[pl.DataFrame]:
        """Yield the rows of `query` in batches.

        Raises:
            ReadError: DuckDB refused.
        """
        try:
            relation = self._connection.sql(render(query, quote(self._schema, query.table), DIALECT))
            for batch in relation.to_arrow_reader(BATCH_ROWS):
                yield pl.DataFrame(pl.from_arrow(batch))
        except duckdb.Error as error:
            words = _one_line(error)
            raise ReadError(words, is_corruption=is_duckdb_corrupted(words)) from None

    def cancel(self) -> None:
        """Interrupt the running query."""
        self._connection.interrupt()

    def close(self) -> None:
        """Close the file, unless a thread is still in it, as after an interrupt: its query is ended, and it lets go."""
        try:
            self._connection.close()
        except duckdb.Error:
            self._connection.interrupt()


def _one_line(error: duckdb.Error) -> str:
    """Return DuckDB's message without its excerpt of the query and the link to its manual."""
    sentence = str(error).partition("\n\n")[0].partition("\nLINE ")[0].partition(" See also")[0]
    return " ".join(sentence.split()).rstrip(". ")


def _next_step(reason: str) -> str:
    return next((hint for part, hint in HINTS.items() if part in reason), "Check that it is a whole DuckDB file")
