"""A chart that is ready to be shown or written: rendered without a network, in light and dark, wide and narrow."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

from recon.charts import svg
from recon.charts.png import compressed
from recon.charts.shapes import Drawing, titled
from recon.charts.theme import NARROW, WIDE

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE_MIME = "application/vnd.recon.chart+html"
"""By this name a notebook holds the form for `report.html`, which relies on that page's style sheet."""
PNG_SCALE = 2
PICTURE = (
    '<figure class="chart"><picture><source media="screen and (prefers-color-scheme: dark)" srcset="{dark}">'
    '<img src="{light}" alt="{alt}" width="{width}" height="{height}"></picture></figure>'
)
PART = (
    '<figure class="chart"><figcaption><strong>{title}</strong> <span>{subtitle}</span></figcaption>{wide}{narrow}'
    "</figure>"
)


@dataclass(frozen=True)
class Figure:
    """One chart.

    A notebook shows it as a static picture; where Vega-Lite is supported, as in JupyterLab, it is interactive.

    Attributes:
        name: As used in file names, e.g. "tier-distribution".
        title: What it shows, one finding with its numbers.
        subtitle: How to read it.
        numbers: Its numbers in words.
        draw: Draws it without its title, in the width given in pixels.
    """

    name: str
    title: str
    subtitle: str
    numbers: str
    draw: Callable[[float], Drawing]

    @property
    def alt(self) -> str:
        """What it shows, and its numbers, in words."""
        return f"{self.title}: {self.numbers}."

    @cached_property
    def alone(self) -> Drawing:
        """The wide drawing with its title."""
        return titled(self.draw(WIDE), self.title, self.subtitle)

    def spec(self) -> dict[str, Any]:
        """The complete chart as Vega-Lite."""
        # Altair costs half a second that only notebooks need.
        from recon.charts.vegalite import specification  # noqa: PLC0415 - a heavy import

        return specification(self.alone, self.alt)

    def svg(self, *, dark: bool = False) -> str:
        """The chart as SVG, with text as text."""
        return svg.document(self.alone, self.alt, dark=dark)

    def png(self) -> bytes:
        """The chart as PNG, in light, at twice the size."""
        import vl_convert  # noqa: PLC0415 - a heavy import

        drawn: bytes = vl_convert.svg_to_png(self.svg(), scale=PNG_SCALE)
        return compressed(drawn)

    def html(self) -> str:
        """The chart as a picture that any page can show, light or dark to match the reader's screen."""
        return PICTURE.format(
            light=_address(self.svg()),
            dark=_address(self.svg(dark=True)),
            alt=escape(self.alt),
            width=f"{self.alone.width:.0f}",
            height=f"{self.alone.height:.0f}",
        )

    def page_html(self) -> str:
        """The chart as a part of `report.html`, whose font, colours and width it takes; all text is escaped."""
        return PART.format(
            title=escape(self.title),
            subtitle=escape(self.subtitle),
            wide=svg.part(self.draw(WIDE), self.numbers, "wide"),
            narrow=svg.part(self.draw(NARROW), self.numbers, "narrow"),
        )

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from recon.charts.vegalite import MIME  # noqa: PLC0415 - a heavy import

        return {"text/plain": self.alt, "text/html": self.html(), PAGE_MIME: self.page_html(), MIME: self.spec()}


def _address(document: str) -> str:
    return f"data:image/svg+xml;base64,{b64encode(document.encode()).decode()}"
