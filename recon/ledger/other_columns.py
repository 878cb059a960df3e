"""Which differing values belong to other columns of their record: exchanged, copied, joined or divided elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recon.comparison import Field

RELATIONS = ("exchanged_with", "copied_from", "joined_with", "divided_with")
SCHEMA = {**dict.fromkeys(RELATIONS, pl.String()), "is_other_altered": pl.Boolean()}
KEYED = {"record": pl.Int64(), "field": pl.String(), **SCHEMA}
# Types whose values can stand in each other's column, and how they compare. Booleans are alike too often to prove it.
TEXTS, MOMENTS, NUMBERS = ("text", "key"), ("timestamp", "date"), ("integer", "decimal", "float")
MOST_AT_ONCE = 20_000
SEPARATORS = r"[\s\u00a0,;]+"


def relations(frame: pl.DataFrame, fields: Sequence[Field], differing: pl.DataFrame | None = None) -> pl.DataFrame:
    """Find the fields whose target values belong to other columns of their record.

    Args:
        frame: One row per pair of record and row: record, and for each field `<name>_source` and `<name>_target`.
        fields: The fields that are compared.
        differing: The fields to look at, one row each: record, field; None: all fields of all records.

    Returns:
        One row per field that is related to another: record, field, and the other's name as exchanged_with (each holds
        the other's value, which one of them may lack), copied_from (the row holds the other's value), joined_with (it
        holds both texts) or divided_with (both hold the same text, divided elsewhere), each null where it is not so;
        is_other_altered: whether the other field differs as well.
    """
    found = [pl.LazyFrame(schema=KEYED)]
    for alike in _alike(fields):
        values = pl.concat([_values(frame, field) for field in alike], how="vertical_relaxed")
        looked_at = values.collect().select("record", "field") if differing is None else differing
        some = looked_at.filter(pl.col("field").is_in([field.name for field in alike]))
        is_text = alike[0].type == "text"
        found += [_related(values, each.lazy(), is_text=is_text) for each in some.iter_slices(MOST_AT_ONCE)]
    first = (pl.col(name).drop_nulls().first() for name in SCHEMA)
    return pl.concat(found).group_by("record", "field", maintain_order=True).agg(first).collect()


def _alike(fields: Sequence[Field]) -> Iterator[list[Field]]:
    """Groups of fields whose values can stand in each other's column."""
    for types in (("text",), ("key",), MOMENTS, NUMBERS):
        found = [field for field in fields if field.type in types]
        if len(found) > 1:
            yield found


def _values(frame: pl.DataFrame, field: Field) -> pl.LazyFrame:
    """Both values of a field in the form in which they are compared with those of others; null: there is none."""
    values = [_as_compared(field.type, f"{field.name}_{side}").alias(side) for side in ("source", "target")]
    return frame.lazy().select(pl.col("record").cast(pl.Int64), pl.lit(field.name).alias("field"), *values)


def _as_compared(kind: str, name: str) -> pl.Expr:
    if kind in TEXTS:
        text = pl.col(name).cast(pl.String).str.normalize("NFC").str.strip_chars()
        return pl.when(text != "").then(text)
    return pl.col(name).cast(pl.Datetime("us")) if kind in MOMENTS else pl.col(name)


def _related(values: pl.LazyFrame, some: pl.LazyFrame, *, is_text: bool) -> pl.LazyFrame:
    """The relations of some fields, by pairs with the others of their record in the order of the fields."""
    there = pl.col("field_other")
    came, holds, other, other_holds = map(pl.col, ("source", "target", "source_other", "target_other"))
    is_altered, is_other_altered = came.ne_missing(holds), other.ne_missing(other_holds)
    holds_other = is_altered & holds.eq_missing(other)
    flags = {
        "exchanged_with": holds_other & other_holds.eq_missing(came),
        "copied_from": holds_other & holds.is_not_null(),
        **dict.fromkeys(("joined_with", "divided_with"), pl.lit(value=False)),
    }
    if is_text:
        whole = [_joined(came, other), _joined(other, came)]
        written = [_joined(holds, other_holds), _joined(other_holds, holds)]
        has_both = came.is_not_null() & other.is_not_null()
        is_divided = (written[0] == whole[0]) | (written[1] == whole[1])
        flags["joined_with"] = has_both & ((_joined(holds) == whole[0]) | (_joined(holds) == whole[1]))
        flags["divided_with"] = has_both & is_altered & is_other_altered & is_divided
    here = values.join(some, on=["record", "field"], how="semi")
    pairs = here.join(values, on="record", suffix="_other", maintain_order="left_right")
    named = [pl.when(flag).then(there).alias(name) for name, flag in flags.items()]
    related = pairs.filter(pl.col("field") != there).select(
        "record", "field", *named, is_other_altered.alias("is_other_altered")
    )
    return related.filter(pl.any_horizontal(pl.col(name).is_not_null() for name in RELATIONS))


def _joined(*texts: pl.Expr) -> pl.Expr:
    """Concatenate without what separates words."""
    parts = [text.cast(pl.String).str.replace_all(SEPARATORS, "").fill_null("") for text in texts]
    return pl.concat_str(parts)
