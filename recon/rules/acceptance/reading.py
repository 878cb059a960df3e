"""Reads a file of accepted differences, and reports where and how it is wrong."""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recon.errors import AcceptanceError, suggest
from recon.regular import read_named
from recon.rules.acceptance.entries import AcceptanceFile, AcceptedEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DEFAULT_FILE = "recon-accept.toml"
TABLE = "accept"
HEADER = re.compile(rf"^[ \t]*\[\[[ \t]*(?:{TABLE}|\"{TABLE}\"|'{TABLE}')[ \t]*\]\][ \t]*(?:#.*)?\r?$")
NEEDED = ("check", "reason", "owner", "expires")
DATE = "a date such as 2027-01-31, without quotes"
KINDS: Mapping[str, tuple[type, str]] = {
    **dict.fromkeys(AcceptedEntry.__struct_fields__, (str, "a text in quotes")),
    "expires": (date, DATE),
    "maximum": (int, "a whole number"),
}
GUIDE = "docs/answers.md describes the file; recon accept writes entries"


def read_acceptance(path: Path | str) -> AcceptanceFile:
    """Read a file of accepted differences: TOML with one `[[accept]]` table per entry.

    Raises:
        AcceptanceError: The file is missing or is no TOML, or an entry lacks a key, has one that there is not, or a
            value that cannot be meant; the message names the entry.
    """
    return entries_of(text_of(path), path)


def text_of(path: Path | str) -> str:
    """Return the text of a file, its ends of lines as they are.

    Raises:
        AcceptanceError: It cannot be read.
    """
    try:
        return read_named(Path(path))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def entries_of(text: str, path: Path | str) -> AcceptanceFile:
    """Read the text of a file, as `read_acceptance` does.

    Raises:
        AcceptanceError: As `read_acceptance`.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, error) from error
    return _FileReader(str(path), text).file(document)


def require_checks(file: AcceptanceFile, known: Iterable[str]) -> None:
    """Require that every entry names a check that there is.

    Raises:
        AcceptanceError: An entry names another.
    """
    ids = list(known)
    for number, entry in enumerate(file.entries, 1):
        if entry.check not in ids:
            raise AcceptanceError(
                "An accepted difference names no check",
                where=f"{file.place(number)}, check",
                expected="the id of a check, as recon checks lists it",
                found=repr(entry.check[:60]),
                next_step=suggest(entry.check, ids) or "See recon checks",
            )


class _FileReader:
    """Turns the document of one file into its entries."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._lines = header_lines(text)

    def file(self, document: Mapping[str, Any]) -> AcceptanceFile:
        """Return the whole file."""
        for name in document:
            if name != TABLE:
                raise self._wrong(self._path, f"[[{TABLE}]] tables only", f"the key {name!r}", suggest(name, [TABLE]))
        listed = document.get(TABLE, [])
        if not isinstance(listed, list):
            raise self._wrong(self._path, f"[[{TABLE}]], in two pairs of brackets", f"{TABLE} as {_kind(listed)}")
        lines = self._lines if len(self._lines) == len(listed) else ()
        bare = AcceptanceFile(self._path, lines=lines)
        entries = tuple(self._entry(bare.place(number), written) for number, written in enumerate(listed, 1))
        return AcceptanceFile(self._path, entries, lines)

    def _entry(self, place: str, written: object) -> AcceptedEntry:
        if not isinstance(written, dict):
            raise self._wrong(place, "a table of keys and values", _kind(written))
        for name, value in written.items():
            if name not in KINDS:
                choices = list(KINDS)
                raise self._wrong(place, f"some of {', '.join(choices)}", f"the key {name!r}", suggest(name, choices))
            kind, words = KINDS[name]
            # An instant is a date, and a truth value a number, to Python.
            if not isinstance(value, kind) or isinstance(value, bool | datetime):
                raise self._wrong(f"{place}, {name}", words, _kind(value))
        for name in NEEDED:
            if name not in written:
                raise self._wrong(place, f"the key {name}", "none")
        entry = AcceptedEntry(**written)
        for problem in entry.problems():
            raise self._wrong(f"{place}, {problem.key}", problem.expected, problem.found)
        return entry

    @staticmethod
    def _wrong(where: str, expected: str, found: str, hint: str | None = None) -> AcceptanceError:
        what = "The file of accepted differences is wrong"
        return AcceptanceError(what, where=where, expected=expected, found=found, next_step=hint or GUIDE)


def header_lines(text: str) -> tuple[int, ...]:
    """The lines, counted from 1, that look like the start of an entry."""
    return tuple(number for number, line in enumerate(text.split("\n"), 1) if HEADER.match(line))


def _unreadable(path: Path | str, error: Exception) -> AcceptanceError:
    return AcceptanceError(
        "The file of accepted differences cannot be read",
        where=str(path)[:300],
        expected="a TOML file in UTF-8",
        found=getattr(error, "strerror", None) or str(error)[:300],
        next_step=GUIDE,
    )


def _kind(value: object) -> str:
    words = {bool: "a truth value", int: "a number", float: "a number", dict: "a table", list: "a list", str: "a text"}
    return f"{words.get(type(value), type(value).__name__)}, {str(value)[:60]!r}"
