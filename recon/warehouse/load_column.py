"""Columns that are loaded into the warehouse: how an arriving value becomes a typed one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recon.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Sequence

STORED = {
    "key": "VARCHAR",
    "uuid": "UUID",
    "text": "VARCHAR",
    "integer": "BIGINT",
    "timestamp": "TIMESTAMP",
    "boolean": "BOOLEAN",
}
ROW = "recon row"
UNREAD = """
select {name}, {field}, {row}, {table}, {column}, cast({key} as varchar), {value}, {type}
from incoming where {is_unread}"""
NOT_TYPED = "{raw} is not null and {typed} is null"
NOT_UTF8 = "UTF-8 text"
# The rest of a text that may be personal data is left out; its place says where it is.
SHOWN_TEXT = r"""left({raw}, 1) || '*** with ' || regexp_extract({raw}, '\\x[0-9a-f]{{2}}')"""
# No other side holds when a row was written: such a time beyond the calendar only has to stay beyond all others.
STAMPS = ("created_at", "updated_at", "synced_at", "recorded_at")
IN_CALENDAR = """
case when {value} is not null
     then greatest(least({value}, timestamp '9999-12-31 23:59:59.999'), timestamp '0001-01-01') end"""


@dataclass(frozen=True)
class LoadColumn:
    """A column that is loaded into the warehouse.

    Attributes:
        type: Canonical type, or "uuid" for a key that every side stores as a uuid.
        source_name: The application's name for the column, as stored in `target.unreadable_values`.
        source_type: The type that values arrive with; "text" is cast in the warehouse.
        constant: The same text for every row, instead of an arriving value.
        is_absent: The database does not have the column; every row gets null.
    """

    name: str
    type: str
    source_name: str = ""
    source_type: str = "text"
    constant: str | None = None
    is_absent: bool = False

    @property
    def is_selected(self) -> bool:
        """Whether the column is read from the database."""
        return not self.is_absent and self.constant is None

    @property
    def can_fail(self) -> bool:
        """Whether an arriving value may turn out not to be of this type."""
        return self.is_selected and self.source_type == "text" and self.type not in ("key", "text")

    @property
    def value(self) -> str:
        """The SQL expression of this column, typed."""
        stored = STORED[self.type]
        if self.can_fail or (self.is_selected and self.type == "key" and self.source_type == "text"):
            return f"as_{self.type}({quote(self.name)})"
        if self.is_selected:
            return f"cast({quote(self.name)} as {stored})"
        return f"cast({'null' if self.constant is None else literal(self.constant)} as {stored})"

    @property
    def expression(self) -> str:
        """The typed value with the column's name as its alias."""
        return f"{self.value} as {quote(self.name)}"

    @property
    def stored(self) -> str:
        """The SQL expression of what is stored, from the typed value under the column's name."""
        name = quote(self.name)
        return IN_CALENDAR.format(value=name) if self.name in STAMPS and self.type == "timestamp" else name


def unread(column: LoadColumn, fields: Sequence[LoadColumn], name: str, table_name: str, mark: str = "") -> str:
    """Return the query for the values of one column that cannot be read, as rows of `reading.unread`.

    It reads the table `incoming`, whose rows are numbered in the column `ROW`.

    Args:
        column: The column.
        fields: All columns of the table.
        name: The table in the warehouse.
        table_name: The application's name for it.
        mark: The column that marks texts that are not UTF-8; empty: the values that are not of the column's type.
    """
    raw = quote(column.name)
    return UNREAD.format(
        name=literal(name),
        field=literal(column.name),
        row=quote(ROW),
        table=literal(table_name),
        column=literal(column.source_name),
        key=next(field.value for field in fields if field.is_selected),
        value=SHOWN_TEXT.format(raw=raw) if mark else f"cast({raw} as varchar)",
        type=literal(NOT_UTF8 if mark else column.type),
        is_unread=quote(mark) if mark else NOT_TYPED.format(raw=raw, typed=column.value),
    )
