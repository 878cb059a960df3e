"""Reads a profile from TOML and reports where and how it is wrong."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from recon.errors import ProfileError
from recon.profile.columns import ColumnReader
from recon.profile.entries import EntryReader
from recon.profile.formats import KeyPartEntry, OnlyEntry, ProfileFile, RunEntry, TableEntry
from recon.profile.importer import read_importer
from recon.profile.model import TRUNCATIONS, Column, KeyPart, Only, Profile, RunRecord, Table
from recon.regular import read_named

if TYPE_CHECKING:
    from collections.abc import Iterable

BUILT_IN = Path(__file__).with_name("builtin.toml")


def load_profile(path: Path | str | None = None) -> Profile:
    """Read a profile from TOML; without an argument, the built-in one, whose tables and columns are recon's own.

    Raises:
        ProfileError: The file is missing or is not TOML, or an entry lacks a key, has an unknown one, or a value of
            the wrong type; the message names the file and the place.
    """
    return _vocabulary() if path is None else _read(Path(path), _vocabulary())


@cache
def _vocabulary() -> Profile:
    return _read(BUILT_IN, None)


def _read(path: Path, vocabulary: Profile | None) -> Profile:
    try:
        document = tomllib.loads(read_named(path))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ProfileError(
            "The profile cannot be read",
            where=str(path),
            expected="a TOML file in UTF-8",
            found=getattr(error, "strerror", None) or str(error),
            next_step="Correct it, or let recon profile init write a first draft",
        ) from error
    return Reader(path, vocabulary).profile(document)


@dataclass(frozen=True)
class Reader(EntryReader):
    """Turns a file's entries into a profile.

    Attributes:
        vocabulary: The profile that defines recon's tables and columns; None while that one itself is read.
    """

    vocabulary: Profile | None

    def profile(self, document: object) -> Profile:
        """Return the whole profile; tables that the file leaves out are included, without an application's name."""
        file = self.convert(document, ProfileFile, "the top")
        if file.importer is not None and file.tables is None and file.runs is None and self.vocabulary:
            # A file that says nothing of tables adds to those of recon's own application.
            own = self.vocabulary
            return Profile(
                file.name, own.tables, own.runs, self._environments(file), read_importer(self, file.importer)
            )
        return self._own(file)

    def _own(self, file: ProfileFile) -> Profile:
        """Return the profile of a file that maps tables."""
        mapped = file.tables or {}
        known = {table.name: table for table in self.vocabulary.tables} if self.vocabulary else None
        self.expect_known("tables", mapped, mapped if known is None else known)
        read = {name: self._table(name, entry, (known or {}).get(name)) for name, entry in mapped.items()}
        tables = tuple({**{name: _nameless(table) for name, table in (known or {}).items()}, **read}.values())
        self._expect_distinct(tables)
        runs = tuple(self._run(f"runs[{i}]", run) for i, run in enumerate(file.runs or []))
        return Profile(file.name, tables, runs, self._environments(file), read_importer(self, file.importer))

    def _environments(self, file: ProfileFile) -> dict[str, tuple[str, ...]]:
        """Return the patterns by environment; those of the built-in profile where the file names none."""
        if file.environments is None:
            return dict(self.vocabulary.environments) if self.vocabulary else {}
        found = {}
        for name, entry in file.environments.items():
            patterns = [entry] if isinstance(entry, str) else entry
            if not (isinstance(patterns, list) and patterns and all(isinstance(p, str) and p for p in patterns)):
                wanted = 'a pattern or a list of patterns, e.g. ["*staging*"]'
                raise self.wrong(f"environments.{name}", wanted, repr(entry)[:200])
            found[name] = tuple(patterns)
        return found

    def _table(self, name: str, entry: object, known: Table | None) -> Table:
        place = f"tables.{name}"
        file = self.convert(entry, TableEntry, place)
        if file.table == "" or (file.table is None and any(map(_names_one, file.columns.values()))):
            raise self.wrong(place, expected="the key table to name the application's table")
        if known and known.required and file.required is False:
            raise self.wrong(place, "required to be true or left out: no check can do without it", "false")
        required = bool(file.required or (known and known.required))
        columns = tuple(self._columns(place, file, known).values())
        table = Table(name, file.table or "", columns, required)
        lonely = [column.name for column in columns if column.required and not table.required]
        if lonely:
            raise self.wrong(place, "required = true on the table of a required column", f"it on {lonely[0]} only")
        return replace(table, only=self._only(place, file.only), natural_key=self._key(table, file, known))

    def _columns(self, place: str, file: TableEntry, known: Table | None) -> dict[str, Column]:
        """Return the columns by name; those that the file leaves out are included, without an application's name."""
        others = {column.name: column for column in known.columns} if known else {}
        self.expect_known(f"{place}.columns", file.columns, others if known else file.columns)
        reader = ColumnReader(self, place, is_named=file.table is not None)
        own = {name: reader.column(name, value, others.get(name)) for name, value in file.columns.items()}
        return {**{name: replace(column, candidates=()) for name, column in others.items()}, **own}

    def _only(self, place: str, entry: object) -> Only | None:
        if entry is None:
            return None
        file = self.convert(entry, OnlyEntry, f"{place}.only")
        if not file.column:
            raise self.wrong(f"{place}.only", expected="column to name a column")
        if "\\" in file.value or not file.value.isprintable():
            # Whether a backslash in a string literal is an escape depends on the server's settings.
            raise self.wrong(f"{place}.only", "a value without backslashes and control characters", repr(file.value))
        return Only(file.column, file.value)

    def _key(self, table: Table, file: TableEntry, known: Table | None) -> tuple[KeyPart, ...]:
        mapped = {column.name: column for column in table.columns if column.candidates}
        if file.natural_key is None:
            default = known.natural_key if known else ()
            return default if all(part.column in mapped for part in default) else ()
        place = f"tables.{table.name}.natural_key"
        return tuple(self._key_part(f"{place}[{i}]", part, mapped) for i, part in enumerate(file.natural_key))

    def _key_part(self, place: str, entry: object, mapped: dict[str, Column]) -> KeyPart:
        file = KeyPartEntry(entry) if isinstance(entry, str) else self.convert(entry, KeyPartEntry, place)
        self.expect_known(place, [file.column], mapped)
        if file.truncate is not None:
            self.expect_known(place, [file.truncate], TRUNCATIONS)
            if mapped[file.column].type != "timestamp":
                raise self.wrong(place, "truncate on a timestamp only", f"{file.column}, a {mapped[file.column].type}")
        return KeyPart(file.column, file.truncate)

    def _run(self, place: str, entry: object) -> RunRecord:
        file = self.convert(entry, RunEntry, place)
        return RunRecord(file.table, file.column, file.recorded_at, tuple(file.json_keys))

    def _expect_distinct(self, tables: Iterable[Table]) -> None:
        for one, other in combinations([table for table in tables if table.source_name], 2):
            apart = one.only and other.only and one.only != other.only
            if one.source_name == other.source_name and not apart:
                raise self.wrong(
                    f"tables.{other.name}",
                    f"a table of its own, or in both an only that distinguishes {one.name} from {other.name}",
                    f"{other.source_name!r}, which tables.{one.name} names too",
                )


def _names_one(entry: object) -> bool:
    """Return whether the entry of a column names a column of the application."""
    return not isinstance(entry, dict) or "column" in entry


def _nameless(table: Table) -> Table:
    """Return the table as for an application that does not record this entity."""
    columns = tuple(replace(column, candidates=()) for column in table.columns)
    return Table(table.name, "", columns, required=table.required)
