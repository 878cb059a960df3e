"""DuckDB 2.0 can lose a large insert that follows an empty one in a transaction; that must never make rules pass."""

from __future__ import annotations

import polars as pl
import pytest

from recon.errors import DatabaseError
from recon.warehouse import LoadColumn, Warehouse

ROWS = 200_000  # more than a row group
FIELDS = [LoadColumn("id", "integer", "id", "integer")]


def frame(rows: int, start: int = 0) -> pl.DataFrame:
    return pl.DataFrame({"id": pl.int_range(start, start + rows, eager=True)})


@pytest.mark.parametrize("in_transaction", [False, True], ids=["autocommit", "transaction"])
@pytest.mark.parametrize("sizes", [[0, ROWS], [ROWS, 0], [0, 10, 0, ROWS], [150_000, 50_000], [0]], ids=str)
def test_every_appended_row_is_seen_by_a_scan(sizes: list[int], in_transaction: bool) -> None:
    with Warehouse() as warehouse:
        warehouse.create("target.members", FIELDS)
        if in_transaction:
            warehouse.connection.begin()
        for position, size in enumerate(sizes):
            warehouse.append("target.members", frame(size, position * ROWS), FIELDS)
        if in_transaction:
            warehouse.connection.commit()
        warehouse.verify_loads(["target.members"])
        seen = warehouse.rows("select count(distinct id) as seen from target.members")
        assert seen == [{"seen": sum(sizes)}]
        assert warehouse.row_count("target.members") == sum(sizes)


def test_rows_that_cannot_be_read_back_are_an_error() -> None:
    with Warehouse() as warehouse:
        warehouse.create("target.members", FIELDS)
        warehouse.append("target.members", frame(10), FIELDS)
        warehouse.connection.execute("delete from target.members where id = 3")
        with pytest.raises(DatabaseError, match="expected 10 rows, found 9 rows"):
            warehouse.verify_loads(["target.members"])


def test_what_the_bundle_brought_is_read_back_too() -> None:
    with Warehouse() as warehouse:
        warehouse.load_source({"errors": frame(10)})
        warehouse.verify_loads()
        warehouse.connection.execute("delete from source.errors where id = 3")
        with pytest.raises(DatabaseError, match=r"source\.errors cannot be read back.*found 9 rows"):
            warehouse.verify_loads()


def test_nulls_in_the_first_column_are_rows_too() -> None:
    with Warehouse() as warehouse:
        warehouse.create("target.members", FIELDS)
        warehouse.append("target.members", pl.DataFrame({"id": [None, 1, None]}, schema={"id": pl.Int64}), FIELDS)
        warehouse.verify_loads(["target.members"])
        assert warehouse.row_count("target.members") == 3
