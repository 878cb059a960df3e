"""Values that belong to another column of their record, told from those that are alike by chance."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

from recon.comparison import Field
from recon.ledger.other_columns import relations


def related(kind: str, **values: tuple[Any, Any]) -> dict[str, dict[str, Any]]:
    """The relations of one record's fields by field, without those that are null; values as (source, target)."""
    sides = {f"{name}_{side}": [v] for name, pair in values.items() for side, v in zip(SIDES, pair, strict=True)}
    found = relations(pl.DataFrame({"record": [7], **sides}), [Field(name, kind) for name in values])
    assert set(found["record"]) <= {7}
    rows = {row.pop("field"): row for row in found.drop("record").to_dicts()}
    return {field: {name: value for name, value in row.items() if value} for field, row in rows.items()}


SIDES = ("source", "target")
ALTERED = {"is_other_altered": True}


def test_columns_that_hold_each_others_values_are_exchanged() -> None:
    found = related("text", a=("Anna", "Smith"), b=("Smith", "Anna "), c=("x", "x"))

    assert {field: row["exchanged_with"] for field, row in found.items()} == {"a": "b", "b": "a"}


def test_a_value_that_moved_to_an_empty_column_is_exchanged() -> None:
    day = datetime(2024, 1, 3, 8)  # noqa: DTZ001 - instants are naive and in UTC

    for nothing in (None, ""):
        assert related("text", a=("Anna", nothing), b=(nothing, "Anna"))["a"]["exchanged_with"] == "b"
    assert related("timestamp", a=(day, None), b=(None, day))["b"]["exchanged_with"] == "a"
    # It was replaced, and its value is lost: only where it was copied to is known.
    assert related("text", a=("Anna", None), b=("Smith", "Anna")) == {"b": {"copied_from": "a"} | ALTERED}


def test_a_value_that_replaced_another_is_copied() -> None:
    start, end = datetime(2024, 1, 3, 8), datetime(2024, 1, 3, 9)  # noqa: DTZ001 - as above

    assert related("timestamp", a=(start, start), b=(end, start)) == {"b": {"copied_from": "a"}}
    assert related("text", a=("Anna", "Anna"), b=(None, "Anna")) == {"b": {"copied_from": "a"}}
    assert related("text", a=("Anna", "Anna"), b=("Smith", None)) == {}


def test_texts_are_joined_or_divided_elsewhere() -> None:
    assert related("text", a=("Anna", "Smith, Anna"), b=("Smith", "Smith"))["a"] == {"joined_with": "b"}
    divided = related("text", a=("Anna Maria", "Anna"), b=("Smith", "Maria Smith"))
    assert {field: row["divided_with"] for field, row in divided.items()} == {"a": "b", "b": "a"}
    assert related("text", a=("Anna", "Anna Smyth"), b=("Smith", "Smith")) == {}
    assert related("text", a=("Anna Maria", "Anna"), b=("Smith", "Smith")) == {}


def test_what_is_alike_by_chance_is_not_related() -> None:
    assert related("boolean", a=(True, False), b=(False, True)) == {}
    assert related("text", a=("Anna", "Anna"), b=("Anna", "Anna")) == {}
    assert related("text", a=(None, ""), b=("", None)) == {}


def test_only_fields_of_one_type_are_related() -> None:
    frame = pl.DataFrame({"record": [7], "a_source": ["x"], "a_target": ["y"], "b_source": ["y"], "b_target": ["x"]})

    assert relations(frame, [Field("a", "text"), Field("b", "key")]).is_empty()
    assert relations(frame, [Field("a", "key"), Field("b", "key")]).height == 2
