"""What people call the rows of a small table of codes where records and rows name them by id: by their codes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import polars as pl

from recon.ledger.traits import MOST_NAMES
from recon.ledger.traits import STATEMENTS as TRAITS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recon.warehouse import Warehouse


def code_names(table: str, warehouse: Warehouse) -> dict[str, str]:
    """Return id in lower case → code, with the id where several rows have that code.

    Args:
        table: "tiers" or "statuses"; of a table that is not small, nothing is returned.
        warehouse: The warehouse that holds `target.<table>`.
    """
    rows = warehouse.rows(TRAITS["codes"].format(table=table), {"most": MOST_NAMES + 1})
    if len(rows) > MOST_NAMES:
        return {}
    shared = Counter(row["code"] for row in rows)
    return {
        row["id"].lower(): row["code"] if shared[row["code"]] == 1 else f"{row['code']} ({row['id']})" for row in rows
    }


def with_names(differences: pl.DataFrame, names: Mapping[str, Mapping[str, str]]) -> pl.DataFrame:
    """The differences whose values and details say the codes in the place of the ids; unknown ids stay.

    Args:
        differences: With the columns field, source, target and detail.
        names: Field → id in lower case → code.
    """
    for field, codes in names.items():
        is_one = pl.col("field") == field
        differences = differences.with_columns(
            pl.when(is_one)
            .then(pl.coalesce(pl.col(name).str.to_lowercase().replace_strict(codes, default=None), pl.col(name)))
            .otherwise(pl.col(name))
            .alias(name)
            for name in ("source", "target", "detail")
        )
    return differences
