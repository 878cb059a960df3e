"""Reads a list page by page: until one is empty, each record once, at most so many pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE_SIZE = 100
MOST_PAGES = 5
# No id begins like this.
UNIDENTIFIED = "\0"


@dataclass
class Listing:
    """What came of a list.

    Attributes:
        records: In their order, each once.
        repeated: Id of a record that came again → the pages that it came on, from 1.
        short: Page that was not full though more came after it → how many records were on it.
        is_whole: Nothing came after what was read.
        is_stuck: The API sends the same page again instead of the next.
    """

    records: list[dict[str, Any]] = field(default_factory=list)
    repeated: dict[str, list[int]] = field(default_factory=dict)
    short: dict[int, int] = field(default_factory=dict)
    is_whole: bool = False
    is_stuck: bool = False


def read_pages(page_at: Callable[[int], list[dict[str, Any]]], identity: str, most: int = MOST_PAGES) -> Listing:
    """Read a list.

    A page is asked for by the number of records that came, and not by that of the pages: where a page was short because
    the API gives fewer at a time, nothing is passed over. Where it was short because the API left some out, as many
    come a second time; these are not counted as repeated.

    Args:
        page_at: Reads the records after so many.
        identity: The field that distinguishes records; one without it is distinguished by all that it holds.
        most: Number of pages after which reading ends.
    """
    listing, seen = Listing(), dict[str, int]()
    sizes, before = list[int](), list[str]()
    for number in range(1, most + 1):
        page = page_at(sum(sizes))
        keys = [_key(record, identity) for record in page]
        if not page or keys == before:
            listing.is_whole, listing.is_stuck = not page, bool(page)
            break
        overlap = PAGE_SIZE - sizes[-1] if sizes else 0
        for position, (key, record) in enumerate(zip(keys, page, strict=True)):
            if key not in seen:
                seen[key] = number
                listing.records.append(record)
            elif (seen[key] == number or position >= overlap) and not key.startswith(UNIDENTIFIED):
                listing.repeated.setdefault(key, [seen[key]]).append(number)
        sizes.append(len(page))
        before = keys
    listing.short = {number: size for number, size in enumerate(sizes[:-1], 1) if size < PAGE_SIZE}
    return listing


def _key(record: dict[str, Any], identity: str) -> str:
    """What distinguishes the record; without its identity, all that it holds."""
    found = record.get(identity)
    return str(found) if isinstance(found, int | str) else f"{UNIDENTIFIED}{record!r}"
