"""Judges rows field by field: which fields differ, and which normaliser or tolerance made values equal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from msgspec import Struct

from recon.comparison.alignment import POSITION, aligned, moment, number
from recon.comparison.equality import equal, exact, is_present, same_state, strict, tolerances
from recon.comparison.field import EMPTY_AS_NULL
from recon.comparison.normalisers import normalised
from recon.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recon.comparison.field import Field

PARTS = ("raw", "source", "target", "target_raw")
DIFFERENCES = {
    "field": pl.String(),
    "type": pl.String(),
    "source": pl.String(),
    "target": pl.String(),
    "source_state": pl.String(),
    "target_state": pl.String(),
    "source_moment": pl.Datetime("us"),
    "target_moment": pl.Datetime("us"),
    "source_number": pl.String(),
    "target_number": pl.String(),
}
FORGIVEN = {"field": pl.String(), "normaliser": pl.String(), "records": pl.Int64()}


class Judged(Struct, frozen=True):
    """The result of a typed comparison of rows.

    Attributes:
        differences: One row per unequal field of a row, in the order of rows and fields: the id columns, then field,
            type, source and target (the original text, canonical where there is none: ISO 8601 with Z, plain decimals,
            true/false), source_state and target_state (value, null, empty, blank, missing, nan; value also for a text
            that is not of the type), source_moment and target_moment (UTC; null: not a timestamp or date),
            source_number and target_number (exact text without trailing zeros; null: not a number).
        forgiven_by: One row per field and normaliser, "abs_tol" or "rel_tol" that forgave a difference: field,
            normaliser, records (those that are equal only because of it; where either of two would do, it is the
            first).
    """

    differences: pl.DataFrame
    forgiven_by: pl.DataFrame


def judge(frame: pl.DataFrame, fields: Sequence[Field]) -> Judged:
    """Compare each field of each row by its type.

    Args:
        frame: One row per pair: id columns, and for each field `<name>_raw` (the source's original text),
            `<name>_source` and `<name>_target` (typed), `<name>_target_raw` where the target has text too; as selected
            by `judged_sql`.
        fields: The fields to compare.

    Raises:
        UsageError: Neither side has a field, a column is of another type, or an id column has a result column's name.
    """
    ids = frame.drop([f"{field.name}_{part}" for field in fields for part in PARTS], strict=False)
    require_free(ids.columns)
    inexact = pl.collect_all(aligned(frame, field).filter(~exact(field)) for field in fields)
    # Most fields of most rows are alike.
    unlike = [(field, rows) for field, rows in zip(fields, inexact, strict=True) if not rows.is_empty()]
    found = pl.collect_all(_described(rows.lazy().filter(~equal(field)), field) for field, rows in unlike)
    forgiven_by = [each for field, rows in unlike if field != strict(field) for each in _mattered(rows, field)]
    return Judged(_differences(ids, found), pl.DataFrame(forgiven_by, schema=FORGIVEN, orient="row"))


def require_free(names: Sequence[str]) -> None:
    """Refuse id columns whose names would occur twice in a result.

    Raises:
        UsageError: A name is that of a column of `DIFFERENCES`.
    """
    taken = [name for name in names if name in (*DIFFERENCES, POSITION)]
    if taken:
        raise UsageError(
            f"The id column {taken[0]!r} has the name of a column of the result",
            expected=f"none of {', '.join((*DIFFERENCES, POSITION))}",
            found=", ".join(names),
            next_step="Rename it on both sides",
        )


def _described(rows: pl.LazyFrame, field: Field) -> pl.LazyFrame:
    """Aligned rows in the columns of `DIFFERENCES`, with their position."""
    sides = ("source", "target")
    return rows.select(
        POSITION,
        pl.lit(field.name).alias("field"),
        pl.lit(field.type).alias("type"),
        *(pl.col(f"{side}_text").alias(side) for side in sides),
        *(pl.col(f"{side}_state") for side in sides),
        *(moment(field, pl.col(side)).alias(f"{side}_moment") for side in sides),
        *(number(field, pl.col(side)).alias(f"{side}_number") for side in sides),
    )


def _differences(ids: pl.DataFrame, found: Sequence[pl.DataFrame]) -> pl.DataFrame:
    empty = pl.DataFrame(schema={POSITION: pl.UInt32(), **DIFFERENCES})
    rows = pl.concat([empty, *found]).sort(POSITION, maintain_order=True)
    return pl.concat([ids[rows[POSITION]], rows.drop(POSITION)], how="horizontal")


def _mattered(rows: pl.DataFrame, field: Field) -> Iterator[tuple[str, str, int]]:
    """What made those of the aligned rows equal that are not exactly equal."""
    equals = rows.filter(equal(field))
    if equals.is_empty():
        return
    counts = _by_normaliser(equals, field) if field.type == "text" else _by_tolerance(equals, field)
    for name, records in counts.items():
        if records:
            yield field.name, name, records


def _by_normaliser(rows: pl.DataFrame, field: Field) -> dict[str, int]:
    """Count records by normaliser: from the last one back, each is dropped for the rows that are equal without it."""
    names = tuple(dict.fromkeys(field.normalise))
    rows = rows.with_columns(pl.lit(value=True).alias(name) for name in names)
    for name in reversed(names):
        where = {other: pl.col(other) for other in names} | {name: pl.lit(value=False)}
        source, target = (normalised(pl.col(f"{side}_text"), field.normalise, where) for side in ("source", "target"))
        rows = rows.with_columns((source.ne_missing(target) & is_present()).alias(name))
    return {name: int(rows[name].sum()) for name in names}


def _by_tolerance(rows: pl.DataFrame, field: Field) -> dict[str, int]:
    found = {EMPTY_AS_NULL: ~same_state(strict(field)), **tolerances(field)}
    left, counts = rows, {}
    for name, expression in found.items():
        remaining = left.filter(~expression)
        counts[name] = left.height - remaining.height
        left = remaining
    return counts
