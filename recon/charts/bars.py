"""Horizontal bars with names and numbers; what differs from what is expected is drawn again, on a scale of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from recon.charts.measure import cut, fitted, widest, width
from recon.charts.shapes import Block, Drawing, Line, Shape, Words, moved
from recon.charts.theme import BACK, DATA, GAP, NARROW, STRONG, WEAK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROW_HEIGHT, BAR_HEIGHT = 28, 16
# In a stacked drawing, name and numbers are above their bar: a line of text, and what is below it.
TEXT_HEIGHT, BELOW = 18, 32
HEAD_HEIGHT = 22
MARK = 3
MARK_BEYOND = 4
NAME_AT_MOST, NAME_AT_LEAST = 230, 90
BAR_AT_LEAST = 120
# The share of the width in which differences are drawn.
OF_WIDTH = 0.24
# So wide is the smallest bar that is not nothing.
LEAST = 2.0


class Bar(NamedTuple):
    """One row of a bar chart.

    Attributes:
        name: Text from data, of any length.
        length: The length of the bar, at least 0.
        words: The numbers beside it.
        mark: The value at which a line crosses it; None: there is no line.
        change: What is drawn on the scale of differences; None: nothing has one.
        remark: The text at the end of its row, e.g. the difference.
        style: The style of the bar, and of its difference.
        stressed: Whether the remark has that style, too.
    """

    name: str
    length: float
    words: str
    mark: float | None = None
    change: float | None = None
    remark: str = ""
    style: str = DATA
    stressed: bool = False


class RowPlaces(NamedTuple):
    """Where the parts of a row are, in pixels from its left and its top.

    Attributes:
        name: The left edge of a stacked name, the right edge of one beside its bar.
        bar, bar_width: The bar.
        words: The right edge of the numbers.
        change, change_width: The difference; a width of 0: nothing differs.
        remark: The right edge of the remark.
        name_y, words_y, remark_y, bar_y: The middle of each.
        height: The height of the row.
        is_stacked: Whether the texts are above the bar.
    """

    name: float
    bar: float
    bar_width: float
    words: float
    change: float
    change_width: float
    remark: float
    name_y: float
    words_y: float
    remark_y: float
    bar_y: float
    height: float
    is_stacked: bool


class Scales(NamedTuple):
    """The numbers at the ends of the two scales; `least` is not above 0, the others not below it."""

    longest: float
    least: float
    most: float


def bars(rows: Sequence[Bar], room: float, longest: float | None = None) -> Drawing:
    """Draw the rows in the given order.

    Args:
        rows: At least one.
        room: The width in pixels.
        longest: Where the scale of the bars ends; None: at the longest bar or mark.
    """
    changes = [row.change or 0.0 for row in rows]
    top = longest or max(max(row.length, row.mark or 0) for row in rows) or 1
    scales = Scales(top, min(0, *changes, 0), max(0, *changes, 0))
    places = _beside(rows, room, differs=any(changes))
    if room <= NARROW or places.bar_width < BAR_AT_LEAST:
        places = _stacked(rows, room, differs=any(changes))
    shapes: list[Shape] = []
    head = 0
    if places.change_width and not places.is_stacked:
        head = HEAD_HEIGHT
        shapes += _head(places, scales)
    for number, row in enumerate(rows):
        shapes += (moved(shape, 0, head + number * places.height) for shape in _row(row, places, scales))
    return Drawing(room, head + len(rows) * places.height, tuple(shapes))


def _beside(rows: Sequence[Bar], room: float, *, differs: bool) -> RowPlaces:
    """Name, bar, numbers, difference and remark beside each other."""
    names = min(NAME_AT_MOST, widest(cut(row.name) for row in rows))
    words, remarks = widest(row.words for row in rows), widest((row.remark for row in rows), bold=True)
    change_width = room * OF_WIDTH if differs else 0
    change = room - change_width - (remarks + GAP if remarks else 0)
    right = change - (2 * GAP if differs else 0)
    bar, middle = names + GAP, ROW_HEIGHT / 2
    return RowPlaces(
        *(names, bar, right - words - GAP - bar, right, change, change_width, room),
        *(middle, middle, middle, middle, ROW_HEIGHT),
        is_stacked=False,
    )


def _stacked(rows: Sequence[Bar], room: float, *, differs: bool) -> RowPlaces:
    """Name and numbers above bar, difference and its remark; the name on a line of its own where it has no room."""
    words, remarks = widest(row.words for row in rows), widest((row.remark for row in rows), bold=True)
    change_width = room * OF_WIDTH if differs else 0
    change = max(room - (remarks + GAP / 2) - change_width, 2 * GAP) if differs else room
    right = room if differs or not remarks else room - remarks - GAP / 2
    lines = 1 if right - words - GAP >= NAME_AT_LEAST else 2
    text, middle = (lines - 0.5) * TEXT_HEIGHT, lines * TEXT_HEIGHT + MARK_BEYOND + BAR_HEIGHT / 2
    return RowPlaces(
        *(0, 0, change - GAP if differs else room, right, change, change_width, room),
        *(TEXT_HEIGHT / 2, text, middle if differs else text, middle, lines * TEXT_HEIGHT + BELOW),
        is_stacked=True,
    )


def _head(places: RowPlaces, scales: Scales) -> Iterator[Shape]:
    is_left = _share(0, scales) < 0.5
    x = places.change + (0 if is_left else places.change_width)
    yield Words(x, HEAD_HEIGHT / 2, "Difference", anchor="start" if is_left else "end", style=WEAK)


def _row(row: Bar, places: RowPlaces, scales: Scales) -> Iterator[Shape]:
    """The shapes of a row, as if it were the first."""
    tip = f"{cut(row.name)}: {row.words}{f' ({row.remark})' if row.remark else ''}"
    yield _name(row, places)
    yield Words(places.words, places.words_y, row.words, anchor="end")
    top = places.bar_y - BAR_HEIGHT / 2
    if row.length > 0:
        length = places.bar_width * min(row.length / scales.longest, 1)
        yield Block(places.bar, top, max(length, LEAST), BAR_HEIGHT, row.style, tip)
    else:
        yield Line(places.bar, top, 1, BAR_HEIGHT, BACK)
    if row.mark is not None:
        at = places.bar_width * min(row.mark / scales.longest, 1) - MARK / 2
        left = places.bar + min(max(at, 0), places.bar_width - MARK)
        yield Line(left, top - MARK_BEYOND, MARK, BAR_HEIGHT + 2 * MARK_BEYOND, STRONG)
    if places.change_width:
        yield from _change(row, places, scales, tip)
    if row.remark:
        style = row.style if row.stressed else WEAK
        yield Words(places.remark, places.remark_y, row.remark, "end", style, row.stressed)


def _name(row: Bar, places: RowPlaces) -> Words:
    name = cut(row.name)
    if not places.is_stacked:
        return Words(places.name, places.name_y, fitted(name, places.name), anchor="end")
    taken = width(row.words) + GAP if places.name_y == places.words_y else 0
    return Words(places.name, places.name_y, fitted(name, places.words - taken))


def _change(row: Bar, places: RowPlaces, scales: Scales, tip: str) -> Iterator[Shape]:
    top = places.bar_y - BAR_HEIGHT / 2
    zero = places.change + places.change_width * _share(0, scales)
    if row.change:
        end = places.change + places.change_width * _share(row.change, scales)
        left, right = sorted((zero, end))
        if right - left < LEAST:
            left, right = (zero - LEAST, zero) if row.change < 0 else (zero, zero + LEAST)
        yield Block(left, top, right - left, BAR_HEIGHT, row.style, tip)
    yield Line(zero - 0.5, top - MARK_BEYOND, 1, BAR_HEIGHT + 2 * MARK_BEYOND, WEAK)


def _share(change: float, scales: Scales) -> float:
    """The position on the scale of differences, as a share of its width."""
    return (change - scales.least) / ((scales.most - scales.least) or 1)
