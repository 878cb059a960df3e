"""The rows that an expectation looks at: the columns that it names, of one table of the warehouse, typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import polars as pl

from recon.rules.foreign import columns_of, key_of
from recon.sql import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.rules import Rule
    from recon.warehouse import Warehouse

READ = "select {columns} from {table}"
ALL_ROWS = 2**62
# The row number in the frame, by which Great Expectations identifies the violating rows.
ROW = "recon_row_number"
# Without these types, a single null turns integers into floats, and booleans into objects.
NULLABLE = {pl.Int64: "Int64", pl.Boolean: "boolean"}


def shown_columns(rule: Rule) -> list[str]:
    """The columns shown of a violating row: its key, if its table has one, and the columns that the rule names."""
    key, names = key_of(rule), columns_of(rule)
    return [*([key] if key and key not in names else []), *names]


def frame_of(table: str, columns: Sequence[str], warehouse: Warehouse) -> pl.DataFrame:
    """Every row of a table with these columns; UUIDs as text. Without columns, each row is a 1."""
    names = ", ".join(map(quote, columns)) or "1 as present"
    with warehouse.reading() as reading:
        frame, _ = reading.evidence(READ.format(columns=names, table=quote(*table.split("."))), None, ALL_ROWS)
    return frame


def pandas_of(frame: pl.DataFrame) -> pd.DataFrame:
    """Convert the frame to pandas, with the number of each row."""
    made = frame.with_row_index(ROW).to_pandas()
    for name, kind in frame.schema.items():
        if kind.base_type() in NULLABLE:
            made[name] = pd.array(frame[name].to_list(), dtype=NULLABLE[kind.base_type()])
    return made
