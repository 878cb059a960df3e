"""Equality by type, each rule alone: what is equal, what is not, and what only a tolerance or normaliser makes so."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from math import inf, nan
from typing import Any

import polars as pl
import pytest

from recon.comparison import Field
from recon.comparison.alignment import aligned
from recon.comparison.equality import equal
from recon.errors import UsageError

BIG = 2**53
NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
TOKYO = timezone(timedelta(hours=9))


def says(field: Field, source: Any, target: Any, dtype: Any = None, **raw: str | None) -> bool:
    """Whether one pair of typed values is equal; `raw`: the source's text."""
    frame = pl.DataFrame({"f_source": [source], "f_target": [target]}, schema_overrides=_schema(dtype))
    frame = frame.with_columns(pl.lit(text, pl.String).alias(f"f_{name}") for name, text in raw.items())
    verdict = aligned(frame, field).select(equal(field)).collect().to_series()
    assert verdict.dtype == pl.Boolean
    assert verdict.null_count() == 0
    return bool(verdict[0])


def _schema(dtype: Any) -> dict[str, Any]:
    return {"f_source": dtype, "f_target": dtype} if dtype else {}


@pytest.mark.parametrize(
    "kind, source, target, expected",
    [
        ("integer", BIG, BIG + 1, False),
        ("integer", BIG + 1, BIG + 1, True),
        ("integer", 0, None, False),
        ("integer", None, None, True),
        ("decimal", Decimal("0.1"), Decimal("0.10"), True),
        ("decimal", Decimal("10.005"), Decimal("10.01"), False),
        ("decimal", Decimal("0.000000000000000001"), Decimal(0), False),
        ("decimal", 3, Decimal("3.00"), True),
        ("float", nan, nan, True),
        ("float", nan, None, False),
        ("float", nan, 0.0, False),
        ("float", -0.0, 0.0, True),
        ("float", inf, inf, True),
        ("float", inf, -inf, False),
        ("float", 0.1 + 0.2, 0.3, False),
        ("boolean", True, True, True),
        ("boolean", True, False, False),
        ("boolean", False, None, False),
        ("key", "a", "a", True),
        ("key", "a", "A", False),
        ("text", "", None, False),
        ("text", " ", "", False),
        ("text", " ", "  ", False),
        ("text", "é", "e\u0301", False),
        ("text", None, None, True),
        ("timestamp", NOON, NOON.astimezone(TOKYO), True),
        ("timestamp", NOON, NOON + timedelta(microseconds=1), False),
        ("timestamp", NOON, NOON.replace(tzinfo=None), True),
        ("timestamp", NOON.replace(hour=0), date(2024, 1, 15), True),
        ("date", date(2024, 1, 2), date(2024, 2, 1), False),
        ("date", date(2024, 1, 15), NOON, True),
    ],
)
def test_values_are_equal_by_their_type(kind: str, source: Any, target: Any, expected: bool) -> None:
    assert says(Field("f", kind), source, target) is expected
    assert says(Field("f", kind), target, source) is expected


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_the_unit_of_an_instant_makes_no_difference(unit: Any) -> None:
    frame = pl.DataFrame({"f_source": [NOON.replace(tzinfo=None)], "f_target": [NOON]})
    frame = frame.with_columns(pl.col("f_source").cast(pl.Datetime(unit)))
    assert aligned(frame, Field("f", "timestamp")).select(equal(Field("f", "timestamp"))).collect().item() is True


@pytest.mark.parametrize(
    "field, near, far",
    [
        (Field("f", "integer", abs_tol=2), (5, 7), (5, 8)),
        (Field("f", "integer", abs_tol=1.5), (BIG, BIG + 1), (BIG, BIG + 2)),
        (Field("f", "decimal", abs_tol=0.01), (Decimal("1.00"), Decimal("1.01")), (Decimal("1.00"), Decimal("1.011"))),
        (
            Field("f", "decimal", abs_tol=Decimal("0.1")),
            (Decimal("0.2"), Decimal("0.3")),
            (Decimal(10**30), Decimal(1)),
        ),
        (Field("f", "decimal", abs_tol=1e12), (Decimal(10**12), Decimal(0)), (Decimal(10**12 + 1), Decimal(0))),
        (Field("f", "float", abs_tol=0.5), (1.0, 1.5), (1.0, 1.6)),
        (Field("f", "float", rel_tol=0.01), (100.0, 99.0), (100.0, 98.9)),
        (Field("f", "float", rel_tol=0.5), (inf, inf), (inf, 5.0)),
        (Field("f", "integer", rel_tol=0.1), (-10, -9), (-10, -8)),
        (Field("f", "decimal", rel_tol=0.1), (Decimal(10), Decimal(9)), (Decimal(10), Decimal("8.9"))),
        (
            Field("f", "timestamp", abs_tol=timedelta(seconds=1)),
            (NOON, NOON + timedelta(seconds=1)),
            (NOON, NOON + timedelta(seconds=1, microseconds=1)),
        ),
        (
            Field("f", "date", abs_tol=timedelta(days=1)),
            (date(2024, 2, 28), date(2024, 2, 29)),
            (date(2024, 2, 28), date(2024, 3, 1)),
        ),
    ],
)
def test_a_tolerance_reaches_as_far_as_it_says(field: Field, near: tuple[Any, Any], far: tuple[Any, Any]) -> None:
    dtype = pl.Decimal(38, 3) if field.type == "decimal" else None
    for source, target in (near, near[::-1]):
        assert says(field, source, target, dtype)
    for source, target in (far, far[::-1]):
        assert not says(field, source, target, dtype)
    assert not says(field, near[0], None, dtype)


@pytest.mark.parametrize(
    "normalise, source, target, expected",
    [
        (["trim"], " a\u00a0", "a", True),
        (["trim"], "a  b", "a b", False),
        (["collapse_spaces"], "a \t b", "a b", True),
        (["casefold"], "Straße", "STRASSE", True),
        (["casefold"], "\u0131", "i", False),
        (["nfc"], "e\u0301", "é", True),
        (["phone_digits"], "+1 (555) 010-2030", "15550102030", True),
        (["phone_digits"], "n/a", "none", False),
        (["phone_digits"], "n/a", "", False),
        (["empty_as_null"], "", None, True),
        (["empty_as_null"], " ", None, False),
        (["trim", "empty_as_null"], " ", None, True),
        (["empty_as_null", "trim"], " ", None, False),
        (["trim"], None, "", False),
    ],
)
def test_normalisers_apply_in_their_order(normalise: list[str], source: str, target: str, expected: bool) -> None:
    field = Field("f", "text", tuple(normalise))
    assert says(field, source, target, pl.String) is expected
    assert says(field, target, source, pl.String) is expected


@pytest.mark.parametrize("kind", ["integer", "decimal", "float", "boolean", "timestamp", "date"])
def test_a_text_of_no_value_equals_null_only_where_empty_counts_as_null(kind: str) -> None:
    for text in ("", " ", "abc"):
        assert not says(Field("f", kind), None, None, raw=text)
    forgiving = Field("f", kind, ("empty_as_null",))
    assert says(forgiving, None, None, raw="")
    assert not says(forgiving, None, None, raw=" ")
    assert not says(forgiving, None, None, raw="abc")


def test_a_text_that_is_none_of_the_type_equals_itself_only() -> None:
    field = Field("f", "integer")
    assert says(field, None, None, raw="abc", target_raw="abc")
    assert not says(field, None, None, raw="abc", target_raw="abd")
    assert not says(field, None, 1, raw="abc")


def test_the_word_nan_is_a_state_of_numbers() -> None:
    assert says(Field("f", "decimal"), None, None, raw="NaN", target_raw="nan")
    assert not says(Field("f", "decimal"), None, None, raw="NaN")


@pytest.mark.parametrize("side", ["source", "target"])
def test_what_one_side_lacks_equals_nothing(side: str) -> None:
    for kind in ("text", "integer"):
        field = Field("f", kind, ("empty_as_null",))
        for value in ("a" if kind == "text" else 1, None):
            frame = pl.DataFrame({f"f_{side}": [value]})
            assert aligned(frame, field).select(equal(field)).collect().item() is False


def test_a_field_that_no_side_has_is_refused() -> None:
    with pytest.raises(UsageError, match="Neither side has the field 'f'"):
        aligned(pl.DataFrame({"g_source": [1]}), Field("f", "integer"))


def test_a_column_of_another_type_is_refused() -> None:
    with pytest.raises(
        UsageError, match="f_source does not hold values of type integer: expected Int128, found Float64"
    ):
        aligned(pl.DataFrame({"f_source": [1.5], "f_target": [1]}), Field("f", "integer"))


@pytest.mark.parametrize(
    "options, words",
    [
        ({"type": "number"}, "no such type"),
        ({"type": "integer", "normalise": ("trim",)}, "no such normaliser"),
        ({"type": "text", "abs_tol": 1}, "abs_tol does not fit"),
        ({"type": "timestamp", "abs_tol": 1}, "expected timedelta, found int"),
        ({"type": "timestamp", "rel_tol": 0.1}, "rel_tol is for numbers"),
        ({"type": "float", "abs_tol": -1}, "abs_tol is a distance"),
        ({"type": "float", "rel_tol": nan}, "rel_tol is a distance"),
        ({"type": "integer", "abs_tol": inf}, "abs_tol is a distance"),
        ({"type": "text", "format": "MM/DD"}, "Only dates and timestamps"),
    ],
)
def test_a_rule_that_does_not_fit_its_type_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Field("f", **options)


def test_a_format_that_cannot_be_read_is_refused_with_the_word() -> None:
    assert Field("f", "date", format="MM/DD/YYYY HH:mm").strptime == "%m/%d/%Y %H:%M"
    with pytest.raises(UsageError, match="found QQ"):
        Field("f", "date", format="QQ YYYY")
