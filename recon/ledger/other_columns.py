"""Which differing values belong to other columns of their record: exchanged, copied, joined or divided elsewhere."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.comparison import Field

RELATIONS = ("exchanged_with", "copied_from", "joined_with", "divided_with")
SCHEMA = {**dict.fromkeys(RELATIONS, pl.String()), "is_other_altered": pl.Boolean()}
KEYED = {"record": pl.Int64(), "field": pl.String(), **SCHEMA}
# Types whose values can stand in each other's column, and how they compare. Booleans are alike too often to prove it.
TEXTS, MOMENTS, NUMBERS = ("text", "key"), ("timestamp", "date"), ("integer", "decimal", "float")
SEPARATORS = r"[\s\u00a0,;]+"


def relations(frame: pl.DataFrame, fields: Sequence[Field]) -> pl.DataFrame:
    """Find the fields whose target values belong to other columns of their record.

    Args:
        frame: One row per pair of record and row: record, and for each field `<name>_source` and `<name>_target`.
        fields: The fields that are compared.

    Returns:
        One row per field that is related to another: record, field, and the other's name as exchanged_with (each holds
        the other's value, which one of them may lack), copied_from (the row holds the other's value), joined_with (it
        holds both texts) or divided_with (both hold the same text, divided elsewhere), each null where it is not so;
        is_other_altered: whether the other field differs as well.
    """
    sides = frame.select(pl.col("record").cast(pl.Int64), *(column for field in fields for column in _clean(field)))
    found = [pl.DataFrame(schema=KEYED)]
    for types in (("text",), ("key",), MOMENTS, NUMBERS):
        names = [field.name for field in fields if field.type in types]
        found += [_related(sides, *pair, is_text=types == ("text",)) for pair in permutations(names, 2)]
    first = (pl.col(name).drop_nulls().first() for name in SCHEMA)
    return pl.concat(found).group_by("record", "field", maintain_order=True).agg(first)


def _clean(field: Field) -> tuple[pl.Expr, ...]:
    """Both values in the form in which they are compared with those of other columns; null: there is none."""
    return tuple(_as_compared(field.type, f"{field.name}_{side}") for side in ("source", "target"))


def _as_compared(kind: str, name: str) -> pl.Expr:
    if kind in TEXTS:
        text = pl.col(name).cast(pl.String).str.normalize("NFC").str.strip_chars()
        return pl.when(text != "").then(text).alias(name)
    return pl.col(name).cast(pl.Datetime("us")) if kind in MOMENTS else pl.col(name)


def _related(sides: pl.DataFrame, here: str, there: str, *, is_text: bool) -> pl.DataFrame:
    came, holds, other, other_holds = (
        pl.col(f"{name}_{side}") for name in (here, there) for side in ("source", "target")
    )
    holds_other = came.ne_missing(holds) & holds.eq_missing(other)
    whole, written = ([_joined(*pair) for pair in ((a, b), (b, a))] for a, b in ((came, other), (holds, other_holds)))
    has_both = pl.lit(is_text) & came.is_not_null() & other.is_not_null()
    is_moved = came.ne_missing(holds) & other.ne_missing(other_holds)
    flags = {
        "exchanged_with": holds_other & other_holds.eq_missing(came),
        "copied_from": holds_other & holds.is_not_null(),
        "joined_with": has_both & ((_joined(holds) == whole[0]) | (_joined(holds) == whole[1])),
        "divided_with": has_both & is_moved & ((written[0] == whole[0]) | (written[1] == whole[1])),
    }
    named = [pl.when(flag).then(pl.lit(there)).cast(pl.String).alias(name) for name, flag in flags.items()]
    is_altered = other.ne_missing(other_holds).alias("is_other_altered")
    related = sides.select("record", pl.lit(here).alias("field"), *named, is_altered)
    return related.filter(pl.any_horizontal(pl.col(name).is_not_null() for name in RELATIONS))


def _joined(*texts: pl.Expr) -> pl.Expr:
    """Concatenate without what separates words."""
    parts = [text.cast(pl.String).str.replace_all(SEPARATORS, "").fill_null("") for text in texts]
    return pl.concat_str(parts)
