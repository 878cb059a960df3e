"""The common look of all charts: sizes in pixels, and a style for each meaning, whose colours are the palette's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recon.report.palette import ACCENT, FONT, INK, OUTCOMES, PAPER, QUIET, RULE

if TYPE_CHECKING:
    from recon.report.palette import Colour

# The widths of what is drawn without margins. A page shows the wide drawing from 50 rem on, the narrow one below it, so
# that no text is smaller than 11 pixels at any width from 340 pixels on.
WIDE, NARROW = 880, 340
MARGIN = 8
GAP = 12
TEXT_SIZE = 13
TITLE_SIZE = 16
TITLE_LINE, TEXT_LINE = 22, 18
DATA, STRONG, WEAK, BACK = "accent", "ink", "quiet", "line"
STYLES: dict[str, Colour] = {DATA: ACCENT, STRONG: INK, WEAK: QUIET, BACK: RULE} | {
    str(outcome): colour for outcome, colour in OUTCOMES.items()
}
"""Each style, by the name of the style sheet's variable that has its colour."""


def shade(style: str, *, dark: bool = False) -> str:
    """The colour of a style as #rrggbb."""
    return STYLES[style].dark if dark else STYLES[style].light


def config() -> dict[str, Any]:
    """The configuration that gives a chart in Vega-Lite its colours; the chart itself names styles."""
    return {
        "background": PAPER.light,
        "font": FONT,
        "text": {"fontSize": TEXT_SIZE, "baseline": "middle"},
        "style": {name: {"color": shade(name), "fill": shade(name), "stroke": None} for name in STYLES},
        "title": {"color": INK.light, "subtitleColor": QUIET.light},
        "view": {"stroke": None},
    }
