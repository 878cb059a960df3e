"""The headers of Wild Apricot exports, and the beginning of a file read by each separator that it may have."""

from __future__ import annotations

import csv
import re
from io import StringIO
from itertools import islice
from typing import TYPE_CHECKING

from recon.bundle.encoding import decode_start
from recon.errors import BundleError
from recon.model import SINGULAR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from recon.bundle.formats import ImportConfig
    from recon.bundle.model import Export

HEADER_BYTES = 64 * 2**10
SEPARATORS = (",", ";", "\t", "|")
COMPARED_ROWS = 5
SEPARATOR_LINE = re.compile(r"\s*\"?sep=(?P<separator>[,;\t|])\"?\s*?(?:\r\n|\r|\n)\s*", re.IGNORECASE)
# Keyed as records are; migration-config.json may name other headers.
HEADERS = {
    "members": {
        "waId": "Contact ID",
        "firstName": "First name",
        "lastName": "Last name",
        "email": "Email",
        "phone": "Phone",
        "joinedAt": "Member since",
        "waMembershipLevel": "Membership level",
    },
    "events": {
        "waId": "Event ID",
        "title": "Event name",
        "description": "Description",
        "category": "Tags",
        "location": "Location",
        "startTime": "Start date",
        "endTime": "End date",
        "capacity": "Registration limit",
    },
    "registrations": {
        "waId": "Registration ID",
        "memberId": "Contact ID",
        "eventId": "Event ID",
        "status": "Registration status",
        "registeredAt": "Registration date",
        "cancelledAt": "Cancellation date",
    },
}
# The most specific first: an export of registrations may repeat columns of the member and the event.
TELLING = {
    "registrations": ("waId", "memberId", "eventId"),
    "events": ("waId", "title", "startTime"),
    "members": ("waId", "firstName", "lastName", "email"),
}
# Those of Wild Apricot that no key is read from say what a file is, too.
KNOWN = {
    name.casefold(): name
    for names in (*(headers.values() for headers in HEADERS.values()), ("User ID", "Member ID"))
    for name in names
}


def readings(file: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Yield separator, text before the header, and the header's cells, for each separator that the file may have."""
    text = _beginning(file)
    skipped = re.match(r"\s*", text)
    before = skipped[0] if skipped else ""
    stated = SEPARATOR_LINE.match(text)
    if stated:
        before = stated[0]
    for separator in [stated["separator"]] if stated else SEPARATORS:
        try:
            yield (
                separator,
                before,
                next(csv.reader(StringIO(text[len(before) :], newline=""), delimiter=separator), []),
            )
        except csv.Error:
            continue


def read_header(file: Path) -> list[str]:
    """Return the cells of the header, in whatever encoding: a file that is not Unicode is refused when it is loaded.

    Raises:
        BundleError: The file cannot be read.
    """
    return next((cells for _, _, cells in readings(file)), [])


def known_headers(cells: Iterable[str]) -> list[str]:
    """Return which of the cells are headers of Wild Apricot, as it writes them; other cells may be personal data."""
    return list(dict.fromkeys(KNOWN[plain(cell)] for cell in cells if plain(cell) in KNOWN))


def cells_of(header: list[str], named: dict[str, list[str]]) -> dict[str, int]:
    """Return the position of each key's column: as it is written, or else without blanks, `_` and `-`."""
    joined = [_joined(cell) for cell in header]
    found = {}
    for key, names in named.items():
        exact = next((header.index(name) for name in names if name in header), None)
        loose = next((joined.index(_joined(name)) for name in names if _joined(name) in joined), None)
        at = loose if exact is None else exact
        if at is not None:
            found[key] = at
    return found


def _joined(header: str) -> str:
    return re.sub(r"[\s_-]+", "", header)


def headers_of(entity: str, config: ImportConfig) -> dict[str, list[str]]:
    """Return the headers that a key may have: the one that the configuration names, then the usual one."""
    own = getattr(config, f"{SINGULAR[entity]}_fields")
    usual = HEADERS[entity]
    return {
        key: [plain(name) for name in (own.get(key), usual[key]) if isinstance(name, str) and name.strip()]
        for key in usual
    }


def plain(header: str) -> str:
    """Return the header as it is compared: in lower case and without blanks around it."""
    return header.strip().casefold()


def is_table(file: Path) -> bool:
    """Return whether the text has a header, whatever its names are, and rows of as many cells."""
    return any(_are_alike(file, *reading) for reading in readings(file))


def _are_alike(file: Path, separator: str, before: str, header: list[str]) -> bool:
    names = {cell.strip() for cell in header}
    # After a comma in a sentence there is a blank.
    if len(header) < 2 or len(names) < len(header) or "" in names or any(cell[0].isspace() for cell in header):
        return False
    rows = csv.reader(StringIO(_beginning(file)[len(before) :], newline=""), delimiter=separator)
    try:
        return {len(row) for row in islice(rows, COMPARED_ROWS) if row} == {len(header)}
    except csv.Error:
        return False


def is_header_alone(export: Export) -> bool:
    """Return whether no row follows the header of the export."""
    text = _beginning(export.file)[len(export.skipped) :]
    try:
        rows = [row for row in csv.reader(StringIO(text, newline=""), delimiter=export.separator) if row]
    except csv.Error:
        return False
    return len(rows) <= 1


def _beginning(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            start = opened.read(HEADER_BYTES)
    except OSError as error:
        raise BundleError(
            f"{file.name} cannot be read",
            where=str(file),
            expected="an export (CSV)",
            found=error.strerror,
            next_step="Check that you may read it: permissions",
        ) from error
    return decode_start(start)
