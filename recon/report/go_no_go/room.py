"""How much of what there is to say fits on a page: lines are estimated, and shared among its sections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# A text has at most this many lines of a section; the style sheet cuts it there.
MOST_LINES = 2
# The lines that a section's heading takes.
HEADING = 2
WIDE = frozenset("mwMW@%—…")


@dataclass(frozen=True)
class Wish:
    """What a section of the page has to say.

    Attributes:
        texts: Its items, each as one text, the most important first.
        width: How many letters of usual width a line of it has.
        least: How many items it gets in any case, if it has so many.
        most: How many items it gets at most.
    """

    texts: Sequence[str]
    width: int
    least: int
    most: int

    def lines(self, number: int) -> int:
        """How many lines its first items take, with one for how many there are besides."""
        taken = sum(lines_of(text, self.width) for text in self.texts[:number])
        return max(HEADING, taken + (number < len(self.texts)))


def lines_of(text: str, width: int) -> int:
    """How many lines a text takes, estimated rather too high than too low."""
    letters = 0.0
    for letter in text[: MOST_LINES * width]:
        letters += 2 if east_asian_width(letter) in "WF" else 1.5 if letter in WIDE or letter.isupper() else 1
    return 1 if letters <= width else MOST_LINES


def shared(room: int, wishes: Mapping[str, Wish]) -> dict[str, int]:
    """How many items each section gets of a page with that many lines; those before come first, one item at a time."""
    given = {name: min(wish.least, len(wish.texts)) for name, wish in wishes.items()}
    growing = list(wishes)
    while growing:
        for name in tuple(growing):
            more = given | {name: given[name] + 1}
            taken = sum(wish.lines(more[each]) for each, wish in wishes.items())
            if taken <= room and more[name] <= min(wishes[name].most, len(wishes[name].texts)):
                given = more
            else:
                growing.remove(name)
    return given
