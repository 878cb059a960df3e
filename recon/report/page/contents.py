"""The contents of a page, read from its headings, so that no page lists what it does not have."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import NamedTuple

from recon.report.text import cut

MOST_CHECKS = 40
LONGEST = 80
HEADING, ENTRY = "h2", "article"


class ContentsEntry(NamedTuple):
    """A heading, or a check below one.

    Attributes:
        id: The element's id, which links lead to.
        outcome: Of a check; empty: it is a heading.
    """

    id: str
    text: str
    outcome: str = ""


def contents(body: str) -> list[ContentsEntry]:
    """The headings of a page with their ids, each followed by the checks that did not pass, the first of them."""
    reader = _Reader()
    reader.feed(body)
    return [entry for number, entry in _numbered(reader.found) if number <= MOST_CHECKS]


def _numbered(found: list[ContentsEntry]) -> list[tuple[int, ContentsEntry]]:
    """Each entry with its number among the checks; 0: it is a heading."""
    numbered, number = [], 0
    for entry in found:
        number += bool(entry.outcome)
        numbered.append((number if entry.outcome else 0, entry))
    return numbered


class _Reader(HTMLParser):
    """Collects h2 elements with an id, and articles with an id and an outcome, whose name is their first h3's bdi."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[ContentsEntry] = []
        self._open: tuple[str, str, str] | None = None
        self._words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == HEADING and given.get("id"):
            self._open, self._words = (HEADING, given["id"], ""), []
        elif tag == ENTRY and given.get("id") and given.get("data-outcome"):
            self._open, self._words = ("h3", given["id"], given["data-outcome"]), []
        elif self._open and self._open[0] == "h3" and tag == "bdi":
            self._words = []

    def handle_data(self, data: str) -> None:
        if self._open:
            self._words.append(data)

    def handle_endtag(self, tag: str) -> None:
        if self._open is None or tag != self._open[0]:
            return
        _, name, outcome = self._open
        self.found.append(ContentsEntry(name, cut(" ".join("".join(self._words).split()), LONGEST), outcome))
        self._open = None
