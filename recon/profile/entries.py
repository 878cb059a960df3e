"""Converts one entry of a profile file to its expected type, and reports where and how it is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, TypeVar

import msgspec

from recon.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

T = TypeVar("T")

UNKNOWN_FIELD = re.compile(r"unknown field `(.*)`")


@dataclass(frozen=True)
class EntryReader:
    """Converts entries of the file at `path`."""

    path: Path

    def convert(self, value: object, wanted: type[T], place: str) -> T:
        """Convert `value` to the type `wanted`.

        Raises:
            ProfileError: A key is missing, unknown, or of the wrong type.
        """
        try:
            return msgspec.convert(value, wanted)
        except msgspec.ValidationError as error:
            reason, _, inner = str(error).partition(" - at `$")
            unknown = UNKNOWN_FIELD.search(reason)
            if unknown:
                fields = [field.name for field in msgspec.structs.fields(wanted)]  # type: ignore[arg-type]
                self.expect_known(place, [unknown[1]], fields)
            raise self.wrong(f"{place}{inner.rstrip('`')}", found=reason) from error

    def expect_known(self, place: str, names: Iterable[str], known: Iterable[str]) -> None:
        """Refuse an unknown name, and suggest the most similar known one.

        Raises:
            ProfileError: One of `names` is not in `known`.
        """
        choices = list(known)
        for name in names:
            if name not in choices:
                close = get_close_matches(name, choices, 1, 0.5)
                expected = f"one of {', '.join(choices)}" if choices else "none, since no column is mapped"
                raise self.wrong(place, expected, repr(name), f"Did you mean {close[0]!r}?" if close else None)

    def wrong(
        self, place: str, expected: str | None = None, found: str | None = None, hint: str | None = None
    ) -> ProfileError:
        """Return the error with the file and the place in it."""
        next_step = hint or "docs/profiles.md describes every key"
        where = f"{self.path}, {place}"
        return ProfileError("The profile is wrong", where=where, expected=expected, found=found, next_step=next_step)
