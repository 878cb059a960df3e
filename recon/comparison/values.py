"""A column's typed value as DuckDB SQL; requires the macros of values.sql in the session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from recon.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recon.comparison.field import Field

INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT")
FLOATS = ("FLOAT", "DOUBLE")
ZONED = ("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")
INSTANTS = ("DATE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
# By field type and stored type: the SQL of the value; types that are not listed are read as text.
SAME = "{column}"
AS_TEXT = "cast({column} as varchar)"
AS_DOUBLE = "cast({column} as double)"
IN_UTC = "make_timestamp(epoch_us({column}))"
NATIVE: dict[str, dict[str, str]] = {
    "key": {"UUID": AS_TEXT},
    "text": {"VARCHAR": SAME},
    "integer": dict.fromkeys(INTEGERS, SAME),
    "decimal": {"DECIMAL": SAME, **dict.fromkeys(INTEGERS, "cast({column} as decimal(38, 0))")},
    "float": {"DOUBLE": SAME, **dict.fromkeys(("FLOAT", "DECIMAL", *INTEGERS), AS_DOUBLE)},
    "boolean": {"BOOLEAN": SAME},
    "timestamp": {
        "TIMESTAMP": SAME,
        **dict.fromkeys(INSTANTS, "cast({column} as timestamp)"),
        **dict.fromkeys(ZONED, IN_UTC),
    },
    "date": {
        "DATE": SAME,
        **dict.fromkeys(("TIMESTAMP", *INSTANTS[1:]), "cast({column} as date)"),
        **dict.fromkeys(ZONED, "cast(make_timestamp(epoch_us({column})) as date)"),
    },
}
PARSED = "as_{type}({text})"
PARSED_BY_FORMAT = "coalesce(cast(try_strptime({text}, {format}) as {type}), as_{type}({text}))"
NAMED = "{value} as {name}"
UNTYPED = "case when {typed} is null then {text} end"


class StoredColumn(Struct, frozen=True):
    """A field's column on one side: its quoted SQL, and the type as which DuckDB stores it."""

    sql: str
    stored: str

    @property
    def text(self) -> str:
        """The SQL of its text as stored."""
        return (SAME if self.stored == "VARCHAR" else AS_TEXT).format(column=self.sql)


def typed_sql(field: Field, column: str, stored: str) -> str:
    """The DuckDB SQL of a column's typed value; the column itself where it already has the type.

    An instant's date is its date in UTC; instants have a precision of microseconds.

    Args:
        field: Determines the type of the value.
        column: SQL, already quoted.
        stored: The DuckDB type of the column, e.g. VARCHAR or DECIMAL(10,2).

    Returns:
        SQL of type VARCHAR (keys and text), any integer type, DECIMAL, DOUBLE, BOOLEAN, TIMESTAMP (UTC) or DATE; null
        where the column is null or its text is not a value of the type.
    """
    native = NATIVE[field.type].get(stored.partition("(")[0])
    if native:
        return native.format(column=column)
    text = StoredColumn(column, stored).text
    if field.type == "text":
        return text
    if field.strptime:
        return PARSED_BY_FORMAT.format(text=text, format=literal(field.strptime), type=field.type)
    return PARSED.format(text=text, type=field.type)


def can_fail(field: Field, stored: str) -> bool:
    """Whether a non-null value may fail to be of the type."""
    if field.type in ("key", "text"):
        return False
    return stored.partition("(")[0] not in NATIVE[field.type] or stored in ZONED


def judged_sql(fields: Sequence[Field], source: Mapping[str, StoredColumn], target: Mapping[str, StoredColumn]) -> str:
    """The select list that `judge` requires: for each field the original text and both typed values.

    Args:
        fields: The fields to compare.
        source: The source's columns by field; a field that it lacks is not selected, and so counts as missing.
        target: The target's columns by field, likewise.
    """
    return ", ".join(
        NAMED.format(value=value, name=quote(f"{field.name}_{part}"))
        for field in fields
        for side, parts in ((source, ("source", "raw")), (target, ("target", "target_raw")))
        if field.name in side
        for part, value in zip(parts, _typed_and_raw(field, side[field.name]), strict=False)
    )


def _typed_and_raw(field: Field, column: StoredColumn) -> list[str]:
    """The typed value, and the original text where it says more."""
    typed = typed_sql(field, column.sql, column.stored)
    if column.stored == "VARCHAR":
        return [typed, column.sql]
    return [typed, UNTYPED.format(typed=typed, text=column.text)] if can_fail(field, column.stored) else [typed]
