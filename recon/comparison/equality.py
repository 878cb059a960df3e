"""Equality of two values of one type, as expressions over the columns of `aligned`."""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_FLOOR, Context, Decimal
from functools import lru_cache
from math import floor
from typing import TYPE_CHECKING, Any

import polars as pl
from msgspec.structs import replace

from recon.comparison.alignment import MOST_FIELDS, moment
from recon.comparison.field import EMPTY_AS_NULL, MOMENTS
from recon.comparison.normalisers import normalised

if TYPE_CHECKING:
    from recon.comparison.field import Field

# The difference of two values below this fits into a decimal of 38 digits, 18 of them after the point.
DIFFERS_SAFELY = Decimal(4 * 10**19)
WIDE = pl.Decimal(38, 18)


@lru_cache(MOST_FIELDS)
def equal(field: Field) -> pl.Expr:
    """Whether source and target are equal by the field's whole rule; never null.

    The states null, empty, blank and nan each equal only themselves; missing equals nothing, not even itself.
    """
    if field.type == "text":
        return same_text(field)
    same_value = pl.any_horizontal(same_typed(), same_untyped(), *tolerances(field).values())
    return same_state(field) & ((pl.col("source_state") != "value") | same_value)


def exact(field: Field) -> pl.Expr:
    """Whether both are equal without any normaliser or tolerance; never null."""
    return equal(strict(field))


def strict(field: Field) -> Field:
    """The field's rule without normalisers and tolerances."""
    return replace(field, normalise=(), abs_tol=None, rel_tol=None)


def same_state(field: Field) -> pl.Expr:
    """Whether both sides have a value, or are in the same state without one."""
    source, target = pl.col("source_state"), pl.col("target_state")
    if EMPTY_AS_NULL in field.normalise:
        source, target = source.replace("empty", "null"), target.replace("empty", "null")
    return (source == target) & (source != "missing")


def same_typed() -> pl.Expr:
    """Whether both values are of the type and equal."""
    return (pl.col("source") == pl.col("target")).fill_null(value=False)


def same_untyped() -> pl.Expr:
    """Whether neither value is of the type and both have the same text."""
    has_none = pl.col("source").is_null() & pl.col("target").is_null()
    return has_none & (pl.col("source_text") == pl.col("target_text")).fill_null(value=False)


def same_text(field: Field) -> pl.Expr:
    """Whether the texts are equal after the field's normalisers; null equals null."""
    source, target = (normalised(pl.col(f"{side}_text"), field.normalise) for side in ("source", "target"))
    return source.eq_missing(target) & is_present()


def is_present() -> pl.Expr:
    """Whether both sides have the field."""
    return (pl.col("source_state") != "missing") & (pl.col("target_state") != "missing")


def tolerances(field: Field) -> dict[str, pl.Expr]:
    """Whether the difference of two values is within each tolerance of the field, by its name; never null."""
    found = {}
    if field.abs_tol is not None:
        found["abs_tol"] = within(difference(field), field)
    if field.rel_tol is not None:
        found["rel_tol"] = within_share(field)
    return {name: expression.fill_null(value=False) for name, expression in found.items()}


def difference(field: Field) -> pl.Expr:
    """The absolute difference of the two values; null where a value is too large to be subtracted."""
    source, target = (_subtractable(field, pl.col(side)) for side in ("source", "target"))
    return (source - target).abs()


def _subtractable(field: Field, value: pl.Expr) -> pl.Expr:
    if field.type in MOMENTS:
        return moment(field, value)
    if field.type == "decimal":
        wide = value.cast(WIDE, strict=False)
        return pl.when(wide.abs() < DIFFERS_SAFELY).then(wide)
    return value


def within(distance: pl.Expr, field: Field) -> pl.Expr:
    """Whether the distance is at most the field's abs_tol; exact where the type is exact."""
    return distance <= pl.lit(_limit(field))


def _limit(field: Field) -> Any:
    limit = field.abs_tol
    if isinstance(limit, timedelta) or limit is None:
        return limit
    if field.type == "integer":
        return floor(limit)
    if field.type == "decimal":
        # Rounded down, so that no larger difference passes; no difference that can be computed exceeds the cap.
        return min(Decimal(str(limit)), 2 * DIFFERS_SAFELY).quantize(Decimal("1e-18"), ROUND_FLOOR, Context(prec=38))
    return float(limit)


def within_share(field: Field) -> pl.Expr:
    """Whether the difference is at most rel_tol times the greater absolute value."""
    source, target = (pl.col(side).cast(pl.Float64).abs() for side in ("source", "target"))
    greater = pl.max_horizontal(source, target)
    # An infinite value would have an infinite tolerance, and so be close to everything.
    return greater.is_finite() & (difference(field).cast(pl.Float64) <= pl.lit(field.rel_tol) * greater)
