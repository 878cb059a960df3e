"""Horizontal bars with names on the left and numbers on the right, as Vega-Lite without colours."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, NamedTuple

import altair as alt

from recon.charts.theme import (
    DATA,
    MARGIN,
    STRONG,
    SUBTITLE_HEIGHT,
    TEXT_SIZE,
    TITLE_HEIGHT,
    TITLE_SIZE,
    WEAK,
    WIDTH,
)
from recon.report.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ROW_HEIGHT = 28
BAR_HEIGHT = 15
MARK_HEIGHT = 23
NAME_WIDTH = 150
GAP = 10
KEPT_CHARACTERS = 40
WIDE = "_%=+\u2212…"


class Bar(NamedTuple):
    """One row of a bar chart.

    Attributes:
        name: Text from data, of any length.
        length: The length of the bar.
        words: The text beside it.
        mark: The value at which a line crosses it; None: there is no line.
        remark: The text at the end of its row, e.g. a difference.
        stressed: Whether the remark is highlighted.
        style: The style of the bar.
        tooltip: The tooltip, label → value.
    """

    name: str
    length: float
    words: str
    mark: float | None = None
    remark: str = ""
    stressed: bool = False
    style: str = DATA
    tooltip: Mapping[str, str | int | float] = {}


class Drawing(NamedTuple):
    """A chart as Vega-Lite without colours, and its height in pixels."""

    chart: dict[str, Any]
    height: int


def bars(rows: Sequence[Bar], title: str, subtitle: str, longest: float | None = None) -> Drawing:
    """Draw the rows in the given order.

    Args:
        rows: At least one.
        title: The title of the chart.
        subtitle: What the bars show.
        longest: Where the scale ends; None: at the longest bar or mark.
    """
    left = min(NAME_WIDTH, _width(row.name for row in rows)) + GAP
    words = _width(row.words for row in rows) + GAP
    remarks = _width((row.remark for row in rows), bold=True) + (GAP if any(row.remark for row in rows) else 0)
    inner = WIDTH - 2 * MARGIN - left - words - remarks
    top = longest or max(max(row.length, row.mark or 0) for row in rows) or 1
    layers = [
        *_bars(rows, alt.X("length:Q", axis=None, scale=alt.Scale(domain=[0, top], nice=False))),
        _text(rows, "name", STRONG, x=-GAP, align="right", limit=NAME_WIDTH),
        _text(rows, "words", STRONG, x=inner + words, align="right"),
        *_remarks(rows, inner + words + remarks),
        *_marks(rows),
    ]
    return framed(layers, title, subtitle, Size(left, inner, len(rows) * ROW_HEIGHT))


class Size(NamedTuple):
    """The size of the data area of a chart, and of the room to its left, in pixels."""

    left: int
    inner: int
    height: int


def framed(layers: Sequence[alt.Chart], title: str, subtitle: str, size: Size) -> Drawing:
    """Layer the charts and add the title."""
    left, inner, height = size
    top = TITLE_HEIGHT + (SUBTITLE_HEIGHT if subtitle else 0)
    right = WIDTH - MARGIN - left - inner - MARGIN
    heading = alt.TitleParams(
        cut(title, 70),
        subtitle=[cut(subtitle, 90)] if subtitle else [],
        anchor="start",
        frame="group",
        fontSize=TITLE_SIZE,
        subtitleFontSize=TEXT_SIZE - 1,
        subtitlePadding=5,
        dx=-left,
        offset=12,
    )
    sized = alt.LayerChart(layer=list(layers)).properties(
        width=inner,
        height=height,
        title=heading,
        autosize=alt.AutoSizeParams(type="none"),
        padding={"left": left + MARGIN, "right": right + MARGIN, "top": top + MARGIN, "bottom": MARGIN},
    )
    document: dict[str, Any] = sized.to_dict()
    # This is Altair's default theme; colours are set where the chart is shown.
    document.pop("config", None)
    return Drawing(document, height + top + 2 * MARGIN)


def cut(text: str, characters: int = KEPT_CHARACTERS) -> str:
    """Shorten text from data to one line of a chart, with … where it is cut off."""
    shown = printable(text[: characters + 1]).strip() or "(empty)"
    return shown if len(shown) <= characters else f"{shown[: characters - 1]}…"


def _bars(rows: Sequence[Bar], x: alt.X) -> Iterable[alt.Chart]:
    """A layer for each style, so that a style is a name and not a colour scale."""
    for style in dict.fromkeys(row.style for row in rows):
        values = [
            {"place": place, "length": row.length, **{_safe(k): v for k, v in row.tooltip.items()}}
            for place, row in enumerate(rows)
            if row.style == style
        ]
        tooltip = [alt.Tooltip(field=_safe(key), type="nominal", title=key) for key in rows[0].tooltip]
        shape = alt.Chart(alt.InlineData(values=values)).mark_bar(style=style, height=BAR_HEIGHT, cornerRadiusEnd=2)
        yield shape.encode(x=x, y=_rows(rows), tooltip=tooltip)


def _marks(rows: Sequence[Bar]) -> Iterable[alt.Chart]:
    values = [{"place": place, "mark": row.mark} for place, row in enumerate(rows) if row.mark is not None]
    if values:
        shape = alt.Chart(alt.InlineData(values=values)).mark_tick(
            style=STRONG, orient="vertical", thickness=3, size=MARK_HEIGHT, opacity=1
        )
        yield shape.encode(x=alt.X("mark:Q", axis=None), y=_rows(rows))


def _remarks(rows: Sequence[Bar], x: float) -> Iterable[alt.Chart]:
    quiet = [row if not row.stressed else row._replace(remark="") for row in rows]
    loud = [row if row.stressed else row._replace(remark="") for row in rows]
    yield _text(quiet, "remark", WEAK, x, align="right")
    yield _text(loud, "remark", STRONG, x, align="right", fontWeight="bold")


def _text(rows: Sequence[Bar], field: str, style: str, x: float, **look: Any) -> alt.Chart:
    shown = [(place, _shown(row, field)) for place, row in enumerate(rows)]
    values = [{"place": place, "text": text} for place, text in shown if text]
    shape = alt.Chart(alt.InlineData(values=values)).mark_text(style=style, **look)
    encoded: alt.Chart = shape.encode(x=alt.value(x), y=_rows(rows), text=alt.Text("text:N"))
    return encoded


def _shown(row: Bar, field: str) -> str:
    text: str = getattr(row, field)
    return cut(text) if field == "name" else text


def _rows(rows: Sequence[Bar]) -> alt.Y:
    return alt.Y("place:O", axis=None, scale=alt.Scale(domain=list(range(len(rows)))))


def _safe(key: str) -> str:
    return f"tooltip {key}"


def _width(texts: Iterable[str], *, bold: bool = False) -> int:
    """Pixels that the longest text needs, slightly overestimated."""
    widths = (sum(map(_character_width, cut(text))) if text else 0 for text in texts)
    return round(max(widths) * TEXT_SIZE * (1.07 if bold else 1))


def _character_width(character: str) -> float:
    if unicodedata.east_asian_width(character) in "WF":
        return 1.05
    return 0.76 if character.isupper() or character in WIDE else 0.3 if character in ",. ()" else 0.58
