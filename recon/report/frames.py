"""Frames as text: a table for people, CSV and JSON for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from recon.report.csv import neutral_cell
from recon.report.text import plural, printable

if TYPE_CHECKING:
    from collections.abc import Callable

# Wide enough for ids to stay on one line; a narrower terminal wraps the lines itself.
WIDTH = 250
LONGEST = 60


def frame_text(frame: pl.DataFrame, format_name: str, rows: int) -> str:
    """Return a frame as text that ends with a line break.

    Args:
        frame: One row per finding.
        format_name: One of `FRAME_FORMATS`.
        rows: How many rows a table has at most; other formats have all.
    """
    return FRAME_FORMATS[format_name](frame, rows)


def _table(frame: pl.DataFrame, rows: int) -> str:
    if frame.is_empty():
        return "None.\n\n"
    texts = pl.all().cast(pl.String).fill_null("").map_elements(_cell, return_dtype=pl.String)
    shown = frame.head(rows).select(texts)
    with pl.Config(
        tbl_formatting="UTF8_FULL_CONDENSED",
        tbl_hide_column_data_types=True,
        tbl_hide_dataframe_shape=True,
        tbl_rows=-1,
        tbl_cols=-1,
        tbl_width_chars=WIDTH,
        fmt_str_lengths=LONGEST,
    ):
        table = str(shown)
    left = frame.height - shown.height
    more = f"and {plural(left, 'row')} more: --rows, or --format csv\n" if left else ""
    return f"{table}\n{plural(frame.height, 'row')}\n{more}\n"


def _cell(text: str) -> str:
    return printable(text)


def _csv(frame: pl.DataFrame, rows: int) -> str:  # noqa: ARG001 - of every format
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    return frame.with_columns(pl.col(texts).map_elements(neutral_cell, return_dtype=pl.String)).write_csv()


def _json(frame: pl.DataFrame, rows: int) -> str:  # noqa: ARG001 - of every format
    return frame.write_json() + "\n"


FRAME_FORMATS: dict[str, Callable[[pl.DataFrame, int], str]] = {"table": _table, "csv": _csv, "json": _json}
"""What a frame can be written as."""
