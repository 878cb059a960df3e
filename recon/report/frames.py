"""Frames as text: a table for people, CSV and JSON for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl

from recon.report.csv import neutral_cell
from recon.report.text import plural, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Wide enough for ids to stay on one line; a narrower terminal wraps the lines itself.
WIDTH = 250
LONGEST = 60
PART = "part"


def frames_text(frames: Mapping[str, pl.DataFrame], format_name: str, rows: int) -> str:
    """Return frames as one text that ends with a line break.

    A table is headed by its title, if it has one. Several frames are one CSV with the title in the column `part` and
    nothing in the columns that a part lacks, or one JSON object with a list of rows by title, "Record and Row" as
    `record_and_row`.

    Args:
        frames: By title; a single one needs none.
        format_name: One of `FRAME_FORMATS`.
        rows: How many rows a table has at most; other formats have all.
    """
    return FRAME_FORMATS[format_name](frames, rows)


def _tables(frames: Mapping[str, pl.DataFrame], rows: int) -> str:
    titled = ((f"{title}:\n" if title else "", frame) for title, frame in frames.items())
    return "".join(title + _table(frame, rows) for title, frame in titled)


def _table(frame: pl.DataFrame, rows: int) -> str:
    if frame.is_empty():
        return "None.\n\n"
    texts = pl.all().cast(pl.String).fill_null("").map_elements(_cell, return_dtype=pl.String)
    shown = _flat(frame.head(rows)).select(texts)
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


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with lists, structs and maps as JSON, and bytes as they print."""
    nested = [column for column in frame if column.dtype.is_nested() or column.dtype == pl.Binary]
    return frame.with_columns(pl.Series(c.name, [_json_text(each) for each in c.to_list()], pl.String) for c in nested)


def _json_text(value: object) -> str | None:
    if isinstance(value, bytes):
        return str(value)
    return None if value is None else json.dumps(value, ensure_ascii=False, default=str)


def _cell(text: str) -> str:
    return printable(text)


def _csv(frames: Mapping[str, pl.DataFrame], rows: int) -> str:  # noqa: ARG001 - of every format
    parts = [
        _flat(frame).select(pl.lit(title).alias(PART), pl.all().cast(pl.String, strict=False))
        for title, frame in frames.items()
    ]
    frame = pl.concat(parts, how="diagonal") if len(parts) > 1 else _flat(next(iter(frames.values())))
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    return frame.with_columns(pl.col(texts).map_elements(neutral_cell, return_dtype=pl.String)).write_csv()


def _json(frames: Mapping[str, pl.DataFrame], rows: int) -> str:  # noqa: ARG001 - of every format
    if len(frames) == 1:
        return next(iter(frames.values())).write_json() + "\n"
    named = ((title.lower().replace(" ", "_"), frame.write_json()) for title, frame in frames.items())
    return "{" + ",".join(f'"{name}":{rows_of}' for name, rows_of in named) + "}\n"


FRAME_FORMATS: dict[str, Callable[[Mapping[str, pl.DataFrame], int], str]] = {
    "table": _tables,
    "csv": _csv,
    "json": _json,
}
"""What frames can be written as."""
