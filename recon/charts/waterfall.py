"""Steps from one total to the next; small steps stay visible beside large totals.

Where all totals are large compared to the steps, their bars are broken: the scale resumes near the ends of the bars.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from recon.charts.measure import widest
from recon.charts.shapes import Block, Drawing, Line, Shape, Words
from recon.charts.theme import DATA, GAP, WEAK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROW_HEIGHT = 24
# The free space above and below a bar, as a share of its row.
PADDING = 0.2
# Between two panels, as a share of a row.
APART = 0.35
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
    """A step with the scale of its panel; `place` is its position in rows, counted from the top of the chart."""

    place: float
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


def waterfall(panels: Sequence[Panel], room: float) -> Drawing:
    """Draw the panels one below another, each under its title; at least one."""
    rows, titles = _placed(panels)
    names, words = widest(row.step.name for row in rows), widest(row.step.words for row in rows)
    left, inner = names + GAP, room - names - words - 2 * GAP
    shapes: list[Shape] = list(_connectors(rows, left, inner))
    for row in rows:
        shapes += _bar(row, left, inner)
        middle = (row.place + 0.5) * ROW_HEIGHT
        shapes.append(Words(names, middle, row.step.name, anchor="end"))
        shapes.append(Words(room, middle, row.step.words, anchor="end"))
    shapes += (Words(0, (place + 0.5) * ROW_HEIGHT, title, bold=True) for place, title in titles)
    return Drawing(room, (rows[-1].place + 1) * ROW_HEIGHT, tuple(shapes))


def are_broken(panels: Sequence[Panel]) -> bool:
    """Whether the bars of a panel are interrupted."""
    return any(panel.scale.low for panel in panels)


def _placed(panels: Sequence[Panel]) -> tuple[list[Row], list[tuple[float, str]]]:
    """The rows of all panels, and the title of each panel with its position."""
    rows: list[Row] = []
    titles: list[tuple[float, str]] = []
    place = 0.0
    for panel in panels:
        titles.append((place, panel.title))
        rows += (Row(place + 1 + number, step, panel.scale) for number, step in enumerate(panel.steps))
        place += 1 + len(panel.steps) + APART
    return rows, titles


def _bar(row: Row, left: float, inner: float) -> Iterator[Shape]:
    top, height = (row.place + PADDING) * ROW_HEIGHT, (1 - 2 * PADDING) * ROW_HEIGHT
    for start, end in row.spans:
        if end > start:
            tip = f"{row.step.name}: {row.step.words}"
            yield Block(left + start * inner, top, (end - start) * inner, height, row.step.style, tip)


def _connectors(rows: Sequence[Row], left: float, inner: float) -> Iterator[Shape]:
    """Lines from the end of each bar to the next row of its panel."""
    for one, other in pairwise(rows):
        if other.place == one.place + 1:
            at = left + one.scale.share(one.step.end) * inner
            yield Line(at - 0.5, (one.place + 0.5) * ROW_HEIGHT, 1, ROW_HEIGHT, WEAK)
