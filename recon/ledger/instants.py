"""Guesses how an instant became another instant."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache

import polars as pl

from recon.ledger.guesses import Guess, has_target, source_moment, target, target_moment

MINUTE_US = 60_000_000
DAY_US = 24 * 60 * MINUTE_US
STEP_MINUTES = 15
FARTHEST_MINUTES = 14 * 60
SUMMER_TIME = 60
MOMENTS = ("timestamp", "date")
# What systems write instead of no date: Unix, .NET and Go, SQL's last date, Excel and Access, SQL Server, Windows.
ZERO_DATES = ("1970-01-01", "0001-01-01", "9999-12-31", "1900-01-01", "1899-12-30", "1753-01-01", "1601-01-01")
# What is outside the calendar: infinity, which is also what a first or last day becomes in another zone.
ZERO_TEXTS = r"^(-?infinity)"
# Single values that moved by so much are no chance: a day lost, or the days between the epochs of two spreadsheets.
KNOWN_DAYS = (1, 1462)
KNOWN_YEARS = (100, 543, 1900, 2000)

LEAST_SHARE = 0.25
MOST_OF_ALL = 0.5

moved_us, zero_date = pl.col("moved_us"), pl.col("zero_date")
minutes = moved_us // MINUTE_US
days = moved_us // DAY_US
years = (target_moment.dt.year() - source_moment.dt.year()).cast(pl.Int64)
is_step = (moved_us != 0) & (moved_us % (STEP_MINUTES * MINUTE_US) == 0) & (minutes.abs() <= FARTHEST_MINUTES)
same_time = source_moment.dt.time() == target_moment.dt.time()
same_month = source_moment.dt.month() == target_moment.dt.month()
same_day = source_moment.dt.day() == target_moment.dt.day()
same_year = source_moment.dt.year() == target_moment.dt.year()
is_swapped = (
    (source_moment.dt.day() == target_moment.dt.month())
    & (source_moment.dt.month() == target_moment.dt.day())
    & same_time & same_year & ~same_day
)  # fmt: skip


def with_moves(differences: pl.LazyFrame) -> pl.LazyFrame:
    """Add what the moves of one field have in common: zone_share, day_share, year_share and their repetitions.

    Added as well: by how many microseconds each moved (moved_us), and what the row has in place of no date (zero_date).
    A share is that of the field's instants that moved alike (for zones: or an hour apart, because of summer time),
    among those that moved (for zones: by as much as a zone may); null for other differences. What is known to have come
    from elsewhere is left out.
    """
    by_us = (target_moment - source_moment).dt.total_microseconds().alias("moved_us")
    is_own = ~pl.col("is_merged") & pl.col("exchanged_with").is_null() & zero_date.is_null()
    has_moved = pl.col("has_moved")
    marked = (
        differences.with_columns(by_us, _zero_date().alias("zero_date"))
        .with_columns(((moved_us != 0) & is_own).fill_null(value=False).alias("has_moved"))
        .with_columns(
            (has_moved & (moved_us % DAY_US == 0) & ~is_swapped).alias("is_day"),
            (has_moved & same_month & same_day & same_time).alias("is_year"),
            (has_moved & is_step).alias("is_zone"),
        )
    )
    moved = has_moved.sum().over("field")
    alike = {"day": days, "year": years, "zone": minutes}
    counted = marked.with_columns(
        pl.when(pl.col(f"is_{name}")).then(pl.col(f"is_{name}").sum().over("field", move)).alias(f"{name}_count")
        for name, move in alike.items()
    )
    return _with_zones(counted, marked).with_columns(
        (pl.col("day_count") / moved).alias("day_share"), (pl.col("year_count") / moved).alias("year_share")
    )


def _with_zones(counted: pl.LazyFrame, marked: pl.LazyFrame) -> pl.LazyFrame:
    offsets = marked.filter("is_zone").group_by("field", minutes.alias("offset")).agg(pl.len().alias("n"))
    near = pl.concat([offsets.with_columns(pl.col("offset") + by) for by in (-SUMMER_TIME, SUMMER_TIME)])
    widest = near.group_by("field", "offset").agg(pl.col("n").max().alias("near"))
    shares = offsets.join(widest, on=["field", "offset"], how="left").select(
        "field",
        "offset",
        ((pl.col("n") + pl.col("near").fill_null(0)) / pl.col("n").sum().over("field")).alias("zone_share"),
        pl.len().over("field").alias("offsets"),
    )
    keyed = counted.with_columns(pl.when("is_zone").then(minutes).alias("offset"))
    return keyed.join(shares, on=["field", "offset"], how="left", maintain_order="left")


def zeroed() -> Guess:
    """Return the guess that a system wrote its zero date, perhaps in another zone; it reads what `with_moves` adds."""
    return Guess("zero_date", zero_date.is_not_null(), zero_date)


@cache
def _zero_date() -> pl.Expr:
    names = [
        pl.when(_is_near(target_moment, day) & ~_is_near(source_moment, day)).then(pl.lit(day)) for day in ZERO_DATES
    ]
    outside = pl.when(target_moment.is_null() & has_target & target.str.contains(ZERO_TEXTS)).then(
        target.str.extract(ZERO_TEXTS)
    )
    return pl.when(pl.col("type").is_in(MOMENTS)).then(pl.coalesce(*names, outside))


def _is_near(moment: pl.Expr, day: str) -> pl.Expr:
    """Whether it is on that day in any zone; compared as numbers, since the calendar ends there.

    A date without a time may be that of the day before.
    """
    start = (datetime.fromisoformat(day) - datetime(1970, 1, 1)) // timedelta(microseconds=1)  # noqa: DTZ001
    zone = FARTHEST_MINUTES * MINUTE_US
    before = pl.when(pl.col("type") == "date").then(DAY_US).otherwise(zone)
    since = moment.dt.epoch("us")
    return ((since + before >= start) & (since <= start + DAY_US + zone)).fill_null(value=False)


@cache
def temporal() -> tuple[Guess, ...]:
    """Return the other guesses; they read what `with_moves` adds, and copied_from."""
    at_midnight = target_moment.dt.truncate("1d") == target_moment
    # A zone shift moves every value by the same amount; if each moved by its own time of day, the time was dropped.
    may_be_dropped = same_year & same_month & same_day & at_midnight & (moved_us <= -MINUTE_US)
    is_dropped = may_be_dropped & (~is_step | (moved_us.filter(may_be_dropped).n_unique().over("field") > 1))
    counted_in_seconds = (target_moment.dt.epoch("us") - source_moment.dt.epoch("us") // 1000).abs() < 1_000_000
    is_copied = pl.col("copied_from").is_not_null() & pl.col("type").is_in(MOMENTS)
    copies = pl.when(is_copied).then(is_copied.sum().over("field", "copied_from"))
    is_zone = pl.col("is_zone") & _is_zone()
    # If a zone explains more of them, or as many and the other column too, the values are alike by chance only: what
    # starts and ends lasts as long as the zone is off.
    is_chance = is_zone & (
        (pl.col("zone_count") > copies) | (pl.col("is_other_altered") & (pl.col("zone_count") == copies))
    )
    by_days, by_years = pl.col("is_day") & _is_constant("day"), pl.col("is_year") & _is_constant("year")
    is_likelier = (pl.col("year_count") > pl.col("day_count")) | years.abs().is_in(KNOWN_YEARS)
    is_by_days = by_days & ~(by_years & is_likelier).fill_null(value=False)
    return (
        Guess("copied", is_copied & ~is_chance.fill_null(value=False), pl.col("copied_from")),
        Guess("days_shifted", is_by_days, _signed(days, "day")),
        Guess("day_month_swapped", is_swapped),
        Guess("years_shifted", by_years, _signed(years, "year")),
        Guess("time_dropped", is_dropped),
        Guess("zone_shifted", is_zone, _hours(minutes)),
        Guess("epoch_scaled", counted_in_seconds & (moved_us.abs() > DAY_US)),
        Guess("scale_rounded", (moved_us.abs() < MINUTE_US) & _precision().is_not_null(), _precision()),
    )


def _is_zone() -> pl.Expr:
    """Whether a zone, with its summer time, moved most instants of the field; or one of two, and more than one."""
    is_one_of_two = (pl.col("offsets") == 2) & (pl.col("zone_count") > 1)
    return (pl.col("zone_share") > MOST_OF_ALL) | is_one_of_two


def _is_constant(name: str) -> pl.Expr:
    """Whether so many instants of the field moved by the same number that it is no chance, or it is a known number."""
    known, number = (KNOWN_DAYS, days) if name == "day" else (KNOWN_YEARS, years)
    is_shared = (pl.col(f"{name}_count") > 1) & (pl.col(f"{name}_share") > LEAST_SHARE)
    return is_shared | number.abs().is_in(known)


def _signed(number: pl.Expr, unit: str) -> pl.Expr:
    """Format a signed number with its unit, as "+1 day" or "-1462 days"."""
    sign = pl.when(number < 0).then(pl.lit("-")).otherwise(pl.lit("+"))
    plural = pl.when(number.abs() == 1).then(pl.lit("")).otherwise(pl.lit("s"))
    return sign + number.abs().cast(pl.String) + f" {unit}" + plural


def _hours(number: pl.Expr) -> pl.Expr:
    """Format signed hours and minutes, as "+8 h" or "-5:30 h"."""
    sign = pl.when(number < 0).then(pl.lit("-")).otherwise(pl.lit("+"))
    rest = number.abs() % 60
    part = pl.when(rest == 0).then(pl.lit("")).otherwise(":" + rest.cast(pl.String).str.zfill(2))
    return sign + (number.abs() // 60).cast(pl.String) + part + " h"


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
