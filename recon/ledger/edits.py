"""Which rows people edited after the run: edits are few and far between, what a script writes is neither."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from recon.sql import named_statements

if TYPE_CHECKING:
    from recon.ledger.calibration import Calibration
    from recon.warehouse import Warehouse

STATEMENTS = named_statements(Path(__file__).with_name("edits.sql"))
# People edit at most this share of a table's rows; of a small table, this many.
MOST_SHARE = 0.2
MOST_OF_FEW = 5


class Edits(Struct, frozen=True):
    """How many rows were written after the run, and how many of them by people."""

    written_later: int
    by_people: int

    @property
    def remark(self) -> str:
        """What a reader has to know about the rows that no person edited; empty: there are none."""
        scripted = self.written_later - self.by_people
        if not scripted:
            return ""
        written = "1 row was" if scripted == 1 else f"{scripted:,} rows were"
        return f"{written} written after the run, more or faster than people edit: not excused as edits"


def find_edits(entity: str, calibration: Calibration, warehouse: Warehouse) -> Edits:
    """Create `ledger.written_later`: one row per row of `target.<entity>` that was edited after the run.

    Rows are edited by people if they are at most a fifth of the table, and not in a burst: no three with pauses of at
    most a second between them, no four with pauses of at most twelve.
    """
    rows = warehouse.row_count(f"target.{entity}")
    warehouse.execute(
        STATEMENTS["later"].format(entity=entity),
        {"edited_after": calibration.edited_after, "most": max(MOST_OF_FEW, MOST_SHARE * rows)},
    )
    return Edits(*warehouse.execute(STATEMENTS["count"]).fetchall()[0])


def forget_edits(warehouse: Warehouse) -> None:
    """Drop what `find_edits` created."""
    warehouse.execute(STATEMENTS["forget"])
