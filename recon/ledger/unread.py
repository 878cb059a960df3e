"""Values that cannot be read as their type: reported as what they are, and never as null, lost or changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from recon.comparison import can_fail, typed_sql
from recon.ledger.kinds import KINDS
from recon.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Collection

    from recon.ledger.field_mapping import FieldMapping

NONE = "cast([] as varchar[])"
LISTED = "list_filter([{names}], lambda name: name is not null)"
IN_SOURCE = "case when trim({text}) <> '' and {typed} is null then {name} end"
IN_TARGET = "case when {alias}.row_key is not null then {name} end"
RAW_VALUES = """
left join (select row_key, any_value(value) as value from target.raw_values
           where table_name = {table} and field = {column} group by row_key) {alias}
  on {alias}.row_key = cast(t.id as varchar)"""
RAW = ", {alias}.value as {name}"
ARTICLES = {"integer": "an integer"}
NOT_UTF8 = "UTF-8 text"


def unread_sql(mapping: FieldMapping, columns: Collection[str]) -> dict[str, str]:
    """Return the fragments by which values that cannot be read take part in the comparison.

    Args:
        mapping: The fields that are compared.
        columns: The columns of rows in which there are such values.

    Returns:
        unread_source and unread_target: the fields of a record, and of its row, whose values cannot be read, as a list;
        raw: the row's values, as `judge` expects them; raw_values: the joins that these need.
    """
    failing = [pair for pair in mapping.pairs if can_fail(pair.compared, pair.source.stored)]
    in_source = [
        IN_SOURCE.format(
            text=pair.source.text,
            typed=typed_sql(pair.compared, pair.source.sql, pair.source.stored),
            name=literal(pair.compared.name),
        )
        for pair in failing
    ]
    found = [(pair, quote(f"raw of {pair.field.column}")) for pair in mapping.pairs if pair.field.column in columns]
    in_target = [IN_TARGET.format(alias=alias, name=literal(pair.compared.name)) for pair, alias in found]
    raw = [
        RAW.format(alias=alias, name=quote(f"{pair.compared.name}_target_raw"))
        for pair, alias in found
        if can_fail(pair.compared, "VARCHAR")
    ]
    joins = [
        RAW_VALUES.format(
            table=literal(f"target.{mapping.entity.name}"), column=literal(pair.field.column), alias=alias
        )
        for pair, alias in found
    ]
    return {
        "unread_source": LISTED.format(names=", ".join(in_source)) if in_source else NONE,
        "unread_target": LISTED.format(names=", ".join(in_target)) if in_target else NONE,
        "raw": "".join(raw),
        "raw_values": "".join(joins),
    }


def unread(named: pl.DataFrame) -> pl.DataFrame:
    """Give the differences of values that cannot be read that cause, whatever else they look like.

    Args:
        named: Differences with their causes, and unread_source and unread_target, lists of fields.
    """
    is_text = pl.col("type").is_in(["key", "text"])
    article = pl.col("type").replace_strict(ARTICLES, default="a " + pl.col("type"), return_dtype=pl.String)
    kind = pl.when(is_text).then(pl.lit(NOT_UTF8)).otherwise(article)
    for cause, fields in (("unreadable_source", "unread_source"), ("unreadable", "unread_target")):
        holds = pl.col(fields).list.contains(pl.col("field")).fill_null(value=False)
        values = {
            "cause": pl.lit(cause),
            "detail": kind,
            "is_explained": pl.lit(KINDS[cause].is_explained),
            "is_harmless": pl.lit(KINDS[cause].is_harmless),
        }
        named = named.with_columns(
            pl.when(holds).then(value).otherwise(pl.col(name)).alias(name) for name, value in values.items()
        )
    return named
