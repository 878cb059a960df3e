"""Marked values, which keep null and empty text distinct on the way through connectorx.

connectorx takes a column's type from its first row, fails on a column with only nulls, and panics on text that is not
UTF-8. So every value is transferred as bytes: a present one begins with a mark, null is zero bytes long.
"""

from __future__ import annotations

import polars as pl
import polars.selectors as cs

from recon.database.source import ReadError


def unmark(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    """Convert marked bytes or text to text, and values without a mark to null.

    Raises:
        ReadError: A value is not UTF-8 text; the error names its column and the value of the row's first column.
    """
    value, text = cs.binary(), cs.string()
    try:
        return frame.with_columns(
            pl.when(value.bin.size() > 0).then(value.bin.slice(1).cast(pl.String)),
            pl.when(text != "").then(text.str.slice(1)),
        )
    except (pl.exceptions.ComputeError, pl.exceptions.InvalidOperationError):
        raise ReadError(_undecodable(frame, table)) from None


def _undecodable(frame: pl.DataFrame, table: str) -> str:
    for row in frame.iter_rows(named=True):
        for column, value in row.items():
            if isinstance(value, bytes) and not _is_text(value):
                key = _shown(next(iter(row.values())))
                return f"{table}.{column} holds text that is not UTF-8, in the row {key}"
    return f"{table} holds text that is not UTF-8"


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _shown(value: object) -> str:
    return value[1:].decode(errors="backslashreplace")[:60] if isinstance(value, bytes) else str(value)
