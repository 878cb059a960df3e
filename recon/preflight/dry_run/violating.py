"""The rows that show what is wrong with a dry run: masked, and a bounded number of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from msgspec.structs import replace

from recon.masking.frames import mask_frame
from recon.model import Findings
from recon.sql import named_statements

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from recon.model import Check
    from recon.warehouse import Warehouse

STATEMENTS = named_statements(Path(__file__).with_name("dry_run.sql"))
COUNT = "select count(*) as total from ({sql}) found"
PERSONAL = {"email": "email"}
MOST_ROWS = 1000


@dataclass(frozen=True)
class ViolatingRows:
    """The first rows that show that something is wrong, and the exact number of all."""

    rows: Sequence[dict[str, Any]]
    total: int

    def judge(self, answer: Callable[[str, Findings | None], Check], message: str, detail: str | None = None) -> Check:
        """The answer with these rows, masked."""
        masked = mask_frame(pl.DataFrame(self.rows, infer_schema_length=None), PERSONAL)
        check = answer(message, Findings(masked.to_dicts(), detail))
        return replace(check, violation_count=self.total) if self.total else check


def found(warehouse: Warehouse, sql: str) -> ViolatingRows:
    """The rows of a query, of which the first are fetched."""
    rows = warehouse.rows(sql, limit=MOST_ROWS + 1)
    if len(rows) <= MOST_ROWS:
        return ViolatingRows(rows, len(rows))
    return ViolatingRows(rows[:MOST_ROWS], warehouse.rows(COUNT.format(sql=sql))[0]["total"])


def few(rows: Sequence[dict[str, Any]]) -> ViolatingRows:
    """Rows that are all there are."""
    return ViolatingRows(rows, len(rows))
