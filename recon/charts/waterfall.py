"""Steps from one total to the next, as Vega-Lite without colours; small steps stay visible beside large totals.

Where all totals are large compared to the steps, their bars are broken: the scale resumes near the ends of the bars.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import altair as alt

from recon.charts.bars import Drawing, Size, framed
from recon.charts.theme import DATA, MARGIN, STRONG, TEXT_SIZE, WEAK, WIDTH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROW_HEIGHT = 24
# The free space above and below a bar, as a share of its row.
PADDING = 0.2
NAME_WIDTH = 134
GAP = 10
# Shares of the width: where a broken bar is interrupted, where the lowest level is in that case, and the minimum length
# of a bar, so that it is not overlooked.
BREAK = (0.06, 0.085)
LOWEST = 0.3
LEAST = 0.008
# A scale from 0 is used while the lowest level is below this share of the highest.
LOW_ENOUGH = 0.7


class WaterfallStep(NamedTuple):
    """One row.

    Attributes:
        name: What it is.
        start, end: Where its bar begins and ends; a total begins at 0.
        words: The text beside it.
        style: The style of its bar.
    """

    name: str
    start: int
    end: int
    words: str
    style: str = DATA


class Panel(NamedTuple):
    """Steps with their own title and scale; the first is a total."""

    title: str
    steps: Sequence[WaterfallStep]

    @property
    def scale(self) -> Scale:
        """The scale of its numbers; broken where a scale from 0 would hide the steps."""
        levels = [level for step in self.steps for level in (step.start or step.end, step.end)]
        low, high = min(levels), max(levels)
        if LOW_ENOUGH * high < low < high:
            return Scale(low - (high - low) * LOWEST / (1 - LOWEST), high)
        return Scale(0, high)


class Scale(NamedTuple):
    """The numbers at the left and right edge; a scale that does not begin at 0 is broken."""

    low: float
    high: float

    def share(self, number: float) -> float:
        """The position of the number, as a share of the width."""
        before = BREAK[1] if self.low else 0
        return before + (1 - before) * (number - self.low) / ((self.high - self.low) or 1)


class Row(NamedTuple):
    """A step at its position, counted from 0 through all panels, with the scale of its panel."""

    place: int
    step: WaterfallStep
    scale: Scale

    @property
    def spans(self) -> list[tuple[float, float]]:
        """The rectangles of its bar, each from … to as shares of the width."""
        start, end = sorted((self.step.start, self.step.end))
        right = self.scale.share(end)
        if start == 0 and self.scale.low:
            return [(0, BREAK[0]), (BREAK[1], right)]
        left = self.scale.share(start)
        if start < end and right - left < LEAST:
            left, right = max(right - LEAST, 0), max(right, LEAST)
        return [(left, right)]


def waterfall(panels: Sequence[Panel], title: str, subtitle: str) -> Drawing:
    """Draw the panels one below another, each under its title; at least one."""
    rows, titles = _placed(panels)
    places = len(rows) + len(titles)
    words = round(max(len(row.step.words) for row in rows) * TEXT_SIZE * 0.6) + GAP
    inner = WIDTH - 2 * MARGIN - NAME_WIDTH - GAP - words
    y = alt.Scale(domain=[0, places], reverse=True, nice=False, zero=False)
    layers = [
        _connectors(rows, y),
        *_bars(rows, y),
        _text([(row.place, row.step.name) for row in rows], y, x=-GAP, align="right"),
        _text([(row.place, row.step.words) for row in rows], y, x=inner + words, align="right"),
        _text(titles, y, x=-NAME_WIDTH - GAP, align="left", fontWeight="bold"),
    ]
    if any(row.scale.low for row in rows):
        subtitle = f"{subtitle}; broken bars: the scale goes on near their ends"
    return framed(layers, title, subtitle, Size(NAME_WIDTH + GAP, inner, places * ROW_HEIGHT))


def _placed(panels: Sequence[Panel]) -> tuple[list[Row], list[tuple[int, str]]]:
    """The rows of all panels, and the title of each panel with its position."""
    rows: list[Row] = []
    titles: list[tuple[int, str]] = []
    for panel in panels:
        place = len(rows) + len(titles)
        titles.append((place, panel.title))
        rows += (Row(place + 1 + number, step, panel.scale) for number, step in enumerate(panel.steps))
    return rows, titles


def _bars(rows: Sequence[Row], y: alt.Scale) -> Iterator[alt.Chart]:
    """A layer for each style, so that a style is a name and not a colour scale."""
    for style in dict.fromkeys(row.step.style for row in rows):
        values = [
            {"from": left, "to": right, **_height(row), "name": row.step.name, "words": row.step.words}
            for row in rows
            if row.step.style == style
            for left, right in row.spans
        ]
        tooltip = [alt.Tooltip("name:N", title="Step"), alt.Tooltip("words:N", title="Count")]
        shape = alt.Chart(alt.InlineData(values=values)).mark_rect(style=style)
        yield shape.encode(
            x=_x("from:Q"), x2="to:Q", y=alt.Y("top:Q", axis=None, scale=y), y2="bottom:Q", tooltip=tooltip
        )


def _connectors(rows: Sequence[Row], y: alt.Scale) -> alt.Chart:
    """Lines from the end of each bar to the next row of its panel."""
    pairs = [(one, other) for one, other in pairwise(rows) if other.place == one.place + 1]
    values = [
        {"at": one.scale.share(one.step.end), "top": one.place + 0.5, "bottom": other.place + 0.5}
        for one, other in pairs
    ]
    shape = alt.Chart(alt.InlineData(values=values)).mark_rule(style=WEAK, opacity=0.6)
    encoded: alt.Chart = shape.encode(x=_x("at:Q"), y=alt.Y("top:Q", axis=None, scale=y), y2="bottom:Q")
    return encoded


def _text(texts: Sequence[tuple[int, str]], y: alt.Scale, x: float, **look: Any) -> alt.Chart:
    values = [{"at": place + 0.5, "text": text} for place, text in texts]
    shape = alt.Chart(alt.InlineData(values=values)).mark_text(style=STRONG, **look)
    encoded: alt.Chart = shape.encode(x=alt.value(x), y=alt.Y("at:Q", axis=None, scale=y), text="text:N")
    return encoded


def _height(row: Row) -> dict[str, float]:
    return {"top": row.place + PADDING, "bottom": row.place + 1 - PADDING}


def _x(field: str) -> alt.X:
    return alt.X(field, axis=None, scale=alt.Scale(domain=[0, 1], nice=False))
