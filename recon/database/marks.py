"""Marked values, which keep null and empty text distinct on the way through connectorx.

connectorx takes a column's type from its first row, fails on a column with only nulls, and panics on text that is not
UTF-8. So every value is transferred as bytes: a present one begins with a mark, null is zero bytes long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import polars.selectors as cs

from recon.database.source import UNDECODED

if TYPE_CHECKING:
    from collections.abc import Sequence


def unmark(frame: pl.DataFrame) -> pl.DataFrame:
    """Convert marked bytes or text to text, and values without a mark to null.

    Text that is not UTF-8 is marked, see `decoded`.
    """
    value, text = cs.binary(), cs.string()
    return decoded(
        frame.with_columns(
            pl.when(value.bin.size() > 0).then(value.bin.slice(1)),
            pl.when(text != "").then(text.str.slice(1)),
        ),
        frame.select(value).columns,
    )


def decoded(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    r"""Convert the bytes in the columns `names` to text; what is not UTF-8 is written with its bytes (`caf\xe9`).

    Returns:
        The frame, and for each column with such text another one, named with `UNDECODED`, that marks it.
    """
    try:
        return frame.with_columns(pl.col(names).cast(pl.String))
    except (pl.exceptions.ComputeError, pl.exceptions.InvalidOperationError):
        found = [_decoded(frame[name]) for name in names]
        return frame.with_columns(column for columns in found for column in columns)


def _decoded(values: pl.Series) -> list[pl.Series]:
    """Return the texts of the bytes, and where some are not UTF-8, which."""
    texts = [None if value is None else value.decode(errors="backslashreplace") for value in values]
    bad = [value is not None and not _is_text(value) for value in values]
    found = [pl.Series(values.name, texts, dtype=pl.String)]
    return [*found, pl.Series(f"{values.name}{UNDECODED}", bad)] if any(bad) else found


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
