"""A profile says which of an application's tables and columns hold what the rules speak of."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from recon.errors import ProfileError

T = TypeVar("T")

TYPES = ("key", "text", "integer", "timestamp", "boolean")
PERSONAL = ("name", "email", "phone")
BUILT_IN = Path(__file__).with_name("profile.toml")


@dataclass(frozen=True)
class Column:
    """A canonical column and the names that the application may give it, the preferred one first.

    Attributes:
        domain: Columns of type `key` with the same domain are compared with each other; None for other types.
        personal: "name", "email" or "phone" when it holds data of a person, None otherwise.
    """

    name: str
    candidates: tuple[str, ...]
    type: str
    domain: str | None = None
    personal: str | None = None
    required: bool = False


@dataclass(frozen=True)
class Table:
    """A canonical table (`members`, `events`, …) and the application's name for it."""

    name: str
    source_name: str
    columns: tuple[Column, ...]
    required: bool = False

    def column(self, name: str) -> Column | None:
        """The canonical column of that name, None when the profile has none."""
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True)
class RunRecord:
    """A place where the application records import runs.

    `json_keys` are the keys to look for, in order, when `column` holds a JSON object; empty when it holds the id.
    """

    table: str
    column: str
    recorded_at: str
    json_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Profile:
    """Canonical tables → the application's, and where it records its import runs."""

    name: str
    tables: tuple[Table, ...]
    runs: tuple[RunRecord, ...]

    def table(self, name: str) -> Table | None:
        """The canonical table of that name, None when the profile has none."""
        return next((table for table in self.tables if table.name == name), None)

    @property
    def personal_columns(self) -> dict[str, str]:
        """Canonical column name → kind of personal data, over all tables."""
        return {c.name: c.personal for table in self.tables for c in table.columns if c.personal}


class ColumnEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column as the file writes it."""

    column: str | list[str]
    type: Any
    domain: str | None = None
    personal: Any = None
    required: bool = False


class TableEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table as the file writes it."""

    table: str
    columns: dict[str, Any]
    required: bool = False


class RunEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place of run ids as the file writes it."""

    table: str
    column: str
    recorded_at: str
    json_keys: list[str] = []


class ProfileFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file, whose parts are validated one by one so that errors can name their place."""

    name: str
    tables: dict[str, Any]
    runs: list[Any] = []


def load_profile(path: Path = BUILT_IN) -> Profile:
    """Read a profile from TOML; without an argument, the built-in one.

    Raises:
        ProfileError: The file is missing, is not TOML, or an entry lacks a key, has one that is not known, or a value
            of the wrong kind; the message names the file and the place.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProfileError("The profile cannot be read", where=str(path), found=str(error)) from error
    reader = _Reader(path)
    file = reader.convert(document, ProfileFile, "the top")
    tables = tuple(reader.table(name, entry) for name, entry in file.tables.items())
    runs = [reader.convert(entry, RunEntry, f"runs[{i}]") for i, entry in enumerate(file.runs)]
    return Profile(
        file.name, tables, tuple(RunRecord(r.table, r.column, r.recorded_at, tuple(r.json_keys)) for r in runs)
    )


@dataclass(frozen=True)
class _Reader:
    """Turns a file's entries into a profile."""

    path: Path

    def table(self, name: str, entry: object) -> Table:
        file = self.convert(entry, TableEntry, f"tables.{name}")
        columns = (self._column(f"tables.{name}.columns.{c}", c, value) for c, value in file.columns.items())
        return Table(name, file.table, tuple(columns), required=file.required)

    def convert(self, value: object, wanted: type[T], place: str) -> T:
        try:
            return msgspec.convert(value, wanted)
        except msgspec.ValidationError as error:
            reason, _, inner = str(error).partition(" - at `$")
            raise self._wrong(f"{place}{inner.rstrip('`')}", found=reason) from error

    def _column(self, place: str, name: str, value: object) -> Column:
        entry = self.convert(value, ColumnEntry, place)
        self._expect(place, "type", entry.type, TYPES)
        self._expect(place, "personal", entry.personal, (None, *PERSONAL))
        if entry.type == "key" and not entry.domain:
            raise self._wrong(place, expected="a domain, so that keys are compared with their like")
        names = (entry.column,) if isinstance(entry.column, str) else tuple(entry.column)
        if not names:
            raise self._wrong(place, expected="column to name at least one column")
        return Column(name, names, entry.type, entry.domain, entry.personal, required=entry.required)

    def _expect(self, place: str, key: str, value: object, choices: tuple[object, ...]) -> None:
        if value not in choices:
            wanted = ", ".join(str(choice) for choice in choices if choice)
            raise self._wrong(place, expected=f"{key} to be one of {wanted}", found=repr(value))

    def _wrong(self, place: str, expected: str | None = None, found: str | None = None) -> ProfileError:
        return ProfileError("The profile is wrong", where=f"{self.path}, {place}", expected=expected, found=found)
