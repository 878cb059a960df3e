"""The colours of outcomes and verdicts, and the font, the same wherever these are shown."""

from __future__ import annotations

from dataclasses import dataclass

from recon.model import Outcome, Verdict


@dataclass(frozen=True)
class Colour:
    """One colour in each medium; each screen colour contrasts with its paper as WCAG's AA requires (4.5 : 1).

    Attributes:
        terminal: The name by which terminals know it.
        light: As #rrggbb on `PAPER.light`.
        dark: As #rrggbb on `PAPER.dark`.
    """

    terminal: str
    light: str
    dark: str


PAPER = Colour("white", "#ffffff", "#15181c")
INK = Colour("black", "#1c2126", "#e6e9ec")
QUIET = Colour("bright_black", "#57606a", "#a3adb8")
ACCENT = Colour("blue", "#2f5f95", "#8db9ea")
RULE = Colour("white", "#d5dae0", "#363c44")
"""Lines that only separate, which need no contrast."""
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif'
OUTCOMES = {
    Outcome.PASS: Colour("green", "#1a7334", "#57c877"),
    Outcome.WARN: Colour("yellow", "#855600", "#e3b341"),
    Outcome.FAIL: Colour("red", "#b3261e", "#ff8f85"),
    Outcome.ERROR: Colour("magenta", "#7b3a9e", "#d3a4f5"),
}
VERDICTS = {
    Verdict.PASSED: OUTCOMES[Outcome.PASS],
    Verdict.FAILED: OUTCOMES[Outcome.FAIL],
    Verdict.INCOMPLETE: OUTCOMES[Outcome.ERROR],
}
