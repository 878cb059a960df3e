"""What a browser may ask of a table; anything else is refused."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from recon.errors import UsageError

LONGEST_TEXT = 1000
Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]
Place = Annotated[int, Meta(ge=0, le=1 << 53)]


class PageRequest(Struct, frozen=True, tag_field="do", tag="page", forbid_unknown_fields=True):
    """Which rows to show, and in which order.

    Attributes:
        offset: How many rows are before the page.
        sort: The place of the column to sort by; None: the rows' own order.
        descending: The largest first; rows without a value come last in either order.
        search: What one of the columns has to contain, in any case; empty: anything.
        filters: The place of a column → what it has to contain; "=text": be equal to; "=": be empty.
    """

    offset: Place = 0
    sort: Place | None = None
    descending: bool = False
    search: Text = ""
    filters: dict[Place, Text] = {}


class ClearRequest(Struct, frozen=True, tag_field="do", tag="clear", forbid_unknown_fields=True):
    """Show all rows again."""


class RestRequest(Struct, frozen=True, tag_field="do", tag="rest", forbid_unknown_fields=True):
    """Read the rows after the first page, which is painted."""


class ChooseRequest(Struct, frozen=True, tag_field="do", tag="choose", forbid_unknown_fields=True):
    """Choose rows by their ids, or no longer."""

    rows: Annotated[list[Place], Meta(max_length=1000)]
    on: bool


class ChooseShownRequest(Struct, frozen=True, tag_field="do", tag="choose_shown", forbid_unknown_fields=True):
    """Choose all rows that search and filters leave, on every page."""

    on: bool


class ChooseNoneRequest(Struct, frozen=True, tag_field="do", tag="choose_none", forbid_unknown_fields=True):
    """Choose no row any more."""


class OpenRequest(Struct, frozen=True, tag_field="do", tag="open", forbid_unknown_fields=True):
    """Open a row by its id."""

    row: Place


class BackRequest(Struct, frozen=True, tag_field="do", tag="back", forbid_unknown_fields=True):
    """Go back to what this was opened from."""


BrowserRequest = (
    PageRequest
    | ClearRequest
    | RestRequest
    | ChooseRequest
    | ChooseShownRequest
    | ChooseNoneRequest
    | OpenRequest
    | BackRequest
)


def request_of(message: Any) -> BrowserRequest:
    """Return what a browser's message asks.

    Raises:
        UsageError: It asks nothing that there is.
    """
    try:
        # The keys of an object are texts in JSON.
        asked: BrowserRequest = msgspec.convert(message, BrowserRequest, str_keys=True)
    except msgspec.ValidationError as error:
        raise UsageError("The table does not understand the browser", found=str(error)[:200]) from error
    return asked
