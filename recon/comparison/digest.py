"""A row digest as DuckDB SQL: equal digests mean that the typed rule considers every field equal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.comparison.values import INTEGERS, StoredColumn, can_fail, typed_sql
from recon.sql import literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from recon.comparison.field import Field

DIGEST = "hash({values})"
HASHED_AS_THEY_ARE = {"key": ("VARCHAR", "INTEGER", "BIGINT"), "integer": ("INTEGER", "BIGINT")}
# DuckDB hashes a 128-bit value as the xor of its halves, so that 0 and -1 collide: such values are hashed as text.
WIDE_INTEGER = "cast(cast({value} as hugeint) as varchar)"
NARROW_INTEGER = "cast({value} as bigint)"
WIDE_DECIMAL = "cast(try_cast({value} as decimal(38, 18)) as varchar)"
WIDEST_NARROW_DECIMAL = 18
BEYOND_BIGINT = ("UBIGINT", "HUGEINT")
# A value that is not of the type is distinguished by its text, and in a typed column also by that column's type.
RAW_OF_TEXT = "case when {value} is null and {column} is not null then hash({text}) end"
RAW_OF_TYPED = "case when {value} is null and {column} is not null then hash({text}, {stored}) end"
NO_RAW = "cast(null as ubigint)"
# Where the other side is text, a typed value is hashed in its most usual written form: that costs a fraction of parsing
# every text, in run time and in planning. Text written differently gets another digest, and is then judged.
INSTANT = """
case when {value} between timestamp '0001-01-01' and timestamp '9999-12-31 23:59:59.999999'
       and epoch_us({value}) % 1000 = 0 then strftime({value}, '%Y-%m-%dT%H:%M:%S.%gZ')
     else chr(0) || cast({value} as varchar) end"""
AS_VARCHAR = "cast({value} as varchar)"
AS_WRITTEN = {
    "key": {"UUID": AS_VARCHAR},
    "integer": {"INTEGER": AS_VARCHAR, "BIGINT": AS_VARCHAR},
    "boolean": {"BOOLEAN": AS_VARCHAR},
    "timestamp": {"TIMESTAMP": INSTANT},
}


def digest_sql(fields: Sequence[Field], side: Mapping[str, StoredColumn], other: Mapping[str, StoredColumn]) -> str:
    """The DuckDB SQL of one side's 64-bit digest over all fields; never null.

    Text is hashed as stored. Rows with equal digests are equal in every field by the typed rule; rows with different
    digests may still be equal, which `judge` decides.

    Args:
        fields: The fields to compare; at least one, and both sides have each.
        side: The columns of this side by field.
        other: The columns of the other side, whose types determine the form in which values are hashed.
    """
    values = [value for field in fields for value in _values(field, side[field.name], other[field.name])]
    return DIGEST.format(values=", ".join(values))


def _values(field: Field, column: StoredColumn, other: StoredColumn) -> Iterator[str]:
    if not field.format and {column.stored, other.stored} & {"VARCHAR"}:
        written = AS_WRITTEN.get(field.type, {})
        if column.stored in written:
            yield written[column.stored].format(value=column.sql)
            return
        if other.stored in written:
            yield column.sql
            return
    value = _shared(field, column, other)
    yield value
    if _needs_raw(field, column, other) or _needs_raw(field, other, column):
        yield _raw(column, value) if _needs_raw(field, column, other) else NO_RAW


def _shared(field: Field, column: StoredColumn, other: StoredColumn) -> str:
    """The value in the form that both sides share."""
    if field.type in ("key", "integer") and column.stored == other.stored in HASHED_AS_THEY_ARE[field.type]:
        return column.sql
    typed = typed_sql(field, column.sql, column.stored)
    if field.type == "integer":
        is_wide = {column.stored, other.stored} & {*BEYOND_BIGINT}
        return (WIDE_INTEGER if is_wide else NARROW_INTEGER).format(value=typed)
    if field.type == "decimal" and not _is_narrow(column, other):
        return WIDE_DECIMAL.format(value=typed)
    return typed


def _is_narrow(column: StoredColumn, other: StoredColumn) -> bool:
    """Whether both are decimals of the same precision and scale that fit into 64 bits."""
    kind, _, size = column.stored.partition("(")
    return (
        kind == "DECIMAL"
        and column == StoredColumn(column.sql, other.stored)
        and _precision(size) <= WIDEST_NARROW_DECIMAL
    )


def _precision(size: str) -> int:
    """The precision in a decimal's size, e.g. 18 of `18,3)`."""
    return int(size.partition(",")[0])


def _needs_raw(field: Field, column: StoredColumn, other: StoredColumn) -> bool:
    """Whether the shared form of a non-null value may be null."""
    if field.type == "decimal":
        return column.stored not in INTEGERS[:-2] and not _is_narrow(column, other)
    return can_fail(field, column.stored)


def _raw(column: StoredColumn, value: str) -> str:
    if column.stored == "VARCHAR":
        return RAW_OF_TEXT.format(value=value, column=column.sql, text=column.text)
    return RAW_OF_TYPED.format(value=value, column=column.sql, text=column.text, stored=literal(column.stored))
