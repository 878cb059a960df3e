"""A profile says which of an application's tables and columns hold what the rules speak of."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recon.errors import ProfileError

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


def load_profile(path: Path = BUILT_IN) -> Profile:
    """Read a profile from TOML; without an argument, the built-in one.

    Raises:
        ProfileError: The file is missing, is not TOML, or an entry lacks a key or names an unknown type.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        tables = tuple(_table(name, entry) for name, entry in document["tables"].items())
        runs = tuple(_run_record(entry) for entry in document.get("runs", ()))
        return Profile(str(document["name"]), tables, runs)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProfileError("The profile cannot be read", where=str(path), found=str(error)) from error
    except KeyError as error:
        raise ProfileError("The profile is incomplete", where=str(path), expected=f"the key {error}") from error


def _table(name: str, entry: dict[str, Any]) -> Table:
    columns = tuple(_column(f"{name}.{column}", column, value) for column, value in entry["columns"].items())
    return Table(name, entry["table"], columns, required=bool(entry.get("required", False)))


def _column(place: str, name: str, entry: dict[str, Any]) -> Column:
    names = entry["column"]
    personal = entry.get("personal")
    _expect(place, "type", entry["type"], TYPES)
    if personal is not None:
        _expect(place, "personal", personal, PERSONAL)
    return Column(
        name,
        (names,) if isinstance(names, str) else tuple(names),
        entry["type"],
        domain=entry.get("domain"),
        personal=personal,
        required=bool(entry.get("required", False)),
    )


def _expect(place: str, key: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        wanted = f"{key} to be one of {', '.join(choices)}"
        raise ProfileError("The profile is wrong", where=f"tables.{place}", expected=wanted, found=repr(value))


def _run_record(entry: dict[str, Any]) -> RunRecord:
    keys = tuple(entry.get("json_keys", ()))
    return RunRecord(entry["table"], entry["column"], entry["recorded_at"], keys)
