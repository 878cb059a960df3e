"""How wide a text is, before anything draws it: in the widest font of the page's, so that it fits in all of them."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from recon.charts.theme import TEXT_SIZE
from recon.report.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

KEPT_CHARACTERS = 40
ELLIPSIS = "…"
BOLD = 1.13
# Widths of characters in DejaVu Sans as shares of the size, each rounded up to its group's.
EMS = dict.fromkeys(" ,.:;'|!iIjJl", 0.32) | dict.fromkeys('()[]{}/\\-"frt', 0.42)
EMS |= dict.fromkeys("M+=<>\u2212#~w", 0.87) | dict.fromkeys("m%@W…", 1.0)
CAPITAL, WIDE, OTHER = 0.77, 1.05, 0.64


def width(text: str, size: float = TEXT_SIZE, *, bold: bool = False) -> float:
    """Pixels that the text needs, slightly overestimated."""
    return sum(map(_ems, text)) * size * (BOLD if bold else 1)


def widest(texts: Iterable[str], *, bold: bool = False) -> float:
    """Pixels that the widest of the texts needs; 0 without any."""
    return max((width(text, bold=bold) for text in texts), default=0)


def cut(text: str, characters: int = KEPT_CHARACTERS) -> str:
    """Shorten text from data to one line of a chart, with … where it is cut off."""
    shown = printable(text[: characters + 1]).strip() or "(empty)"
    return shown if len(shown) <= characters else f"{shown[: characters - 1]}{ELLIPSIS}"


def fitted(text: str, room: float, *, bold: bool = False) -> str:
    """The text as far as it fits into the width in pixels, with … where it is cut off."""
    if width(text, bold=bold) <= room:
        return text
    kept = text
    while kept and width(kept + ELLIPSIS, bold=bold) > room:
        kept = kept[:-1]
    return kept.rstrip() + ELLIPSIS


def wrapped(text: str, room: float, size: float, *, bold: bool = False) -> Iterator[str]:
    """The text in lines of that width in pixels, broken between words; a word that is wider is cut off."""
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if line and width(longer, size, bold=bold) > room:
            yield line
            longer = word
        line = longer if width(longer, size, bold=bold) <= room else fitted(longer, room * TEXT_SIZE / size, bold=bold)
    if line:
        yield line


def _ems(character: str) -> float:
    if character in EMS:
        return EMS[character]
    if unicodedata.east_asian_width(character) in "WF":
        return WIDE
    return CAPITAL if character.isupper() else OTHER
