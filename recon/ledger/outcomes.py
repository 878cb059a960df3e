"""Which outcomes the records and rows of an entity have, and where those are that did not just land."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Outcomes of records that want a row.
OPEN = ("missing_in_target", "skipped")


class Rest(Struct, frozen=True):
    """The tables of the records and rows that did not just land: a copy of them, or those of all records and rows."""

    source: str
    target: str


class Outcomes(Struct, frozen=True):
    """Which outcomes an entity's records and rows have, and whether a record that wants a row has none."""

    of_records: set[str]
    of_rows: set[str]
    is_open: bool
    rest: Rest


def outcomes_of(counts: Iterable[Mapping[str, Any]], rest: Rest) -> Outcomes:
    """What a count of the ledger by outcome and row outcome says."""
    rows = list(counts)
    return Outcomes(
        {row["outcome"] for row in rows},
        {row["row_outcome"] for row in rows},
        any(row["outcome"] in OPEN and not row["has_row"] for row in rows),
        rest,
    )
