"""The judgement of rows: what it tells of a difference, and what mattered where there is none."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.comparison import NORMALISERS, Field, judge
from recon.comparison.field import TEXT_NORMALISERS
from recon.comparison.normalisers import STEPS
from recon.errors import UsageError

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)


def texts(*pairs: tuple[str | None, str | None]) -> pl.DataFrame:
    rows = [(number, *pair) for number, pair in enumerate(pairs)]
    return pl.DataFrame(rows, schema={"id": pl.Int64, "name_source": pl.String, "name_target": pl.String}, orient="row")


def mattered(frame: pl.DataFrame, field: Field) -> dict[str, int]:
    judged = judge(frame, [field])
    return {name: records for _, name, records in judged.forgiven_by.iter_rows()}


@pytest.mark.parametrize(
    "field, source, target, expected",
    [
        (
            Field("f", "timestamp"),
            {"raw": " 2024-01-15T13:00+01:00", "source": NOON.replace(tzinfo=None)},
            NOON.replace(microsecond=4000),
            {
                "source": " 2024-01-15T13:00+01:00",
                "target": "2024-01-15T12:00:00.004Z",
                "source_moment": NOON.replace(tzinfo=None),
                "target_moment": NOON.replace(tzinfo=None, microsecond=4000),
            },
        ),
        (
            Field("f", "timestamp"),
            {"source": NOON},
            NOON.replace(microsecond=1),
            {"target": "2024-01-15T12:00:00.000001Z"},
        ),
        (
            Field("f", "date"),
            {"source": date(2024, 1, 2)},
            date(2024, 2, 1),
            {"source": "2024-01-02", "target": "2024-02-01", "target_moment": datetime(2024, 2, 1)},  # noqa: DTZ001
        ),
        (
            Field("f", "decimal"),
            {"raw": "10.005", "source": Decimal("10.005000")},
            Decimal("10.00"),
            {"source": "10.005", "target": "10.00", "source_number": "10.005", "target_number": "10"},
        ),
        (Field("f", "integer"), {"source": 2**53 + 1}, 2**53, {"source_number": "9007199254740993"}),
        (Field("f", "boolean"), {"source": True}, False, {"source": "true", "target": "false"}),
        (
            Field("f", "float"),
            {"source": float("nan")},
            1.5,
            {"source_state": "nan", "target_state": "value", "target_number": "1.5"},
        ),
        (Field("f", "text"), {"source": ""}, " ", {"source_state": "empty", "target_state": "blank", "source": ""}),
        (Field("f", "text"), {"source": "a"}, None, {"target_state": "null", "target": None, "source_number": None}),
        (
            Field("f", "integer"),
            {"raw": "abc", "source": None},
            1,
            {"source": "abc", "source_state": "value", "source_number": None},
        ),
    ],
)
def test_a_difference_reports_both_values(field: Field, source: dict[str, Any], target: Any, expected: Any) -> None:
    frame = pl.DataFrame({"id": [7], **{f"f_{part}": [value] for part, value in source.items()}, "f_target": [target]})
    rows = judge(frame, [field]).differences.rows(named=True)
    assert [{name: row[name] for name in expected} for row in rows] == [expected]
    assert (rows[0]["id"], rows[0]["field"], rows[0]["type"]) == (7, "f", field.type)


def test_infinity_is_reported_as_such() -> None:
    frame = pl.DataFrame({"f_source": [2**63 - 1], "f_target": [1 - 2**63]}).cast(pl.Datetime("us"))
    row = judge(frame, [Field("f", "timestamp")]).differences.row(0, named=True)
    assert (row["source"], row["target"], row["source_moment"]) == ("infinity", "-infinity", None)


def test_differences_stand_in_the_order_of_rows_then_fields() -> None:
    frame = pl.DataFrame(
        {
            "id": ["x", "y", "z"],
            "a_source": [1, 2, 3],
            "a_target": [2, 2, 4],
            "b_source": [1, 1, 1],
            "b_target": [2, 2, 1],
        }
    )
    found = judge(frame, [Field("b", "integer"), Field("a", "integer")]).differences
    assert found.select("id", "field").rows() == [("x", "b"), ("x", "a"), ("y", "b"), ("z", "a")]


def test_a_side_without_the_column_is_missing_in_every_row() -> None:
    found = judge(texts(("a", "a"), (None, None)).drop("name_target"), [Field("name", "text")]).differences
    assert found["target_state"].to_list() == ["missing", "missing"]
    assert found["source_state"].to_list() == ["value", "null"]


@pytest.mark.parametrize(
    "normalise, pair, expected",
    [
        (("trim", "casefold"), ("a", "a"), {}),
        (("trim", "casefold"), (" a", "a"), {"trim": 1}),
        (("trim", "casefold"), (" A", "a"), {"trim": 1, "casefold": 1}),
        (("trim", "collapse_spaces", "casefold"), ("A  b", "a b"), {"collapse_spaces": 1, "casefold": 1}),
        (("trim", "empty_as_null"), (" ", None), {"trim": 1, "empty_as_null": 1}),
        (("trim", "phone_digits"), (" 1", "1"), {"trim": 1}),
        (("nfc", "casefold"), ("e\u0301", "É"), {"nfc": 1, "casefold": 1}),
        (("trim",), ("a", "b"), {}),
    ],
)
def test_a_normaliser_is_reported_only_where_it_mattered(
    normalise: tuple[str, ...], pair: tuple[str, str | None], expected: dict[str, int]
) -> None:
    assert mattered(texts(pair, ("same", "same")), Field("name", "text", normalise)) == expected


TEXTS = st.none() | st.text("aAbß \t1+é\u0301E", max_size=5)


@pytest.mark.soak
@given(
    pairs=st.lists(st.tuples(TEXTS, TEXTS), max_size=8),
    normalise=st.lists(st.sampled_from(NORMALISERS), unique=True, max_size=4).map(tuple),
)
def test_what_mattered_is_enough_and_nothing_of_it_too_much(
    pairs: list[tuple[str | None, str | None]], normalise: tuple[str, ...]
) -> None:
    for pair in pairs:
        frame = texts(pair)
        reported = mattered(frame, Field("name", "text", normalise))
        is_equal = judge(frame, [Field("name", "text", normalise)]).differences.is_empty()
        assert bool(reported) == (is_equal and pair[0] != pair[1])
        if reported:
            kept = tuple(name for name in normalise if name in reported)
            assert judge(frame, [Field("name", "text", kept)]).differences.is_empty()
            for name in kept:
                without = tuple(other for other in kept if other != name)
                assert judge(frame, [Field("name", "text", without)]).differences.height == 1


def test_tolerances_are_reported_where_they_mattered() -> None:
    frame = pl.DataFrame({"f_source": [100.0, 100.0, 100.0, 1000.0], "f_target": [100.0, 101.0, 103.0, 1050.0]})
    field = Field("f", "float", abs_tol=1, rel_tol=0.05)
    assert mattered(frame, field) == {"abs_tol": 1, "rel_tol": 2}


def test_empty_as_null_is_reported_types_that_are_not_text_too() -> None:
    frame = pl.DataFrame({"f_raw": ["", None, "1"], "f_source": [None, None, 1], "f_target": [None, None, 1]})
    assert mattered(frame, Field("f", "integer", ("empty_as_null",))) == {"empty_as_null": 1}


@pytest.mark.parametrize("kind", ["key", "text", "integer", "decimal", "float", "boolean", "timestamp", "date"])
def test_frames_without_rows_or_values_are_judged(kind: str) -> None:
    nulls = pl.DataFrame({"id": [1, 2], "f_raw": [None, None], "f_source": [None, None], "f_target": [None, None]})
    for frame in (nulls, nulls.clear(), nulls.head(1)):
        judged = judge(frame, [Field("f", kind)])
        assert (judged.differences.height, judged.forgiven_by.height) == (0, 0)
        assert judged.differences.columns[:3] == ["id", "field", "type"]
    one = nulls.head(1).with_columns(f_raw=pl.lit("x"))
    assert judge(one, [Field("f", kind)]).differences.height == 1


def test_without_id_columns_the_differences_are_reported_anyway() -> None:
    found = judge(texts(("a", "b")).drop("id"), [Field("name", "text")]).differences
    assert found.columns[0] == "field"
    assert found.height == 1


def test_an_id_column_of_a_results_name_is_refused() -> None:
    frame = texts(("a", "b")).rename({"id": "field"})
    with pytest.raises(UsageError, match="The id column 'field' has the name of a column of the result"):
        judge(frame, [Field("name", "text")])


def test_every_normaliser_has_its_step() -> None:
    assert set(STEPS) == set(NORMALISERS)
    assert {*TEXT_NORMALISERS, "empty_as_null"} == set(NORMALISERS)
