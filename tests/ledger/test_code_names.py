from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from recon.ledger.code_names import code_names, with_names
from recon.warehouse import LoadColumn, Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    with Warehouse() as opened:
        opened.create("target.tiers", [LoadColumn("id", "text"), LoadColumn("code", "text")])
        yield opened


def fill(warehouse: Warehouse, rows: Sequence[tuple[str, str | None]]) -> dict[str, str]:
    warehouse.connection.executemany("insert into target.tiers (id, code) values (?, ?)", rows)
    return code_names("tiers", warehouse)


def test_codes_that_several_rows_have_keep_their_ids(warehouse: Warehouse) -> None:
    names = fill(warehouse, [("A1", "GENERAL"), ("a2", "GENERAL"), ("a3", "ALUMNI"), ("a4", None)])
    assert names == {"a1": "GENERAL (A1)", "a2": "GENERAL (a2)", "a3": "ALUMNI"}


def test_a_table_that_is_not_small_has_no_names(warehouse: Warehouse) -> None:
    rows = [(f"a{number}", f"CODE {number}") for number in range(201)]
    assert len(fill(warehouse, rows[:200])) == 200
    assert fill(warehouse, rows[200:]) == {}


def test_ids_of_the_field_alone_are_named_and_unknown_ones_stay() -> None:
    differences = pl.DataFrame(
        {
            "field": ["tier_id", "tier_id", "phone"],
            "source": [None, "A1", "a1"],
            "target": ["a1", "b7", "a1"],
            "detail": ["a1", "", ""],
        }
    )
    named = with_names(differences, {"tier_id": {"a1": "GENERAL"}})
    assert named.rows() == [
        ("tier_id", None, "GENERAL", "GENERAL"),
        ("tier_id", "GENERAL", "b7", ""),
        ("phone", "a1", "a1", ""),
    ]
    assert with_names(differences, {"tier_id": {}}).equals(differences)
