"""Why values differ: infers from the values themselves how each target value arose from its source value."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import polars as pl
from msgspec import Struct

from recon.ledger.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

VALUE = "value"
MINUTE_US = 60_000_000
STEP_MINUTES = 15
FARTHEST_MINUTES = 14 * 60
MOST_DECIMALS = 6
NEAR = 1e-6
LONGEST_DETAIL = 40
NO_EDITS = ("merged_value", "columns_shifted", "null_empty", "encoding")
BROKEN = "Ã|Â|â€|\ufffd"
SPACES = r"[\s\u00a0\u200b\ufeff]+"
NON_ASCII = r"[^\x00-\x7f]"

source, target = pl.col("source"), pl.col("target")
has_source, has_target = pl.col("source_state") == VALUE, pl.col("target_state") == VALUE
source_moment, target_moment = pl.col("source_moment"), pl.col("target_moment")
moved_us = (target_moment - source_moment).dt.total_microseconds()
source_number, target_number = (pl.col(name).cast(pl.Float64) for name in ("source_number", "target_number"))
is_text = pl.col("type") == "text"


class Guess(Struct, frozen=True):
    """A kind of cause, the condition that indicates it, and the text that differences of one group have in common."""

    name: str
    holds: pl.Expr
    detail: pl.Expr = pl.lit("")


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
        differences: One row per differing field of a record, as `recon.comparison.judge` returns them, with is_merged,
            is_shifted, is_parent and is_edited: what is known about the record.
        mapped: Mapping by field.
        personal: Fields whose values must not appear in a detail, because details are shown unmasked.

    Returns:
        The same rows and columns, and cause, detail (empty: none), is_explained, is_harmless.
    """
    guesses = (
        *_structural(personal),
        *_textual(),
        *_temporal(),
        *_numeric(),
        *_meant(mapped),
        Guess("changed", pl.lit(value=True)),
    )
    kind = pl.coalesce([pl.when(guess.holds).then(pl.lit(guess.name)) for guess in guesses])
    detail = pl.coalesce([pl.when(guess.holds).then(guess.detail) for guess in guesses])
    named = differences.with_columns(kind.alias("cause"), detail.alias("detail"))
    is_edit = _is_edit()
    return named.with_columns(
        pl.when(is_edit).then(pl.lit("edited_later")).otherwise(pl.col("cause")).alias("cause"),
        pl.when(is_edit).then(pl.lit("")).otherwise(pl.col("detail")).alias("detail"),
    ).with_columns(
        is_explained=pl.col("cause").is_in([kind.name for kind in KINDS.values() if kind.is_explained]),
        is_harmless=pl.col("cause").is_in([kind.name for kind in KINDS.values() if kind.is_harmless]),
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


def _structural(personal: Collection[str]) -> tuple[Guess, ...]:
    """Return guesses about the whole record, or about whether there is a value at all."""
    is_secret = pl.col("field").is_in(list(personal)) | (target.str.len_chars() > LONGEST_DETAIL)
    return (
        Guess("merged_value", pl.col("is_merged")),
        Guess("columns_shifted", pl.col("is_shifted")),
        Guess("null_empty", ~has_source & ~has_target, pl.col("source_state") + " became " + pl.col("target_state")),
        Guess("default_filled", ~has_source & has_target, pl.when(is_secret).then(pl.lit("a value")).otherwise(target)),
        Guess("value_lost", has_source & ~has_target, pl.col("target_state")),
    )


def _textual() -> tuple[Guess, ...]:
    """Return guesses how a text became another text."""
    mapping = (source, target)
    plain = [side.str.replace_all(SPACES, "") for side in mapping]
    composed = [side.str.normalize("NFKC").str.replace_all(SPACES, "") for side in mapping]
    folded = [side.str.to_lowercase() for side in composed]
    ascii_only = [side.str.replace_all(NON_ASCII, "") for side in mapping]
    is_misread = target.str.contains(BROKEN) & ~source.str.contains(BROKEN)
    is_shorter = target.str.len_chars() < source.str.len_chars()
    return (
        Guess("whitespace", is_text & (plain[0] == plain[1])),
        Guess("unicode_form", is_text & (composed[0] == composed[1])),
        Guess("case", is_text & (folded[0] == folded[1])),
        Guess("encoding", is_text & is_misread & (ascii_only[0] == ascii_only[1])),
        Guess(
            "truncated",
            is_text & is_shorter & source.str.starts_with(target),
            target.str.len_chars().cast(pl.String),
        ),
    )


def _temporal() -> tuple[Guess, ...]:
    """Return guesses how an instant became another instant."""
    days = [moment.dt.day() for moment in (source_moment, target_moment)]
    months = [moment.dt.month() for moment in (source_moment, target_moment)]
    times = [moment.dt.time() for moment in (source_moment, target_moment)]
    is_swapped = (days[0] == months[1]) & (months[0] == days[1]) & (times[0] == times[1])
    same_year = source_moment.dt.year() == target_moment.dt.year()
    same_day = source_moment.dt.date() == target_moment.dt.date()
    at_midnight = target_moment.dt.truncate("1d") == target_moment
    minutes = moved_us // MINUTE_US
    is_step = (moved_us % (STEP_MINUTES * MINUTE_US) == 0) & (minutes.abs() <= FARTHEST_MINUTES)
    # A zone shift moves every value by the same amount; if each moved by its own time of day, the time was dropped.
    may_be_dropped = same_day & at_midnight & (moved_us <= -MINUTE_US)
    is_dropped = may_be_dropped & (~is_step | (moved_us.filter(may_be_dropped).n_unique().over("field") > 1))
    return (
        Guess("day_month_swapped", is_swapped & same_year & (days[0] != months[0])),
        Guess("time_dropped", is_dropped),
        Guess("zone_shifted", is_step & (moved_us != 0), _hours(minutes)),
        Guess("scale_rounded", (moved_us.abs() < MINUTE_US) & _precision().is_not_null(), _precision()),
    )


def _hours(minutes: pl.Expr) -> pl.Expr:
    """Format signed hours and minutes, as "+8 h" or "-5:30 h"."""
    sign = pl.when(minutes < 0).then(pl.lit("-")).otherwise(pl.lit("+"))
    rest = minutes.abs() % 60
    part = pl.when(rest == 0).then(pl.lit("")).otherwise(":" + rest.cast(pl.String).str.zfill(2))
    return sign + (minutes.abs() // 60).cast(pl.String) + part + " h"


def _precision() -> pl.Expr:
    us = target_moment.dt.epoch("us")
    return (
        pl.when(moved_us.abs() < 1_000)
        .then(pl.lit("to milliseconds"))
        .when((moved_us.abs() < 1_000_000) & (us % 1_000_000 == 0))
        .then(pl.lit("to whole seconds"))
        .when(us % MINUTE_US == 0)
        .then(pl.lit("to whole minutes"))
    )


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
    return (Guess("scale_rounded", detail.is_not_null() & (source_number != source_number.round()), detail),)


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
        Guess("edited_later", pl.col("is_edited")),
        Guess("parent_other", pl.col("is_parent")),
        *of_field,
    )
