"""Pairs the rows of two tables by key: one pass over digests, then only the rows that it leaves open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from weakref import finalize

import duckdb
import polars as pl
import pyarrow as pa
from polars import selectors

from recon.comparison.digest import digest_sql
from recon.comparison.field import Field
from recon.comparison.values import StoredColumn, judged_sql, typed_sql
from recon.errors import UsageError
from recon.scratch import ScratchFolder
from recon.sql import literal, quote
from recon.warehouse import VALUES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Table: TypeAlias = pl.DataFrame | pl.LazyFrame | Path | str
Side: TypeAlias = "Mapping[str, StoredColumn]"
MEMORY_LIMIT = "2GB"
# In a notebook DuckDB would draw a progress bar into the caller's output.
SETTINGS = ("set global timezone = 'UTC'", "set enable_progress_bar = false")
OF_FILE = "create view {side} as select * from read_parquet({path})"
# A key is settled if it has two rows, one per side, with equal digests. The target's digests are salted, so that only
# two such rows xor to the salt. Keys whose hashes collide are open together, and distinguished by value later.
OPEN_HASHES = """
create temp table open_hashes as
select key_hash from (
  select {source_hash} as key_hash, {source_digest} as digest from source
  union all
  select {target_hash}, xor({target_digest}, {salt}) from target)
group by key_hash having count(*) <> 2 or bit_xor(digest) <> {salt}"""
SALT = "cast(11400714819323198485 as ubigint)"
OPEN_ROWS = """
create temp table {side}_open as
select {columns} from {side} where {hash} in (select key_hash from open_hashes)"""
OPEN_KEYS = """
create temp table open_keys as
select {keys}, count(in_source) as source_rows, count(in_target) as target_rows
from (
  select {keys}, 1 as in_source, null as in_target from source_open
  union all
  select {keys}, null, 1 from target_open)
group by all"""
PAIRS = """
select {ids}, {judged}
from open_keys as k join source_open as s on {source_matches} join target_open as t on {target_matches}
where k.source_rows = 1 and k.target_rows = 1"""
KEYS = "select {ids}, source_rows, target_rows from open_keys as k where {condition} order by all"
SETTLED = "select {ids} from source where {hash} not in (select key_hash from open_hashes)"
COUNTS = """
select (select count(*) from source), (select count(*) from target),
  coalesce(sum(source_rows) filter (source_rows > 1 or target_rows > 1), 0)::bigint
from open_keys"""
MATCH = "k.{key} is not distinct from {alias}.{key}"
NAMED = "{value} as {name}"


class KeyPairing:
    """Two tables in a DuckDB session of their own, paired by key; what exceeds its memory spills to a private folder.

    Keys stored as the same type match if they are stored equal, null included; keys of different types match if they
    are equal as text. A key with several rows on one side is not paired.

    Attributes:
        connection: Has the relations source and target and, of the rows that are not settled, source_open, target_open
            and open_keys (one row per key: key_0 …, source_rows, target_rows).
        close: Ends the session and removes what it spilled; runs by itself when this object is garbage-collected.
    """

    def __init__(self, source: Table, target: Table, on: Sequence[str], fields: Sequence[Field]) -> None:
        spill = ScratchFolder("recon-spill-")
        self.connection = duckdb.connect(config={"temp_directory": str(spill.path), "memory_limit": MEMORY_LIMIT})
        self.close = finalize(self, _close, self.connection, spill)
        self.connection.execute(VALUES.read_text(encoding="utf-8"))
        for setting in SETTINGS:
            self.connection.execute(setting)
        self._keys = [Field(name, "key") for name in on]
        self._fields = list(fields)
        self._source = self._add("source", source)
        self._target = self._add("target", target)
        self._settle()

    def counts(self) -> tuple[int, int, int]:
        """Rows of the source, rows of the target, and rows of the source that have a duplicate key."""
        source, target, duplicates = self.connection.execute(COUNTS).fetchall()[0]
        return source, target, duplicates

    def open_keys(self, condition: str) -> pl.DataFrame:
        """One row per key that meets a condition on source_rows and target_rows: the key and both, ordered by key."""
        return self._frame(KEYS.format(ids=self._ids, condition=condition))

    def settled_keys(self) -> pl.DataFrame:
        """The keys whose two rows have equal digests."""
        values = _key_values(self._keys, self._source, self._target)
        ids = ", ".join(NAMED.format(value=v, name=quote(key.name)) for v, key in zip(values, self._keys, strict=True))
        return self._frame(SETTLED.format(ids=ids, hash=digest_sql(self._keys, self._source, self._target)))

    def batches(self, rows: int) -> Iterator[pl.DataFrame]:
        """Open pairs as `judge` requires them, with the key as id columns; at most `rows` at a time."""
        places = [f"key_{place}" for place in range(len(self._keys))]
        sql = PAIRS.format(
            ids=self._ids,
            judged=judged_sql(self._fields, self._opened("s", self._source), self._opened("t", self._target)),
            source_matches=" and ".join(MATCH.format(alias="s", key=key) for key in places),
            target_matches=" and ".join(MATCH.format(alias="t", key=key) for key in places),
        )
        for batch in self.connection.sql(sql).to_arrow_reader(rows):
            yield pl.DataFrame(pl.from_arrow(pa.Table.from_batches([batch])))

    @property
    def _sides(self) -> tuple[tuple[str, Side, Side], ...]:
        """Each side's name and columns, and the columns of the other side."""
        return (("source", self._source, self._target), ("target", self._target, self._source))

    @property
    def _ids(self) -> str:
        return ", ".join(f"k.key_{place} as {quote(key.name)}" for place, key in enumerate(self._keys))

    def _frame(self, sql: str) -> pl.DataFrame:
        return pl.DataFrame(pl.from_arrow(self.connection.sql(sql).to_arrow_table()))

    def _opened(self, alias: str, side: Side) -> Side:
        """A side's columns as the open rows name them."""
        return {
            f.name: StoredColumn(f"{alias}.field_{place}", side[f.name].stored) for place, f in enumerate(self._fields)
        }

    def _add(self, side: str, table: Table) -> Side:
        """Register a table with the session; returns its columns by name.

        Raises:
            UsageError: The table cannot be read, or lacks a column.
        """
        if isinstance(table, pl.DataFrame | pl.LazyFrame):
            # Arrow has no 128-bit integers.
            frame = table.lazy().with_columns(selectors.by_dtype(pl.Int128).cast(pl.Decimal(38, 0))).collect()
            self.connection.register(side, frame.to_arrow())
        else:
            self._add_file(side, Path(table))
        view = self.connection.view(side)
        found = {
            name: StoredColumn(quote(name), str(kind)) for name, kind in zip(view.columns, view.types, strict=True)
        }
        for field in (*self._keys, *self._fields):
            _require_column(side, field.name, found)
        return found

    def _add_file(self, side: str, path: Path) -> None:
        try:
            self.connection.execute(OF_FILE.format(side=side, path=literal(str(path))))
        except duckdb.Error as error:
            raise UsageError(
                f"The {side} cannot be read",
                where=str(path),
                expected="a Parquet file",
                found=str(error).partition("\n")[0],
                next_step="Give the path of a Parquet file, or a frame",
            ) from None

    def _settle(self) -> None:
        """Find the keys that the digests leave open, and fetch their rows."""
        hashes = {name: digest_sql(self._keys, side, other) for name, side, other in self._sides}
        digests = {name: digest_sql(self._fields, side, other) for name, side, other in self._sides}
        self.connection.execute(
            OPEN_HASHES.format(
                source_hash=hashes["source"],
                source_digest=digests["source"],
                target_hash=hashes["target"],
                target_digest=digests["target"],
                salt=SALT,
            )
        )
        for name, side, other in self._sides:
            columns = [(f"key_{place}", value) for place, value in enumerate(_key_values(self._keys, side, other))]
            columns += [(f"field_{place}", side[field.name].sql) for place, field in enumerate(self._fields)]
            selected = ", ".join(NAMED.format(value=value, name=column) for column, value in columns)
            self.connection.execute(OPEN_ROWS.format(side=name, columns=selected, hash=hashes[name]))
        self.connection.execute(OPEN_KEYS.format(keys=", ".join(f"key_{place}" for place in range(len(self._keys)))))


def _key_values(keys: Sequence[Field], side: Side, other: Side) -> list[str]:
    """The SQL of a side's key: its columns where both sides store them alike, else their text."""
    return [
        column.sql
        if (column := side[key.name]).stored == other[key.name].stored
        else typed_sql(key, column.sql, column.stored)
        for key in keys
    ]


def _require_column(side: str, name: str, found: Side) -> None:
    if name not in found:
        raise UsageError(
            f"The {side} has no column {name!r}",
            expected=f"a column {name}",
            found=", ".join(found),
            next_step="Rename the column so that both sides have it by one name",
        )


def _close(connection: duckdb.DuckDBPyConnection, spill: ScratchFolder) -> None:
    connection.close()
    spill.close()
