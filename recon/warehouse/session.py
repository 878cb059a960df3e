"""The warehouse: one DuckDB session that holds the contents of the bundle and of the database."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock, Thread, current_thread
from typing import TYPE_CHECKING, Any, Self

import duckdb
import polars as pl

from recon.background import start
from recon.database import UNDECODED
from recon.errors import DatabaseError
from recon.scratch import ScratchFolder
from recon.sql import literal, quote
from recon.warehouse.load_column import ROW, STORED, LoadColumn, unread
from recon.warehouse.rule_reading import RuleReading, reading
from recon.warehouse.statements import fetched, parsed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

VALUES = Path(__file__).with_name("values.sql")
SETUP = (Path(__file__).with_name("session.sql"), VALUES)
# Operators that need more spill to disk; a whole run over a million registrations then stays under 600 MB.
MEMORY_LIMIT_MB = 400
# Memory that pairing many millions takes per record and per row; once it spills to disk, it takes twice as long.
PAIRED_BYTES = 250
FINDINGS = "target.unreadable_values"
MANY_ROWS = 200_000
INCOMING = "incoming"
CREATE = "create table {table} ({columns})"
INSERT = "insert into {table} select {stored} from (select {columns} from incoming)"
STORED_VALUES = "select {columns} from {table} where rowid >= ?"
RECORD = "insert into reading.unread"
REPORT = """
insert into target.unreadable_values
select table_name, column_name, row_key, value, expected_type from reading.unread
where name = $name and row_number >= $first"""
# What as_timestamp takes for milliseconds; no usual form of a time is that short.
MILLISECONDS = r"^\s*-?[0-9]{11,13}\s*$"
SHORTEST_TIME = 16
SCAN = """
select {name}, count(hashed), bit_xor(hashed) from (select hash({column}) as hashed from {table})"""


@dataclass
class Warehouse:
    """A DuckDB session with the schemas `source` (the bundle) and `target` (the database).

    Rules cannot reach beyond it: access to files, extensions and the network is disabled; and they only read it, see
    `reading`. Data that does not fit into memory spills to a private folder, which is removed on close.

    Attributes:
        missing: Canonical table or `table.column` that the database does not have → the reason.
        unreadable: Canonical table that exists but that the database refused to read → the server's message.
        kept: The file of a kept snapshot, attached read-only as `kept`; None: rows come from a database.
        row_counts: Number of rows loaded, by table ("target.members").
        first_columns: Name of the first column, by table.
        origins: What a table was read from, where that is not the report: "source.members" → file name.
        unread: The application's table → its columns that are not read.
        unknown_fields: Place in the report ("members", "idMapping.events") → keys that no column is loaded from.
        given_up: Id of a rule that takes too long or too much memory → the reason.
        milliseconds: Table and column → the number of values that arrived as milliseconds since 1970.
    """

    missing: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    kept: Path | None = None
    row_counts: dict[str, int] = field(default_factory=dict)
    first_columns: dict[str, str] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    unread: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unknown_fields: dict[str, tuple[str, ...]] = field(default_factory=dict)
    given_up: dict[str, str] = field(default_factory=dict)
    milliseconds: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._spill = ScratchFolder("recon-spill-")
        self._opening = start(partial(_open_session, str(self._spill.path), self.kept))
        self._is_undone = False
        self._is_parallel = False
        self.memory_limit_mb = MEMORY_LIMIT_MB
        self._readings: dict[Thread, duckdb.DuckDBPyConnection] = {}
        self._of_readings = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection of the thread that made the warehouse; it opens in the background while that continues."""
        return self._opening.result()

    def execute(
        self, sql: str, values: Sequence[object] | Mapping[str, Any] | None = None
    ) -> duckdb.DuckDBPyConnection:
        """Run the statements of `sql`, the last one with `values`; fetch its rows from the returned connection."""
        *others, last = parsed(sql, self.connection)
        for statement in others:
            self.connection.execute(statement)
        return self.connection.execute(last, values)

    def close(self) -> None:
        """Close the session and remove its spill files; where a query cannot be ended, the session ends with it."""
        if not self._readings:
            self.connection.close()
        self._spill.close()

    @property
    def scratch(self) -> Path:
        """The private folder for files that only this session reads."""
        return self._spill.path

    def load_source(self, frames: Mapping[str, pl.DataFrame]) -> None:
        """Store the bundle's frames as `source.<name>`."""
        for name, frame in frames.items():
            self._relation(frame).create(f"source.{name}")
            self.row_counts[f"source.{name}"] = frame.height
            self.first_columns[f"source.{name}"] = frame.columns[0]

    def create(self, name: str, fields: Sequence[LoadColumn]) -> None:
        """Create the empty table `name` ("target.members") with a typed column for each field."""
        columns = ", ".join(f"{quote(f.name)} {STORED[f.type]}" for f in fields)
        self.execute(CREATE.format(table=quote(*name.split(".")), columns=columns))
        self.row_counts[name] = 0
        self.first_columns[name] = fields[0].name

    def append(self, name: str, frame: pl.DataFrame, fields: Sequence[LoadColumn], table_name: str = "") -> None:
        """Append rows to the table `name`, casting values that arrive as text.

        A value that is not of its column's type becomes null and is recorded in `target.unreadable_values` under the
        application's `table_name`, with the first column of the row as its key; until `settle_times`, so is a time that
        is read by the whole of its column. A text that is not UTF-8 is recorded, too, and stored as sent.
        """
        if frame.is_empty():
            # DuckDB 2.0 loses a large insert that follows an empty one in the same transaction.
            return
        marks = {name.removesuffix(UNDECODED): name for name in frame.columns if name.endswith(UNDECODED)}
        self.connection.register(INCOMING, frame.to_arrow())
        columns = ", ".join(column.expression for column in fields)
        stored = ", ".join(column.stored for column in fields)
        self.execute(INSERT.format(table=quote(*name.split(".")), columns=columns, stored=stored))
        failed = self._failed(name, frame, fields)
        queries = [unread(column, fields, name, table_name) for column in failed]
        queries += [unread(f, fields, name, table_name, marks[f.name]) for f in fields if f.name in marks]
        if queries:
            self._report(name, frame, queries)
        self.connection.unregister(INCOMING)
        self._count_milliseconds(name, frame, fields)
        self.row_counts[name] += frame.height
        if self.row_counts[name] > MANY_ROWS:
            self.use_all_cores()

    def _report(self, name: str, frame: pl.DataFrame, queries: Iterable[str]) -> None:
        """Record the values that could not be read, with the number of their row."""
        first = self.row_counts[name]
        numbered = frame.with_row_index(ROW, offset=first)
        self.connection.register(INCOMING, numbered.to_arrow())
        self.execute(f"{RECORD} {' union all '.join(queries)}")
        self.execute(REPORT, {"name": name, "first": first})

    def _count_milliseconds(self, name: str, frame: pl.DataFrame, fields: Sequence[LoadColumn]) -> None:
        """Count the values that were read as milliseconds since 1970, by table and column."""
        for column in fields:
            if column.type == "timestamp" and column.can_fail and frame.schema[column.name] == pl.String:
                shortest = frame[column.name].str.len_bytes().min()
                if isinstance(shortest, int) and shortest < SHORTEST_TIME:
                    found = frame[column.name].str.contains(MILLISECONDS).sum()
                    self.milliseconds[name, column.name] += int(found)

    def use_all_cores(self) -> None:
        """Use every core, once there is enough work to share."""
        if not self._is_parallel:
            self._is_parallel = True
            self.execute("reset threads")

    def make_room(self, rows: int) -> None:
        """Raise the memory limit so that pairing `rows` records and rows fits, up to half of the machine's memory."""
        wanted_mb = rows * PAIRED_BYTES // 10**6
        if wanted_mb > MEMORY_LIMIT_MB:
            half_mb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 10**6 // 2
            self.memory_limit_mb = max(MEMORY_LIMIT_MB, min(wanted_mb, half_mb))
            self.execute(f"set memory_limit = '{self.memory_limit_mb}MB'")

    def _failed(self, name: str, frame: pl.DataFrame, fields: Sequence[LoadColumn]) -> list[LoadColumn]:
        """Return the columns in which a value of `frame`, the rows appended last, became null."""
        typed = [field for field in fields if field.can_fail]
        if not typed:
            return []
        columns = ", ".join(f"count({quote(field.name)})" for field in typed)
        sql = STORED_VALUES.format(columns=columns, table=quote(*name.split(".")))
        stored = self.execute(sql, [self.row_counts[name]]).fetchall()[0]
        arrived = [frame.height - frame[field.name].null_count() for field in typed]
        return [field for field, kept, sent in zip(typed, stored, arrived, strict=True) if kept != sent]

    def verify_loads(self, names: Iterable[str] | None = None) -> None:
        """Read tables back (all by default), because rows that a scan misses would make every rule pass.

        Raises:
            DatabaseError: The engine returns fewer or more rows of a table than were appended to it.
        """
        scans = [
            SCAN.format(name=literal(name), table=quote(*name.split(".")), column=quote(self.first_columns[name]))
            for name in names or self.first_columns
        ]
        for name, found, _ in self.execute(" union all ".join(scans)).fetchall():
            if found != self.row_counts[name]:
                raise DatabaseError(
                    f"What was read into {name} cannot be read back",
                    expected=f"{self.row_counts[name]} rows",
                    found=f"{found} rows",
                    next_step="This is a fault of the installed DuckDB: install the locked release, and report it",
                )

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None, limit: int = -1) -> list[dict[str, Any]]:
        """Return the first rows of one of recon's own queries, keyed by column name; `limit` -1: all rows.

        Only those `parameters` that the query names are bound.
        """
        return fetched(self.connection, sql, parameters, limit)

    @contextmanager
    def reading(self) -> Iterator[RuleReading]:
        """What a rule may ask, from any thread; inside `undone` also of what was changed there."""
        if self._is_undone:
            yield RuleReading(self.connection)
            return
        with reading(self.connection) as opened:
            thread = current_thread()
            self._readings[thread] = opened.connection
            try:
                yield opened
            finally:
                with self._of_readings:
                    self._readings.pop(thread, None)

    def interrupt(self, thread: Thread) -> None:
        """Interrupt the query that the reading of a thread runs, if it has a reading and that runs one."""
        with self._of_readings:
            if thread in self._readings:
                self._readings[thread].interrupt()

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Undo at the end what was changed inside."""
        self.execute("begin transaction")
        self._is_undone = True
        try:
            yield
        finally:
            self._is_undone = False
            self.execute("rollback")

    def count_rows(self, name: str, rows: int, column: str) -> None:
        """Register a table that was not filled by `append`, so that `verify_loads` reads it back too."""
        self.row_counts[name], self.first_columns[name] = rows, column

    def row_count(self, name: str) -> int:
        """Return the number of rows loaded into the table `name` ("target.members").

        Raises:
            KeyError: There is no such table.
        """
        return self.row_counts[name]

    def _relation(self, frame: pl.DataFrame) -> duckdb.DuckDBPyRelation:
        return self.connection.from_arrow(frame.to_arrow())


def _open_session(spill: str, kept: Path | None) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"temp_directory": spill, "memory_limit": f"{MEMORY_LIMIT_MB}MB"})
    if kept:
        connection.execute(f"attach {literal(str(kept))} as kept (read_only)")
    for file in SETUP:
        for statement in parsed(file.read_text(encoding="utf-8"), connection):
            connection.execute(statement)
    connection.execute("set global timezone = 'UTC'")
    # In a notebook, DuckDB would draw one among the outputs of a cell.
    connection.execute("set enable_progress_bar = false")
    connection.execute(f"set allowed_directories = [{literal(spill)}]")
    connection.execute("set enable_external_access = false")
    # A second thread costs more than it gains until there is enough work to share; see `append`.
    connection.execute("set threads = 1")
    return connection
