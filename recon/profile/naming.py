"""Names tables and columns as the database spells them, where it takes upper and lower case for the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from recon.database import FoldedCatalogue

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from recon.database import Catalogue
    from recon.profile import Column, Profile, RunRecord, Table


def as_spelt(profile: Profile, catalogue: Catalogue) -> Profile:
    """Return the profile with the names of the catalogue, where the server takes them for the same names.

    A name that the catalogue has as it is written, or that several tables have in other spellings, is left alone.
    """
    if not isinstance(catalogue, FoldedCatalogue):
        return profile
    spelt = _Spelling(catalogue)
    return replace(
        profile,
        tables=tuple(map(spelt.table, profile.tables)),
        runs=tuple(map(spelt.run, profile.runs)),
    )


class _Spelling:
    """The spellings of one database."""

    def __init__(self, catalogue: FoldedCatalogue) -> None:
        self._catalogue = catalogue
        self._of_tables = spellings(catalogue) if catalogue.folds_tables else {}

    def table(self, table: Table) -> Table:
        name = self._table_name(table.source_name)
        spelt = spellings(self._catalogue.get(name, {}))
        columns = tuple(_column(column, spelt) for column in table.columns)
        only = table.only and replace(table.only, column=_spelt(table.only.column, spelt))
        return replace(table, source_name=name, columns=columns, only=only)

    def run(self, run: RunRecord) -> RunRecord:
        name = self._table_name(run.table)
        spelt = spellings(self._catalogue.get(name, {}))
        column, recorded_at = (_spelt(each, spelt) for each in (run.column, run.recorded_at))
        return replace(run, table=name, column=column, recorded_at=recorded_at)

    def _table_name(self, name: str) -> str:
        return name if name in self._catalogue else _spelt(name, self._of_tables)


def spellings(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the names by the spelling that they share in lower case."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(name.lower(), []).append(name)
    return found


def other_spelling(name: str, names: Collection[str]) -> str | None:
    """Return the first of the `names` that differs from `name` in upper and lower case alone; None: none does."""
    return next(iter(spellings(names).get(name.lower(), ())), None)


def _column(column: Column, spelt: Mapping[str, list[str]]) -> Column:
    return replace(column, candidates=tuple(_spelt(name, spelt) for name in column.candidates))


def _spelt(name: str, spelt: Mapping[str, list[str]]) -> str:
    found = spelt.get(name.lower(), [])
    return found[0] if len(found) == 1 else name
