"""Why values differ: infers from the values themselves how each target value arose from its source value."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import polars as pl
from msgspec import Struct

from recon.comparison.field import NUMBERS
from recon.ledger.guesses import Guess, has_source, has_target, target
from recon.ledger.instants import MOMENTS, temporal, with_moves, zeroed
from recon.ledger.kinds import KINDS
from recon.ledger.texts import textual, with_proofs

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

MOST_DECIMALS = 6
NEAR = 1e-6
LONGEST_DETAIL = 40
NO_EDITS = (
    "merged_value",
    "columns_shifted",
    "columns_exchanged",
    "null_empty",
    "encoding",
    "html_entities",
    "zero_date",
    "parent_dangling",
)
NAMED = ("cause", "detail", "is_explained", "is_harmless")
LARGEST = [2**bits - 1 for bits in (7, 8, 15, 16, 31, 32, 63)]

source_number, target_number = (pl.col(name).cast(pl.Float64) for name in ("source_number", "target_number"))


class Mapped(Struct, frozen=True):
    """A mapping that determines the values of a field.

    Attributes:
        label: Its name in messages: "migration-config.json (event_category_mapping)".
        values: Every value that it can produce.
        default: Its default value; None: it has none.
    """

    label: str
    values: tuple[str, ...]
    default: str | None


def name_causes(differences: pl.DataFrame, mapped: Mapping[str, Mapped], personal: Collection[str]) -> pl.DataFrame:
    """Add their causes to the differences: for each, the first guess that holds.

    Args:
        differences: One row per differing field of a record, as `recon.comparison.judge` returns them, with what is
            known about the record (is_merged, is_shifted, is_edited), about the field (parent: the parent that it
            references, null: none; is_code: whether it holds codes or keys), about the row's value (is_dangling: no row
            has that id), and the columns of `recon.ledger.other_columns.relations`.
        mapped: Mapping by field.
        personal: Fields whose values must not appear in a detail, because details are shown unmasked.

    Returns:
        The same rows and columns, and cause, detail (empty: none), is_explained, is_harmless.
    """
    types = {*differences["type"]}
    has_moments = not types.isdisjoint(MOMENTS)
    guesses = (
        *_structural(personal, has_moments=has_moments),
        *(textual() if "text" in types else ()),
        *(temporal() if has_moments else ()),
        *(() if types.isdisjoint(NUMBERS) else _numeric()),
        *_meant(mapped),
        Guess("changed", pl.lit(value=True)),
    )
    kind = pl.coalesce([pl.when(guess.holds).then(pl.lit(guess.name)) for guess in guesses])
    detail = pl.coalesce([pl.when(guess.holds).then(guess.detail) for guess in guesses])
    proven = with_proofs(differences).lazy()
    known = with_moves(proven) if has_moments else proven
    named = known.with_columns(kind.alias("cause"), detail.alias("detail"))
    is_edit = _is_edit()
    return (
        named.with_columns(
            pl.when(is_edit).then(pl.lit("edited_later")).otherwise(pl.col("cause")).alias("cause"),
            pl.when(is_edit).then(pl.lit("")).otherwise(pl.col("detail")).alias("detail"),
        )
        .with_columns(
            is_explained=pl.col("cause").is_in([kind.name for kind in KINDS.values() if kind.is_explained]),
            is_harmless=pl.col("cause").is_in([kind.name for kind in KINDS.values() if kind.is_harmless]),
        )
        .select(*differences.columns, *NAMED)
        .collect()
    )


def _is_edit() -> pl.Expr:
    """Return whether a difference in a row that a person edited after the run is that edit, whatever it looks like.

    A difference that a known cause explains and that unedited rows show as well is the importer's.
    """
    alike = ("field", "cause", "detail")
    unexplained = [kind.name for kind in KINDS.values() if not kind.is_explained]
    is_systematic = (~pl.col("is_edited")).any().over(alike) & ~pl.col("cause").is_in(unexplained)
    return pl.col("is_edited") & ~is_systematic & ~pl.col("cause").is_in(NO_EDITS)


def shifted(texts: Collection[str]) -> pl.Expr:
    """Return whether a comma inside one of the `texts` (in the export's order) shifted the columns after it.

    Reads `<name>_raw` and `<name>_target`: the part before the comma is in its own column, the rest in the next one.
    """
    names = list(texts)
    return pl.any_horizontal(pl.lit(value=False), *(_is_cut(first, second) for first, second in pairwise(names)))


def _is_cut(first: str, second: str) -> pl.Expr:
    parts = pl.col(f"{first}_raw").str.splitn(",", 2).struct
    before, after = (parts.field(name).str.strip_chars(' "') for name in ("field_0", "field_1"))
    here, there = (pl.col(f"{name}_target").str.strip_chars(' "') for name in (first, second))
    return ((here == before) & (there == after)).fill_null(value=False)


def _structural(personal: Collection[str], *, has_moments: bool) -> tuple[Guess, ...]:
    """Return guesses about the whole record, or about whether there is a value at all."""
    is_secret = pl.col("field").is_in(list(personal)) | (target.str.len_chars() > LONGEST_DETAIL)
    is_filled = ~has_source & pl.col("copied_from").is_not_null() & ~pl.col("is_code")
    return (
        Guess("merged_value", pl.col("is_merged")),
        Guess("columns_shifted", pl.col("is_shifted")),
        Guess("columns_exchanged", pl.col("exchanged_with").is_not_null(), pl.col("exchanged_with")),
        *([zeroed()] if has_moments else ()),
        Guess("copied", is_filled, pl.col("copied_from")),
        Guess("null_empty", ~has_source & ~has_target, pl.col("source_state") + " became " + pl.col("target_state")),
        Guess("default_filled", ~has_source & has_target, pl.when(is_secret).then(pl.lit("a value")).otherwise(target)),
        Guess("divided", ~has_target & pl.col("divided_with").is_not_null(), pl.col("divided_with")),
        Guess("value_lost", has_source & ~has_target, pl.col("target_state")),
    )


@cache
def _numeric() -> tuple[Guess, ...]:
    """Return guesses how a number became another number."""
    fits = []
    for decimals in range(MOST_DECIMALS + 1):
        scaled, lost = target_number * 10.0**decimals, (source_number - target_number).abs() * 10.0**decimals
        is_lower = (target_number < source_number) | (target_number.abs() < source_number.abs())
        # Any rounding (half up, to even, away from zero) loses at most half a unit; truncation less than one unit.
        fits.append(
            pl.when(((scaled - scaled.round()).abs() < NEAR) & ((lost < 0.5 + NEAR) | (is_lower & (lost < 1))))
            .then(pl.lit(f"to {decimals} decimals"))
        )  # fmt: skip
    detail = pl.coalesce(fits)
    is_largest = target_number.is_in([float(number) for number in LARGEST]) & (source_number > target_number)
    return (
        Guess("scale_rounded", detail.is_not_null() & (source_number != source_number.round()), detail),
        Guess("number_limited", is_largest, target),
    )


def _meant(mapped: Mapping[str, Mapped]) -> tuple[Guess, ...]:
    """Return guesses about intended changes: by an editor, or by the importer's settings."""
    of_field = [
        Guess(name, (pl.col("field") == field) & holds, pl.lit(mapping.label))
        for field, mapping in mapped.items()
        for name, holds in (
            ("mapped_to_default", target == pl.lit(mapping.default, dtype=pl.String)),
            ("mapped_otherwise", target.is_in(list(mapping.values))),
        )
    ]
    return (
        Guess("parent_dangling", pl.col("is_dangling"), pl.col("parent")),
        Guess("edited_later", pl.col("is_edited")),
        Guess("parent_other", pl.col("parent").is_not_null()),
        *of_field,
        Guess("copied", pl.col("copied_from").is_not_null() & ~pl.col("is_code"), pl.col("copied_from")),
    )
