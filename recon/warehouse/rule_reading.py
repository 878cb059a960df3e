"""What a rule may ask of the warehouse: selects in one transaction that only reads."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl
import pyarrow as pa

from recon.warehouse.statements import fetched, named, query_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EVIDENCE_BATCH_ROWS = 10_000
BEGIN = "begin transaction read only"


@dataclass(frozen=True)
class RuleReading:
    """The queries of one rule; all of them see the same tables, and none changes any.

    Attributes:
        connection: In a transaction that only reads.
    """

    connection: duckdb.DuckDBPyConnection

    def require_query(self, sql: str) -> None:
        """Require one select.

        Raises:
            ValueError: It is none, or more than one statement.
        """
        query_of(sql, self.connection)

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None, limit: int = -1) -> list[dict[str, Any]]:
        """Return the first rows of a query with a small result, keyed by column name; `limit` -1: all rows.

        Only those `parameters` that the query names are bound.

        Raises:
            ValueError: The SQL is not one select, or would write.
        """
        with _only_reads():
            return fetched(self.connection, sql, parameters, limit)

    def evidence(self, sql: str, parameters: Mapping[str, Any] | None, limit: int) -> tuple[pl.DataFrame, int]:
        """Return the first `limit` rows of a query and the total number of its rows.

        Most rules find no violations, which fetching one row shows; otherwise a second execution streams the rows.

        Raises:
            ValueError: The SQL is not one select, or would write.
        """
        with _only_reads():
            statement = query_of(sql, self.connection)
            values = named(statement, parameters)
            cursor = self.connection.execute(statement, values)
            names = [column[0] for column in cursor.description or ()]
            if cursor.fetchone() is None:
                return pl.DataFrame(schema=dict.fromkeys(names, pl.String)), 0
            cursor.abort()
            return _collected(self.connection.sql(statement, params=values), limit)

    def batches(self, sql: str, parameters: Mapping[str, Any] | None) -> pa.RecordBatchReader:
        """Return all rows of a query, to be read once, before this reading ends.

        Raises:
            ValueError: The SQL is not one select, or would write.
        """
        with _only_reads():
            statement = query_of(sql, self.connection)
            relation = self.connection.sql(statement, params=named(statement, parameters))
            return relation.to_arrow_reader(EVIDENCE_BATCH_ROWS)


@contextmanager
def reading(session: duckdb.DuckDBPyConnection) -> Iterator[RuleReading]:
    """A reading on a cursor of its own, so that neither its end nor an error in it concerns any other."""
    cursor = session.cursor()
    try:
        cursor.execute(BEGIN)
        yield RuleReading(cursor)
    finally:
        # Also ends the transaction, whatever became of it.
        cursor.close()


@contextmanager
def _only_reads() -> Iterator[None]:
    """Say what DuckDB means when it refuses to write in such a transaction."""
    try:
        yield
    except duckdb.TransactionException as error:
        raise ValueError(f"a rule's SQL only reads, and this would write: {error}") from error


def _collected(relation: duckdb.DuckDBPyRelation, limit: int) -> tuple[pl.DataFrame, int]:
    reader = relation.to_arrow_reader(EVIDENCE_BATCH_ROWS)
    kept, count = [], 0
    for batch in reader:
        if count < limit:
            kept.append(batch.slice(0, limit - count))
        count += batch.num_rows
    table = pa.Table.from_batches(kept, schema=reader.schema)
    return pl.DataFrame(pl.from_arrow(table)), count
