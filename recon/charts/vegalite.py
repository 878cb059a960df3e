"""Drawings as Vega-Lite by Altair, which notebooks show interactively: a bar that is pointed at says its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import altair as alt

from recon.charts.shapes import Block, Words
from recon.charts.theme import config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.charts.shapes import Drawing, Shape

MIME = "application/vnd.vegalite.v6+json"
ALIGN: dict[str, Literal["left", "center", "right"]] = {"start": "left", "middle": "center", "end": "right"}


def specification(drawing: Drawing, alt_text: str) -> dict[str, Any]:
    """The complete chart as Vega-Lite, in light."""
    across = alt.Scale(domain=[0, drawing.width], nice=False, zero=False)
    down = alt.Scale(domain=[0, drawing.height], nice=False, zero=False, reverse=True)
    chart = alt.LayerChart(layer=list(_layers(drawing, across, down))).properties(
        width=drawing.width,
        height=drawing.height,
        padding=0,
        autosize=alt.AutoSizeParams(type="none"),
        description=alt_text,
    )
    return {**chart.to_dict(), "config": config()}


def _layers(drawing: Drawing, across: alt.Scale, down: alt.Scale) -> Iterator[alt.Chart]:
    """A layer for each look, so that a style is a name and not a colour scale."""
    by_look: dict[tuple[Any, ...], list[Shape]] = {}
    for shape in drawing.shapes:
        by_look.setdefault(_look(shape), []).append(shape)
    x = alt.X(field="x", type="quantitative", axis=None, scale=across)
    y = alt.Y(field="y", type="quantitative", axis=None, scale=down)
    text, ends = alt.Text(field="text", type="nominal"), {"x2": alt.X2(field="x2"), "y2": alt.Y2(field="y2")}
    tip = alt.Tooltip(field="text", type="nominal")
    for shapes in by_look.values():
        first = shapes[0]
        data = alt.InlineData(values=[_values(shape) for shape in shapes])
        if isinstance(first, Words):
            weight: Literal["bold", "normal"] = "bold" if first.bold else "normal"
            align = ALIGN[first.anchor]
            mark = alt.Chart(data).mark_text(style=first.style, align=align, fontWeight=weight, fontSize=first.size)
            yield mark.encode(x=x, y=y, text=text)
        else:
            shown = {"tooltip": tip} if isinstance(first, Block) and first.tip else {}
            yield alt.Chart(data).mark_rect(style=first.style).encode(x=x, y=y, **ends, **shown)


def _look(shape: Shape) -> tuple[Any, ...]:
    if isinstance(shape, Words):
        return (Words, shape.style, shape.anchor, shape.bold, shape.size)
    return (type(shape), shape.style, isinstance(shape, Block) and bool(shape.tip))


def _values(shape: Shape) -> dict[str, Any]:
    if isinstance(shape, Words):
        return {"x": round(shape.x, 1), "y": round(shape.y, 1), "text": shape.text}
    place = {"x": shape.left, "x2": shape.left + shape.width, "y": shape.top, "y2": shape.top + shape.height}
    rounded: dict[str, Any] = {name: round(number, 1) for name, number in place.items()}
    return rounded | ({"text": shape.tip} if isinstance(shape, Block) and shape.tip else {})
