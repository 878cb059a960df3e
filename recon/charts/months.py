"""Columns over time; readable even with hundreds of months."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.charts.measure import widest
from recon.charts.shapes import Block, Drawing, Line, Shape, Words
from recon.charts.theme import BACK, DATA, GAP, NARROW, TEXT_SIZE, WEAK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recon.model import Tally

HEIGHT, NARROW_HEIGHT = 210, 170
# So high are a few columns, which show nothing but their numbers.
FEW, HEIGHT_OF_FEW = 3, 100
AXIS_HEIGHT = 26
# Above the plot, for half of the highest label or the number on the highest column.
ROOM_ABOVE = 18
# The greatest numbers of columns that still have gaps between them.
WITH_GAPS = 130
# The room that a label needs: a month, or a year.
MONTH_ROOM, YEAR_ROOM = 78, 52
# So wide is a column at most, lest a few look like a wall.
COLUMN_AT_MOST = 64
YEAR_STEPS = (1, 2, 5, 10, 20, 50)


def columns(months: Sequence[Tally], room: float) -> Drawing:
    """Draw a column for each month, in the given order; at least one."""
    height = HEIGHT_OF_FEW if len(months) <= FEW else NARROW_HEIGHT if room <= NARROW else HEIGHT
    top = max(month.count for month in months) or 1
    numbers = [f"{month.count:,}" for month in months]
    have_numbers = (widest(numbers) + GAP / 2) * len(months) <= room
    steps = [] if have_numbers else _steps(top)
    left = widest(f"{step:,}" for step in steps) + GAP if steps else 0
    step = min((room - left) / len(months), COLUMN_AT_MOST if have_numbers else room)
    scale = (height - ROOM_ABOVE) / max(top, *steps, 1)
    base = float(height)
    shapes: list[Shape] = list(_grid(steps, (left, room), (base, scale)))
    breadth = step * (0.84 if len(months) <= WITH_GAPS else 1)
    for place, (month, number) in enumerate(zip(months, numbers, strict=True)):
        middle, tall = left + (place + 0.5) * step, month.count * scale
        if month.count:
            tip = f"{month.label}: {number}"
            shapes.append(Block(middle - breadth / 2, base - tall, breadth, tall, DATA, tip))
        if have_numbers:
            shapes.append(Words(middle, base - tall - 9, number, anchor="middle"))
    shapes += _labels(months, step, left, (room, base))
    return Drawing(room, base + AXIS_HEIGHT, tuple(shapes))


def _grid(steps: Sequence[int], edges: tuple[float, float], at: tuple[float, float]) -> Iterator[Shape]:
    (left, right), (base, scale) = edges, at
    for step in steps or (0,):
        y = base - step * scale
        yield Line(left, y - 0.5, right - left, 1, BACK)
        if steps:
            yield Words(left - GAP / 2, y, f"{step:,}", anchor="end", style=WEAK)


def _labels(months: Sequence[Tally], step: float, left: float, ends: tuple[float, float]) -> Iterator[Shape]:
    right, base = ends
    for place, text in _named(months, step, right - left):
        half = widest([text]) / 2
        middle = left + (place + 0.5) * step
        x, anchor = (max(middle, half), "middle") if middle + half <= right else (right, "end")
        yield Words(x, base + 6 + TEXT_SIZE / 2, text, anchor=anchor)


def _named(months: Sequence[Tally], step: float, room: float) -> Iterator[tuple[int, str]]:
    """Which columns are labelled below: all if there is room, else the Januaries of some years, as the year."""
    if step >= MONTH_ROOM or len(months) == 1:
        yield from ((place, month.label) for place, month in enumerate(months))
        return
    januaries = [(place, month.label[:4]) for place, month in enumerate(months) if month.label.endswith("-01")]
    if len(months) <= 36 or not januaries:
        every = -(-len(months) // max(int(room // MONTH_ROOM), 1))
        if every * step < MONTH_ROOM:
            every = -(-int(MONTH_ROOM) // max(int(step), 1))
        yield from ((place, months[place].label) for place in range((every - 1) // 2, len(months), every))
        return
    at_most = max(int(room // YEAR_ROOM), 1)
    years = next(size for size in (*YEAR_STEPS, 1000) if len(januaries) / size <= at_most)
    yield from ((place, year) for place, year in januaries if int(year) % years == 0)


def _steps(top: int) -> list[int]:
    """Round numbers from 0 to beyond `top`, about four of them."""
    unit = 10 ** max(len(str(top)) - 2, 0)
    step = next(unit * size for size in (1, 2, 5, 10, 20, 25, 50, 100) if unit * size * 4 >= top)
    return list(range(0, top + step, step))
