"""The outcomes that an entity's records and rows have, and the tables of those that are not simply landed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Outcomes of records that still need a row.
OPEN = ("missing_in_target", "skipped")


class Rest(Struct, frozen=True):
    """The tables of the records and rows that are not simply landed: copies of just these, or the tables of all."""

    source: str
    target: str


class Outcomes(Struct, frozen=True):
    """The outcomes that occur among an entity's records and rows, and whether a record that needs a row has none."""

    of_records: set[str]
    of_rows: set[str]
    is_open: bool
    rest: Rest


def outcomes_of(counts: Iterable[Mapping[str, Any]], rest: Rest) -> Outcomes:
    """Derive the outcomes from a count of the ledger by outcome and row outcome."""
    rows = list(counts)
    return Outcomes(
        {row["outcome"] for row in rows},
        {row["row_outcome"] for row in rows},
        any(row["outcome"] in OPEN and not row["has_row"] for row in rows),
        rest,
    )
