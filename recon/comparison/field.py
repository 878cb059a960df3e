"""A field of a record: its type, and the rule by which two of its values are equal."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING

from msgspec import Struct

from recon.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

NUMBERS = ("integer", "decimal", "float")
MOMENTS = ("timestamp", "date")
TYPES = ("key", "text", *NUMBERS, "boolean", *MOMENTS)
EMPTY_AS_NULL = "empty_as_null"
TEXT_NORMALISERS = ("trim", "collapse_spaces", "casefold", "nfc", "phone_digits")
NORMALISERS = (*TEXT_NORMALISERS, EMPTY_AS_NULL)
# Wild Apricot's notation → strptime's directives.
DIRECTIVES = {
    "YYYY": "%Y",
    "YY": "%y",
    "MMM": "%b",
    "MM": "%m",
    "M": "%m",
    "DD": "%d",
    "D": "%d",
    "HH": "%H",
    "H": "%H",
    "hh": "%I",
    "h": "%I",
    "mm": "%M",
    "ss": "%S",
    "A": "%p",
    "tt": "%p",
}
WORDS = re.compile(r"[A-Za-z]+")


class Field(Struct, frozen=True):
    """A field of both sides, and the rule by which two of its values are equal.

    Attributes:
        type: One of `TYPES`. A key that reads as a UUID is treated as one, however it is spelled.
        normalise: Names of `NORMALISERS`, applied to both sides in this order. `empty_as_null` is allowed for every
            type: a text without any characters counts as null. The others are for text only.
        abs_tol: Greatest difference that counts as equal: a number, or a timedelta for dates and timestamps.
        rel_tol: The same, as a share of the greater absolute value; numbers only.
        format: How a date or timestamp is written in text, e.g. `MM/DD/YYYY HH:mm`; None: ISO 8601 with or without a
            zone (none: UTC), or milliseconds since 1970, both of which are accepted beside a format too.

    Raises:
        UsageError: The rule is not valid for the type.
    """

    name: str
    type: str
    normalise: tuple[str, ...] = ()
    abs_tol: float | Decimal | timedelta | None = None
    rel_tol: float | None = None
    format: str | None = None

    def __post_init__(self) -> None:
        self._require_known()
        self._require_tolerances()
        if self.format is not None and self.type not in MOMENTS:
            raise self._refusal("Only dates and timestamps have a format", MOMENTS, self.type)
        _ = self.strptime

    @property
    def strptime(self) -> str | None:
        """The format in strptime's notation.

        Raises:
            UsageError: The format contains a word that is not one of `DIRECTIVES`.
        """
        return None if self.format is None else WORDS.sub(self._directive, self.format.replace("%", "%%"))

    def _directive(self, word: re.Match[str]) -> str:
        if word[0] not in DIRECTIVES:
            raise self._refusal(f"The format {self.format!r} cannot be read", DIRECTIVES, word[0])
        return DIRECTIVES[word[0]]

    def _require_known(self) -> None:
        if self.type not in TYPES:
            raise self._refusal("A field has no such type", TYPES, self.type)
        allowed = NORMALISERS if self.type == "text" else (EMPTY_AS_NULL,)
        for name in self.normalise:
            if name not in allowed:
                raise self._refusal(f"A field of type {self.type} has no such normaliser", allowed, name)

    def _require_tolerances(self) -> None:
        allowed = (float, int, Decimal) if self.type in NUMBERS else (timedelta,) if self.type in MOMENTS else ()
        if self.abs_tol is not None and not isinstance(self.abs_tol, allowed):
            names = [kind.__name__ for kind in allowed] or ["no tolerance"]
            raise self._refusal("abs_tol does not fit the type", names, type(self.abs_tol).__name__)
        if self.rel_tol is not None and self.type not in NUMBERS:
            raise self._refusal("rel_tol is for numbers", NUMBERS, self.type)
        zero = timedelta() if isinstance(self.abs_tol, timedelta) else 0
        for name, tolerance, least in (("abs_tol", self.abs_tol, zero), ("rel_tol", self.rel_tol, 0)):
            is_endless = isinstance(tolerance, float | Decimal) and not isfinite(tolerance)
            if tolerance is not None and (is_endless or tolerance < least):  # type: ignore[operator]
                raise self._refusal(f"{name} is a distance", ["0 or more"], str(tolerance))

    def _refusal(self, what: str, expected: Iterable[str], found: str) -> UsageError:
        return UsageError(what, where=f"field {self.name}", expected=", ".join(expected), found=found)
