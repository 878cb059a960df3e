"""Translates the importer's date formats (`MM/DD/YYYY HH:mm`) to those of DuckDB (`%m/%d/%Y %H:%M`)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from recon.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path

TOKENS = {
    "YYYY": "%Y",
    "yyyy": "%Y",
    "YY": "%y",
    "yy": "%y",
    "MMMM": "%B",
    "MMM": "%b",
    "MM": "%m",
    "M": "%-m",
    "DD": "%d",
    "dd": "%d",
    "D": "%-d",
    "d": "%-d",
    "HH": "%H",
    "H": "%-H",
    "hh": "%I",
    "h": "%-I",
    "mm": "%M",
    "m": "%-M",
    "ss": "%S",
    "s": "%-S",
    "SSS": "%g",
    "A": "%p",
    "a": "%p",
    "T": "T",
}
PART = re.compile(r"\[(?P<quoted>[^\]]*)\]|(?P<token>([A-Za-z])\3*)|(?P<other>.)", re.DOTALL)


def to_strptime(pattern: str, file: Path, place: str) -> str:
    """Translate the format to the one that DuckDB's strptime takes.

    Raises:
        BundleError: The format contains an unknown token; the error locates it by `file` and `place`.
    """
    return "".join(_translated(part, pattern, file, place) for part in PART.finditer(pattern))


def _translated(part: re.Match[str], pattern: str, file: Path, place: str) -> str:
    token = part["token"]
    if token is None:
        return (part["quoted"] or part["other"] or "").replace("%", "%%")
    if token not in TOKENS:
        raise BundleError(
            f"{file.name} has a date format that is not known",
            where=f"{file}, {place}",
            expected="parts such as YYYY, MM, DD, HH, mm, ss",
            found=f"{token!r} in {pattern!r}",
            next_step="Write the format in these parts, other letters in square brackets",
        )
    return TOKENS[token]


def has_time(pattern: str) -> bool:
    """Return whether the format contains an hour, so that its values are moments and not days."""
    return any((part["token"] or "")[:1] in ("H", "h") for part in PART.finditer(pattern) if part["token"])
