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
FAILURES = """
select {table}, {column}, cast({key} as varchar), cast({raw} as varchar), {type}
from incoming where {raw} is not null and {typed} is null"""


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


def failures(column: LoadColumn, fields: Sequence[LoadColumn], table_name: str) -> str:
    """Return the query for the values of one column that are not of its type, as rows of the unreadable values."""
    return FAILURES.format(
        table=literal(table_name),
        column=literal(column.source_name),
        key=next(field.value for field in fields if field.is_selected),
        raw=quote(column.name),
        type=literal(column.type),
        typed=column.value,
    )
