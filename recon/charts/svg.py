"""Drawings as SVG: a document with its own colours, or a part of a page with the page's font and colours."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from recon.charts.shapes import Shape, Words
from recon.charts.theme import TEXT_SIZE, shade
from recon.report.palette import FONT, PAPER

if TYPE_CHECKING:
    from collections.abc import Callable

    from recon.charts.shapes import Drawing

# Where a text's baseline is below the middle of its height, as a share of its size.
BASELINE = 0.35


def document(drawing: Drawing, alt: str, *, dark: bool = False) -> str:
    """A complete document on the colour of paper, of the drawing's size."""
    width, height = _number(drawing.width), _number(drawing.height)
    paper = PAPER.dark if dark else PAPER.light
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label={quoteattr(alt)} font-family={quoteattr(FONT)} font-size="{TEXT_SIZE}">'
        f'<rect width="{width}" height="{height}" fill="{paper}"/>'
        f"{_shapes(drawing, lambda style: shade(style, dark=dark))}</svg>\n"
    )


def part(drawing: Drawing, alt: str, name: str) -> str:
    """An element of a page, as wide as the page gives it room; `name` is its class."""
    width, height = _number(drawing.width), _number(drawing.height)
    return (
        f'<svg class="{name}" viewBox="0 0 {width} {height}" role="img" aria-label={quoteattr(alt)} '
        f'font-size="{TEXT_SIZE}">{_shapes(drawing, "var(--{})".format)}</svg>'
    )


def _shapes(drawing: Drawing, colour: Callable[[str], str]) -> str:
    return "".join(_shape(shape, colour(shape.style)) for shape in drawing.shapes)


def _shape(shape: Shape, colour: str) -> str:
    if isinstance(shape, Words):
        return _words(shape, colour)
    place = f'x="{_number(shape.left)}" y="{_number(shape.top)}"'
    size = f'width="{_number(shape.width)}" height="{_number(shape.height)}"'
    return f'<rect {place} {size} fill="{colour}"/>'


def _words(words: Words, colour: str) -> str:
    look = f' text-anchor="{words.anchor}"' if words.anchor != "start" else ""
    look += ' font-weight="bold"' if words.bold else ""
    look += f' font-size="{words.size}"' if words.size != TEXT_SIZE else ""
    baseline = words.y + BASELINE * words.size
    return f'<text x="{_number(words.x)}" y="{_number(baseline)}" fill="{colour}"{look}>{escape(words.text)}</text>'


def _number(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
