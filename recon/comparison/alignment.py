"""One field of both sides, aligned in the columns that equality is decided on: text, typed value and state of each."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

import polars as pl

from recon.comparison.field import NUMBERS
from recon.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from recon.comparison.field import Field

POSITION = "position"
SIDES = (("source", "raw"), ("target", "target_raw"))
# Expressions take longer to build than to evaluate on a few rows: those of so many fields are kept.
MOST_FIELDS = 500
NO_MOMENT, NO_TEXT = pl.lit(None, pl.Datetime("us")), pl.lit(None, pl.String)
# By field type: the polars type in which values are judged, and which column types are accepted.
DTYPES: dict[str, tuple[pl.DataType, Callable[[pl.DataType], bool]]] = {
    "key": (pl.String(), lambda _: True),
    "text": (pl.String(), lambda _: True),
    "integer": (pl.Int128(), lambda found: found.is_integer() or (isinstance(found, pl.Decimal) and not found.scale)),
    "decimal": (pl.Decimal(38, 18), lambda found: found.is_decimal() or found.is_integer()),
    "float": (pl.Float64(), lambda found: found.is_numeric()),
    "boolean": (pl.Boolean(), lambda found: found == pl.Boolean),
    "timestamp": (pl.Datetime("us"), lambda found: found in (pl.Datetime, pl.Date)),
    "date": (pl.Date(), lambda found: found in (pl.Datetime, pl.Date)),
}
# The times that polars can write as text reach a little farther, to the years -262142 and 262141.
YEAR_US = 31_556_952_000_000
EARLIEST, LATEST = (pl.lit(years * YEAR_US, pl.Int64()).cast(pl.Datetime("us")) for years in (-264_000, 260_000))
# Values outside FIRST … LAST are what a database calls infinity; no calendar date expresses them.
FIRST = datetime(1, 1, 1)  # noqa: DTZ001 - instants are naive and in UTC
LAST = datetime(9999, 12, 31, 23, 59, 59, 999999)  # noqa: DTZ001 - as above


def aligned(frame: pl.DataFrame, field: Field) -> pl.LazyFrame:
    """Align one field of all rows of `frame`.

    Args:
        frame: Has `<name>_source` (typed) and `<name>_raw` (the original text, where it says more), and likewise
            `<name>_target` and `<name>_target_raw`; a side that has neither counts as missing.
        field: The field to align.

    Returns:
        One row per row of `frame`: position (in `frame`), source and target (typed, null where there is no value of the
        type), source_text (the original, else canonical), target_text (canonical; the original where the value is
        not of the type), source_state and target_state (value, null, empty, blank, missing or nan).

    Raises:
        UsageError: Neither side has the field, or a column is of another type.
    """
    schema, parts = frame.schema, [part for side in SIDES for part in side]
    stored = tuple((part, schema[f"{field.name}_{part}"]) for part in parts if f"{field.name}_{part}" in schema)
    if not stored:
        raise UsageError(
            f"Neither side has the field {field.name!r}",
            expected=f"a column {field.name}_source or {field.name}_target",
            found=", ".join(frame.columns),
            next_step="Name the fields as the columns of the two sides are named",
        )
    return frame.lazy().select(pl.int_range(pl.len(), dtype=pl.UInt32).alias(POSITION), *_columns(field, stored))


@lru_cache(MOST_FIELDS)
def _columns(field: Field, stored: tuple[tuple[str, pl.DataType], ...]) -> tuple[pl.Expr, ...]:
    """The columns of both sides; `stored`: which parts of the field there are, and as what."""
    return tuple(column for side, raw in SIDES for column in _side(field, dict(stored), side, raw))


def _side(field: Field, stored: Mapping[str, pl.DataType], side: str, raw: str) -> tuple[pl.Expr, ...]:
    value = _value(field, stored, side, raw)
    texts = [canonical(field, value)]
    if raw in stored:
        texts.insert(0 if side == "source" else 1, pl.col(f"{field.name}_{raw}").cast(pl.String))
    is_missing = side not in stored and raw not in stored
    came = pl.coalesce(texts)
    state = pl.lit("missing") if is_missing else _state(field, value, came)
    return value.alias(side), came.alias(f"{side}_text"), state.alias(f"{side}_state")


def _value(field: Field, stored: Mapping[str, pl.DataType], side: str, raw: str) -> pl.Expr:
    """The typed value; a key or text may come from its raw text, and the cast converts instants to UTC."""
    judged, _ = DTYPES[field.type]
    name = f"{field.name}_{side}"
    if side not in stored:
        has_text = judged == pl.String and raw in stored
        return pl.col(f"{field.name}_{raw}").cast(pl.String) if has_text else pl.lit(None, judged)
    found = _require_type(field, name, stored[side])
    # A decimal keeps its own scale: a wider one would not have room for all of its digits.
    return pl.col(name) if isinstance(found, pl.Decimal) and field.type == "decimal" else pl.col(name).cast(judged)


def _require_type(field: Field, name: str, found: pl.DataType) -> pl.DataType:
    judged, fits = DTYPES[field.type]
    if found != pl.Null and not fits(found):
        raise UsageError(
            f"The column {name} does not hold values of type {field.type}",
            expected=str(judged),
            found=str(found),
            next_step="Type it first, or declare the field as what it is",
        )
    return found


def _state(field: Field, value: pl.Expr, text: pl.Expr) -> pl.Expr:
    """Whether there is a value, and if not, what is there instead."""
    stripped = text.str.strip_chars()
    has_text = (
        pl.when(text.is_null())
        .then(pl.lit("null"))
        .when(text == "")
        .then(pl.lit("empty"))
        .when(stripped == "")
        .then(pl.lit("blank"))
        .when((stripped.str.to_lowercase() == "nan") & (field.type in NUMBERS))
        .then(pl.lit("nan"))
        .otherwise(pl.lit("value"))
    )
    if field.type in ("key", "text"):
        return has_text
    is_number = value.is_not_nan() if field.type == "float" else pl.lit(value=True)
    return pl.when(value.is_not_null() & is_number).then(pl.lit("value")).otherwise(has_text)


def canonical(field: Field, value: pl.Expr) -> pl.Expr:
    """Render a typed value as text: ISO 8601 with Z for instants, plain decimals, true and false; null stays null.

    Instants are written with milliseconds, or with microseconds where these are not 0.
    """
    if field.type not in ("timestamp", "date"):
        return value.cast(pl.String)
    day = pl.Date() if field.type == "date" else pl.Datetime("us")
    found = pl.when(value.is_between(EARLIEST.cast(day), LATEST.cast(day))).then(value).cast(pl.Datetime("us"))
    text = found.dt.to_string("%Y-%m-%d") if field.type == "date" else _iso(found)
    past_all = value.to_physical() > 0
    beyond = pl.when(past_all).then(pl.lit("infinity")).otherwise(pl.lit("-infinity"))
    return pl.when(value.is_not_null()).then(pl.coalesce(text, beyond))


def _iso(found: pl.Expr) -> pl.Expr:
    has_microseconds = found.dt.microsecond() % 1000 != 0
    precise = found.dt.to_string("%Y-%m-%dT%H:%M:%S%.6fZ")
    return pl.when(has_microseconds).then(precise).otherwise(found.dt.to_string("%Y-%m-%dT%H:%M:%S%.3fZ"))


def moment(field: Field, value: pl.Expr) -> pl.Expr:
    """The instant of a timestamp, or of the start of a date; null outside the calendar and for other types."""
    if field.type == "date":
        return pl.when(value.is_between(FIRST.date(), LAST.date())).then(value).cast(pl.Datetime("us"))
    if field.type == "timestamp":
        return pl.when(value.is_between(FIRST, LAST)).then(value)
    return NO_MOMENT


def number(field: Field, value: pl.Expr) -> pl.Expr:
    """A number as exact text without trailing zeros ("1.5", "9007199254740993", "1e+300"); null for other types."""
    if field.type not in NUMBERS:
        return NO_TEXT
    text = value.cast(pl.String)
    return text.str.replace(r"(\.[0-9]*?)0+$", "$1").str.strip_suffix(".") if field.type == "decimal" else text
