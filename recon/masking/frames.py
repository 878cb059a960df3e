"""Masking of whole columns: by the kind of personal data that each holds, and as free text."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl

from recon.masking.forms import SHORTEST_NUMBER
from recon.masking.structs import distinct_keys
from recon.masking.texts import column_of, mask_id, mask_json, mask_kind, mask_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# In frames with one row per value, this column names the field that the value belongs to.
FIELD = "field"
VALUES_OF_FIELD = ("source_value", "target_value")
ID_COLUMN = re.compile(r"(^|_)(id|key)$")
AT = r"(?i)[@\x{ff20}\x{fe6b}]|%(?:25)*40|&#|&commat|u0040"
# What every address and every number has: a text without it, and that is no JSON, holds neither.
IN_WORDS = r"[(\[{<]\s?at\s?[)\]}>]|^\s*[\[{]"
DIGITS = r"\+[ (]*[0-9]|\b\(?0[0-9][0-9 ()./-]{6}|[0-9]{3}\)?[ ./-]{1,3}[0-9]{3}[ ./-]{1,3}[0-9]{4}"
SIGNS = r"[0-9][^\x00-\x7f]|[^\x00-\x7f](?:[^\x00-\x7f]|[0-9(])"
SAID = r"(?:phone|tel|mobil|cell|handy|fax|whatsapp|sms)[^0-9]{0,12}[0-9]{7}"
SUSPECT = f"{AT}|{IN_WORDS}|{DIGITS}|{SIGNS}|{SAID}"
SUSPECT_ID = AT + r"|^[( ]*[+\x{ff0b}]"
ADDRESS_ONLY = r"^([A-Za-z0-9])[A-Za-z0-9._+-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$"
LINK = r"(?i)^\s*mailto:"


def mask_frame(frame: pl.DataFrame, personal: Mapping[str, str]) -> pl.DataFrame:
    """Return the frame with personal columns masked, and e-mail addresses and phone numbers in all other text.

    What is inside of lists and structs is masked as what stands alone; so are the names of columns.
    """
    if not frame.width:
        return frame
    columns = mask_columns(frame.schema, personal) if frame.height else []
    clean = _without_suspects(frame, personal) if columns else ()
    masked = frame.with_columns(column for column in columns if column.meta.output_name() not in clean)
    return masked.rename(_masked_names(frame.columns))


def mask_columns(schema: Mapping[str, pl.DataType], personal: Mapping[str, str]) -> list[pl.Expr]:
    """Return the masked columns that `mask_frame` puts in the place of those of a frame with that schema."""
    by_field = schema.get(FIELD) == pl.String
    return [
        _mask_column(name, personal, by_field=by_field).alias(name)
        if kind == pl.String
        else _mask_other(name, kind, personal).alias(name)
        for name, kind in schema.items()
        if _may_hold_text(kind) or (kind.is_integer() and personal.get(name) == "phone")
    ]


def mask_value(text: str, kind: str | None) -> str:
    """Mask one value as a column of that kind of personal data is masked; `kind` None: as other text."""
    return mask_kind(text, kind)


def is_text(kind: pl.DataType) -> bool:
    """Whether a column of this type holds single texts."""
    return isinstance(kind, pl.String | pl.Categorical | pl.Enum)


def mapped_texts(texts: pl.Series, change: Callable[[str], str]) -> pl.Series:
    """Return the texts with each changed, of which every one is looked at once."""
    unique = texts.unique().drop_nulls()
    changed = pl.Series([change(text) for text in unique], dtype=pl.String)
    differs = unique != changed
    if not differs.any():
        return texts
    return texts.replace(unique.filter(differs), changed.filter(differs))


def _may_hold_text(kind: pl.DataType) -> bool:
    return is_text(kind) or kind in (pl.Binary, pl.Object) or kind.is_nested()


def _without_suspects(frame: pl.DataFrame, personal: Mapping[str, str]) -> set[str]:
    """Return the columns of free text and of ids that hold no personal data by its form."""
    free = [name for name, kind in frame.schema.items() if kind == pl.String and name not in personal]
    free = [name for name in free if name not in VALUES_OF_FIELD or FIELD not in frame.columns]
    suspect = frame.select(pl.col(name).str.contains(_pattern(name)).any() for name in free)
    return {name for name in free if not suspect[name].item()}


def _pattern(column: str) -> str:
    return SUSPECT_ID if ID_COLUMN.search(column) else SUSPECT


def _masked_names(names: list[str]) -> dict[str, str]:
    """Return the masked name of each column whose name is personal data."""
    return {name: masked for name, masked in distinct_keys(names, mask_text).items() if name != masked}


def _mask_column(column: str, personal: Mapping[str, str], *, by_field: bool) -> pl.Expr:
    """Mask a column by its name or, where the row names the field that its values belong to, by that field."""
    masked = _masked(column, personal.get(column), personal)
    if not by_field or column not in VALUES_OF_FIELD:
        return masked
    for kind in sorted(set(personal.values())):
        names = [name for name, known in personal.items() if known == kind]
        masked = pl.when(pl.col(FIELD).is_in(names)).then(_masked(column, kind, personal)).otherwise(masked)
    return masked


def _masked(column: str, kind: str | None, personal: Mapping[str, str]) -> pl.Expr:
    value = pl.col(column)
    if kind == "name":
        return _first_sign(value)
    if kind == "email":
        letter = value.str.replace(LINK, "").str.extract(r"(\w)", 1).fill_null("")
        return pl.when(value.str.contains(AT)).then(letter + "***@***").otherwise(_first_sign(value))
    if kind == "phone":
        digits = value.str.extract_all(r"\d").list.tail(2).list.join("")
        return pl.when(value.str.len_chars() > 4).then("***" + digits).otherwise(value.str.head(0) + "***")
    is_id = ID_COLUMN.search(column)
    change = mask_id if is_id else partial(_free_text, personal=personal)
    suspects = partial(_suspects, pattern=_pattern(column), change=change)
    return value.str.replace(ADDRESS_ONLY, "${1}***@***").map_batches(
        suspects, return_dtype=pl.String, is_elementwise=True
    )


def _first_sign(value: pl.Expr) -> pl.Expr:
    return value.str.strip_chars_start().str.head(1) + "***"


def _suspects(texts: pl.Series, pattern: str, change: Callable[[str], str]) -> pl.Series:
    """Return the texts with those changed that may hold personal data."""
    places = texts.str.contains(pattern).fill_null(value=False).arg_true()
    return texts.scatter(places, mapped_texts(texts.gather(places), change)) if places.len() else texts


def _free_text(text: str, personal: Mapping[str, str]) -> str:
    """Mask a text; in one that is JSON, also by the names of its keys."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return mask_text(mask_json(text, personal))
        except ValueError:
            return mask_text(text)
    return mask_text(text)


def _mask_other(column: str, kind: pl.DataType, personal: Mapping[str, str]) -> pl.Expr:
    """Mask a column that holds no plain texts: one with texts inside, one of bytes, or numbers that are personal."""
    named = personal.get(column)
    if not kind.is_nested() and kind != pl.Binary:
        as_text = pl.col(column).cast(pl.String)
        change = _mask_number if kind.is_integer() else partial(mask_kind, kind=named)
        return as_text.map_batches(partial(mapped_texts, change=change), return_dtype=pl.String, is_elementwise=True)
    change_any = partial(_mask_any, kind=named, personal=personal)

    masked_kind = _masked_type(kind)

    def mask_all(values: pl.Series) -> pl.Series:
        return pl.Series(values.name, [change_any(value) for value in values.to_list()], dtype=masked_kind)

    return pl.col(column).map_batches(mask_all, return_dtype=masked_kind, is_elementwise=True)


def _mask_number(text: str) -> str:
    """Mask a number of a column of phone numbers, where it is long enough to be one and no count."""
    return mask_kind(text, "phone") if len(text) >= SHORTEST_NUMBER else text


def _masked_type(kind: Any) -> Any:
    """Return the type without personal data in the names of its fields."""
    if isinstance(kind, pl.Struct):
        names = _masked_names([field.name for field in kind.fields])
        return pl.Struct({names.get(field.name, field.name): _masked_type(field.dtype) for field in kind.fields})
    if isinstance(kind, pl.Map):
        return pl.Map(_masked_type(kind.key), _masked_type(kind.value))
    if isinstance(kind, pl.List):
        return pl.List(_masked_type(kind.inner))
    if isinstance(kind, pl.Array):
        return pl.Array(_masked_type(kind.inner), kind.size)
    return kind


def _mask_any(value: Any, kind: str | None, personal: Mapping[str, str]) -> Any:
    """Mask a value with all that is inside of it; what stands under the name of personal data is of its kind."""
    if isinstance(value, str):
        return mask_kind(value, kind) if kind else _free_text(value, personal)
    if isinstance(value, bytes):
        text = value.decode(errors="replace")
        masked = mask_kind(text, kind)
        return value if masked == text else masked.encode()
    if isinstance(value, dict):
        return _mask_struct(value, kind, personal)
    if isinstance(value, list | tuple | pl.Series):
        return [_mask_any(each, kind, personal) for each in value]
    return value


def _mask_struct(value: dict[str, Any], kind: str | None, personal: Mapping[str, str]) -> dict[str, Any]:
    """Mask a struct by the names of its fields, and a map by its keys."""
    names = _masked_names([name for name in value if isinstance(name, str)])
    return {
        names.get(name, name): _mask_any(each, personal.get(column_of(str(name))) or kind, personal)
        for name, each in value.items()
    }
