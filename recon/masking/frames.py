"""Masking of whole columns: by the kind of personal data that each holds, and as free text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from recon.masking.texts import EMAIL_PATTERN, PHONE_PATTERN

if TYPE_CHECKING:
    from collections.abc import Mapping

# In frames with one row per value, this column names the field that the value belongs to.
FIELD = "field"
VALUES_OF_FIELD = ("source_value", "target_value")
ID_COLUMN = re.compile(r"(^|_)(id|key)$")


def mask_frame(frame: pl.DataFrame, personal: Mapping[str, str]) -> pl.DataFrame:
    """Return the frame with personal columns masked, and e-mail addresses and phone numbers in all other text."""
    return frame.with_columns(mask_columns(frame.schema, personal)) if frame.height else frame


def mask_columns(schema: Mapping[str, pl.DataType], personal: Mapping[str, str]) -> list[pl.Expr]:
    """Return the masked columns that `mask_frame` puts in the place of those of a frame with that schema."""
    texts = [name for name, kind in schema.items() if kind == pl.String]
    return [_mask_column(name, personal, by_field=FIELD in texts).alias(name) for name in texts]


def mask_value(text: str, kind: str | None) -> str:
    """Mask one value as a column of that kind of personal data is masked; `kind` None: as other text."""
    masked: str = mask_frame(pl.DataFrame({"value": [text]}), {"value": kind} if kind else {}).item()
    return masked


def _mask_column(column: str, personal: Mapping[str, str], *, by_field: bool) -> pl.Expr:
    """Mask a column by its name or, where the row names the field that its values belong to, by that field."""
    masked = _masked(column, personal.get(column))
    if not by_field or column not in VALUES_OF_FIELD:
        return masked
    for kind in sorted(set(personal.values())):
        names = [name for name, known in personal.items() if known == kind]
        masked = pl.when(pl.col(FIELD).is_in(names)).then(_masked(column, kind)).otherwise(masked)
    return masked


def _masked(column: str, kind: str | None) -> pl.Expr:
    value = pl.col(column)
    if kind == "name":
        return _first_letter(value)
    if kind == "email":
        return pl.when(value.str.contains("@")).then(_first_letter(value) + "@***").otherwise(_first_letter(value))
    if kind == "phone":
        return pl.when(value.str.len_chars() > 4).then("***" + value.str.tail(2)).otherwise(value.str.head(0) + "***")
    masked = value.str.replace_all(EMAIL_PATTERN, "${1}***@***")
    if ID_COLUMN.search(column):
        return masked
    return masked.str.replace_all(PHONE_PATTERN, "***${1}${2}")


def _first_letter(value: pl.Expr) -> pl.Expr:
    return value.str.head(1) + "***"
