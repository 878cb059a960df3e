"""What a chart is made of: rectangles, lines and texts at positions in pixels, without colours."""

from __future__ import annotations

from typing import NamedTuple

from recon.charts.measure import wrapped
from recon.charts.theme import MARGIN, STRONG, TEXT_LINE, TEXT_SIZE, TITLE_LINE, TITLE_SIZE, WEAK

ROOM_BELOW_TITLE = 14


class Block(NamedTuple):
    """A rectangle; `tip` is what a reader of an interactive chart is shown beside it."""

    left: float
    top: float
    width: float
    height: float
    style: str
    tip: str = ""


class Line(NamedTuple):
    """A thin line; it is straight up or straight across."""

    left: float
    top: float
    width: float
    height: float
    style: str


class Words(NamedTuple):
    """A text; `x` is its left edge, its middle or its right edge, as `anchor` says ("start", "middle", "end").

    Attributes:
        y: The middle of its height.
    """

    x: float
    y: float
    text: str
    anchor: str = "start"
    style: str = STRONG
    bold: bool = False
    size: int = TEXT_SIZE


Shape = Block | Line | Words


class Drawing(NamedTuple):
    """Shapes in their order, and the size of all of them together, in pixels."""

    width: float
    height: float
    shapes: tuple[Shape, ...]


def titled(drawing: Drawing, title: str, subtitle: str) -> Drawing:
    """The drawing below its title, with margins, as it stands alone."""
    head: list[Shape] = []
    y = MARGIN
    for line in wrapped(title, drawing.width, TITLE_SIZE, bold=True):
        head.append(Words(MARGIN, y + TITLE_LINE / 2, line, bold=True, size=TITLE_SIZE))
        y += TITLE_LINE
    for line in wrapped(subtitle, drawing.width, TEXT_SIZE):
        head.append(Words(MARGIN, y + TEXT_LINE / 2, line, style=WEAK))
        y += TEXT_LINE
    y += ROOM_BELOW_TITLE
    body = [moved(shape, MARGIN, y) for shape in drawing.shapes]
    return Drawing(drawing.width + 2 * MARGIN, y + drawing.height + MARGIN, (*head, *body))


def moved(shape: Shape, right: float, down: float) -> Shape:
    """The shape at another place."""
    if isinstance(shape, Words):
        return shape._replace(x=shape.x + right, y=shape.y + down)
    return shape._replace(left=shape.left + right, top=shape.top + down)
