"""A chart that is ready to be shown or written: rendered without a network, in light and dark."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import altair as alt
import vl_convert

from recon.charts.theme import WIDTH, config

if TYPE_CHECKING:
    from collections.abc import Mapping

MIME = "application/vnd.vegalite.v6+json"
VERSION = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
PNG_SCALE = 2
HTML = (
    '<figure class="chart"><picture><source media="screen and (prefers-color-scheme: dark)" srcset="{dark}">'
    '<img src="{light}" alt="{alt}" width="{width}" height="{height}"></picture></figure>'
)


@dataclass(frozen=True)
class Figure:
    """One chart.

    A notebook shows it as a static picture; where Vega-Lite is supported, as in JupyterLab, it is interactive.

    Attributes:
        name: As used in file names, e.g. "tier-distribution".
        title: What it shows.
        alt: Its numbers in words, one sentence or more.
        height: In pixels; every chart is `WIDTH` wide.
        chart: As Vega-Lite, without colours.
    """

    name: str
    title: str
    alt: str
    height: int
    chart: Mapping[str, Any]

    def spec(self, *, dark: bool = False) -> dict[str, Any]:
        """The complete chart as Vega-Lite."""
        return {**self.chart, "config": config(dark=dark)}

    def svg(self, *, dark: bool = False) -> str:
        """The chart as SVG, with text as text."""
        drawn: str = vl_convert.vegalite_to_svg(self.spec(dark=dark), vl_version=VERSION)
        return drawn

    def png(self) -> bytes:
        """The chart as PNG, in light, at twice the size."""
        drawn: bytes = vl_convert.vegalite_to_png(self.spec(), vl_version=VERSION, scale=PNG_SCALE)
        return drawn

    def html(self) -> str:
        """The chart as a picture embedded in a page, light or dark to match the reader's screen."""
        return HTML.format(
            light=_address(self.svg()),
            dark=_address(self.svg(dark=True)),
            alt=escape(self.alt),
            width=WIDTH,
            height=self.height,
        )

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {"text/plain": self.alt, "text/html": self.html(), MIME: self.spec()}


def _address(svg: str) -> str:
    return f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"
