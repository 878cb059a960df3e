from __future__ import annotations

import pytest

from recon.model import Outcome, Verdict
from recon.report.palette import ACCENT, INK, OUTCOMES, PAPER, QUIET, VERDICTS, Colour


def luminance(colour: str) -> float:
    """Relative luminance as WCAG defines it, from 0 (black) to 1 (white)."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("colour", [INK, QUIET, ACCENT, *OUTCOMES.values()], ids=lambda colour: colour.terminal)
def test_every_colour_stands_out_from_its_paper(colour: Colour) -> None:
    assert contrast(colour.light, PAPER.light) >= 4.5
    assert contrast(colour.dark, PAPER.dark) >= 4.5


def test_every_outcome_and_verdict_has_a_colour_of_its_own() -> None:
    assert OUTCOMES.keys() == set(Outcome)
    assert VERDICTS.keys() == set(Verdict)
    for medium in ("terminal", "light", "dark"):
        assert len({getattr(colour, medium) for colour in OUTCOMES.values()}) == len(Outcome)
        assert len({getattr(colour, medium) for colour in VERDICTS.values()}) == len(Verdict)
