"""Reads one column of a profile: the file's settings, with those of recon's own column as defaults."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from math import isfinite
from typing import TYPE_CHECKING

from recon.profile.formats import ColumnEntry
from recon.profile.model import NORMALISERS, ON_EVERY_TYPE, PERSONAL, TYPES, Column

if TYPE_CHECKING:
    from recon.profile.entries import EntryReader

UNITS = {"ms": "milliseconds", "s": "seconds", "min": "minutes", "h": "hours", "d": "days"}
DURATION = re.compile(r"(\d{1,6})\s*(ms|s|min|h|d)")


@dataclass(frozen=True)
class ColumnReader:
    """Turns the entries of one table's columns into columns.

    Attributes:
        place: The place of the table in the file.
        is_named: Whether the profile names the application's table, so that each column must name one of its columns.
    """

    reader: EntryReader
    place: str
    is_named: bool

    def column(self, name: str, value: object, known: Column | None) -> Column:
        """Read the column `name`; `known` is recon's own column of that name, None while those themselves are read.

        Raises:
            ProfileError: The entry is wrong.
        """
        place = f"{self.place}.columns.{name}"
        # The short form is just the application's name, or a list of names.
        written = {"column": value} if isinstance(value, str | list) else value
        entry = self.reader.convert(written, ColumnEntry, place)
        own = known or self._declared(place, name, entry)
        self._expect_agreement(place, entry, own)
        return Column(
            name,
            self._candidates(place, entry),
            own.type,
            own.domain,
            entry.personal or own.personal,
            required=bool(entry.required or own.required),
            normalise=self._normalise(place, entry, own),
            abs_tol=self._abs_tol(place, entry, own),
            rel_tol=self._rel_tol(place, entry, own),
        )

    def _declared(self, place: str, name: str, entry: ColumnEntry) -> Column:
        if entry.type not in TYPES:
            raise self.reader.wrong(place, f"type to be one of {', '.join(TYPES)}", repr(entry.type))
        if entry.type == "key" and not entry.domain:
            raise self.reader.wrong(place, "a domain, so that keys are compared with their like")
        return Column(name, (), entry.type, entry.domain)

    def _expect_agreement(self, place: str, entry: ColumnEntry, own: Column) -> None:
        for key, given, wanted in (("type", entry.type, own.type), ("domain", entry.domain, own.domain)):
            if given not in (None, wanted):
                expected = f"{key} to be {wanted} or left out: the rules count on it" if wanted else f"no {key}"
                raise self.reader.wrong(place, expected, repr(given))
        if entry.personal not in (None, *PERSONAL):
            raise self.reader.wrong(place, f"personal to be one of {', '.join(PERSONAL)}", repr(entry.personal))
        if own.required and entry.required is False:
            raise self.reader.wrong(place, "required to be true or left out: no check can do without it", "false")

    def _candidates(self, place: str, entry: ColumnEntry) -> tuple[str, ...]:
        if entry.column is None and not self.is_named:
            return ()
        names = (entry.column,) if isinstance(entry.column, str) else tuple(entry.column or ())
        if not names or not all(names):
            raise self.reader.wrong(place, "column to name at least one column", repr(entry.column))
        return names

    def _normalise(self, place: str, entry: ColumnEntry, own: Column) -> tuple[str, ...]:
        if entry.normalise is None:
            return own.normalise
        self.reader.expect_known(f"{place}.normalise", entry.normalise, NORMALISERS)
        if own.type != "text" and not set(entry.normalise) <= set(ON_EVERY_TYPE):
            expected = f"normalise on a text only, save {', '.join(ON_EVERY_TYPE)}"
            raise self.reader.wrong(place, expected, f"a {own.type}")
        return tuple(entry.normalise)

    def _abs_tol(self, place: str, entry: ColumnEntry, own: Column) -> float | timedelta | None:
        given = entry.abs_tol
        if given is None:
            return None
        if own.type == "timestamp":
            return self._duration(f"{place}.abs_tol", given)
        if own.type != "integer" or isinstance(given, str) or not 0 <= given < float("inf"):
            expected = "0 or more on an integer, a duration on a timestamp"
            raise self.reader.wrong(f"{place}.abs_tol", expected, f"{given!r} on a {own.type}")
        return given

    def _rel_tol(self, place: str, entry: ColumnEntry, own: Column) -> float | None:
        given = entry.rel_tol
        if given is not None and (own.type != "integer" or not isfinite(given) or not 0 <= given <= 1):
            raise self.reader.wrong(f"{place}.rel_tol", "0 to 1, on an integer", f"{given!r} on a {own.type}")
        return given

    def _duration(self, place: str, text: object) -> timedelta:
        parts = DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
        if not parts:
            expected = 'a duration as text, a whole number and ms, s, min, h or d ("1h")'
            raise self.reader.wrong(place, expected, repr(text))
        return timedelta(**{UNITS[parts[2]]: int(parts[1])})
