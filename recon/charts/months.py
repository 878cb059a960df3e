"""Columns over time, as Vega-Lite without colours; readable even with hundreds of months."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt

from recon.charts.bars import Drawing, Size, framed
from recon.charts.theme import BACK, DATA, MARGIN, STRONG, TEXT_SIZE, WEAK, WIDTH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recon.model import Tally

HEIGHT = 170
AXIS_HEIGHT = 24
ROOM_AT_END = 14
# The greatest numbers of columns that still have gaps between them, and that each still have a number.
WITH_GAPS, WITH_NUMBERS = 130, 14
LABELS_AT_MOST = 9
YEAR_STEPS = (1, 2, 5, 10, 20, 50)


def columns(months: Sequence[Tally], title: str, subtitle: str) -> Drawing:
    """Draw a column for each month, in the given order; at least one."""
    top = max(month.count for month in months) or 1
    gridlines = [] if len(months) <= WITH_NUMBERS else _steps(top)
    left = 8 + round(len(f"{top:,}") * TEXT_SIZE * 0.58) if gridlines else 0
    inner = WIDTH - 2 * MARGIN - left - ROOM_AT_END
    layers = [
        *_grid(gridlines),
        _columns(months, max(top, *gridlines, 0) if gridlines else top * 1.12),
        *(_numbers(months) if not gridlines else ()),
        _labels(months),
    ]
    drawing = framed(layers, title, subtitle, Size(left, inner, HEIGHT))
    drawing.chart["padding"]["bottom"] += AXIS_HEIGHT
    return Drawing(drawing.chart, drawing.height + AXIS_HEIGHT)


def _columns(months: Sequence[Tally], top: float) -> alt.Chart:
    breadth = 0.84 if len(months) <= WITH_GAPS else 1
    values = [
        {"from": place + (1 - breadth) / 2, "to": place + (1 + breadth) / 2, "count": month.count, "month": month.label}
        for place, month in enumerate(months)
    ]
    shape = alt.Chart(alt.InlineData(values=values)).mark_bar(style=DATA)
    encoded: alt.Chart = shape.encode(
        x=alt.X("from:Q", axis=None, scale=_across(months)),
        x2="to:Q",
        y=alt.Y("count:Q", axis=None, scale=alt.Scale(domain=[0, top], nice=False)),
        y2=alt.Y2Datum(0),
        tooltip=[alt.Tooltip("month:N", title="Month"), alt.Tooltip("count:Q", title="Registrations", format=",")],
    )
    return encoded


def _grid(steps: Sequence[int]) -> Iterator[alt.Chart]:
    if steps:
        data = alt.InlineData(values=[{"count": step, "text": f"{step:,}"} for step in steps])
        y = alt.Y("count:Q", axis=None)
        yield alt.Chart(data).mark_rule(style=BACK).encode(y=y)
        text = alt.Chart(data).mark_text(style=WEAK, align="right", fontSize=TEXT_SIZE - 1)
        yield text.encode(x=alt.value(-8), y=y, text="text:N")


def _numbers(months: Sequence[Tally]) -> Iterator[alt.Chart]:
    values = [
        {"at": place + 0.5, "count": month.count, "text": f"{month.count:,}"} for place, month in enumerate(months)
    ]
    shape = alt.Chart(alt.InlineData(values=values)).mark_text(
        style=STRONG, baseline="bottom", dy=-4, fontSize=TEXT_SIZE - 2
    )
    yield shape.encode(x=_x(months), y=alt.Y("count:Q", axis=None), text="text:N")


def _labels(months: Sequence[Tally]) -> alt.Chart:
    shown = dict(_named(months))
    values = [{"at": place + 0.5, "text": text} for place, text in shown.items()]
    shape = alt.Chart(alt.InlineData(values=values)).mark_text(style=STRONG, baseline="top", fontSize=TEXT_SIZE - 1)
    encoded: alt.Chart = shape.encode(x=_x(months), y=alt.value(HEIGHT + 8), text="text:N")
    return encoded


def _named(months: Sequence[Tally]) -> Iterator[tuple[int, str]]:
    """Which columns are labelled below: all if there are few, else the Januaries of some years, as the year."""
    if len(months) <= LABELS_AT_MOST:
        yield from ((place, month.label) for place, month in enumerate(months))
        return
    januaries = [(place, month.label[:4]) for place, month in enumerate(months) if month.label.endswith("-01")]
    if len(months) <= 36 or not januaries:
        step = -(-len(months) // 6)
        yield from ((place, months[place].label) for place in range(step // 2, len(months), step))
        return
    years = next(step for step in (*YEAR_STEPS, 1000) if len(januaries) / step <= LABELS_AT_MOST)
    yield from ((place, year) for place, year in januaries if int(year) % years == 0)


def _x(months: Sequence[Tally]) -> alt.X:
    return alt.X("at:Q", axis=None, scale=_across(months))


def _across(months: Sequence[Tally]) -> alt.Scale:
    return alt.Scale(domain=[0, len(months)], nice=False, zero=False)


def _steps(top: int) -> list[int]:
    """Round numbers from 0 to beyond `top`, about four of them."""
    unit = 10 ** max(len(str(top)) - 2, 0)
    step = next(unit * size for size in (1, 2, 5, 10, 20, 25, 50, 100) if unit * size * 4 >= top)
    return list(range(0, top + step, step))
