"""The common look of all charts: sizes in pixels, and a style for each meaning, whose colours are the palette's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recon.report.palette import ACCENT, INK, OUTCOMES, PAPER, QUIET

if TYPE_CHECKING:
    from recon.report.palette import Colour

WIDTH = 540
MARGIN = 6
TEXT_SIZE = 13
TITLE_SIZE = 15
TITLE_HEIGHT = 30
SUBTITLE_HEIGHT = 19
# Fonts of equal widths, so that text measured here fits wherever it is shown.
FONT = "Arial, Helvetica, 'Liberation Sans', sans-serif"
TRACK = {"light": "#e6eaee", "dark": "#2b3138"}
DATA, STRONG, WEAK, BACK = "data", "strong", "weak", "back"


def config(*, dark: bool = False) -> dict[str, Any]:
    """The configuration that gives a chart its colours; charts themselves name styles, never colours."""

    def shade(colour: Colour) -> str:
        return colour.dark if dark else colour.light

    named = {DATA: ACCENT, STRONG: INK, WEAK: QUIET} | {str(outcome): colour for outcome, colour in OUTCOMES.items()}
    styles = {name: {"color": shade(colour), "fill": shade(colour)} for name, colour in named.items()}
    track = TRACK["dark" if dark else "light"]
    return {
        "background": shade(PAPER),
        "font": FONT,
        "text": {"fontSize": TEXT_SIZE, "baseline": "middle"},
        "style": styles | {BACK: {"color": track, "fill": track, "stroke": track}},
        "title": {"color": shade(INK), "subtitleColor": shade(QUIET)},
        "view": {"stroke": None},
    }
