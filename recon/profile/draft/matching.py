"""Finds the tables and columns of a catalogue that resemble those that rules refer to."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from recon.profile import Profile, load_profile
from recon.profile.draft.likeness import Likeness, Words, likeness, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from recon.database import Catalogue
    from recon.profile import Column, Table

SYNONYMS = Path(__file__).with_name("synonyms.toml")
# A table with an unrelated name is offered as a choice if it has at least this share of the canonical table's columns.
ENOUGH_COLUMNS = 0.5
HOLDS = {
    "timestamp": {"timestamp", "timestamptz", "text", "integer"},
    "integer": {"integer", "text"},
    "boolean": {"boolean", "integer", "text"},
    "key": {"uuid", "integer", "text"},
    "text": {"text", "uuid", "integer", "json"},
}


class Match(NamedTuple):
    """The application's name for a canonical table or column."""

    name: str
    source_name: str
    likeness: Likeness


@dataclass
class Matches:
    """The matches found in a catalogue.

    Attributes:
        tables: Match by canonical table; a table that is only similar is a choice, not a match.
        table_choices: Canonical table → the application's tables that may correspond to it.
        columns: Canonical table → its matches by canonical column; those that are only similar are choices.
        left: Canonical table → columns of the application's table that match none of its columns.
    """

    tables: dict[str, Match] = field(default_factory=dict)
    table_choices: dict[str, list[str]] = field(default_factory=dict)
    columns: dict[str, dict[str, Match]] = field(default_factory=dict)
    left: dict[str, list[str]] = field(default_factory=dict)


def match(catalogue: Catalogue) -> Matches:
    """Match a catalogue with the tables and columns of the built-in profile, by name."""
    vocabulary = load_profile()
    found = Matches(tables=_match_tables(vocabulary, catalogue))
    owners = {c.domain: t.name for t in vocabulary.tables for c in t.columns if c.name == "id"}
    for table in vocabulary.tables:
        matched = found.tables.get(table.name)
        if matched is None:
            found.table_choices[table.name] = _choices(table, catalogue, found.tables)
            continue
        present = catalogue[matched.source_name]
        names = {column.name: _names(table, column, matched, owners, found.tables) for column in table.columns}
        found.columns[table.name] = _assign(table.columns, present, names)
        placed = {column.source_name for column in found.columns[table.name].values()}
        found.left[table.name] = [name for name in present if name not in placed]
    return found


@cache
def synonyms() -> dict[str, Any]:
    """Return the usual alternative names, by canonical table and column."""
    return tomllib.loads(SYNONYMS.read_text(encoding="utf-8"))


def spellings(names: Iterable[str]) -> set[Words]:
    """Return the names as words."""
    return {words_of(name) for name in names}


def _match_tables(vocabulary: Profile, catalogue: Catalogue) -> dict[str, Match]:
    scored = []
    for place, table in enumerate(vocabulary.tables):
        usual = spellings(synonyms()[table.name]["table"])
        for name in catalogue:
            how = likeness(words_of(name), _same(table.name, [table.source_name]), usual)
            if how >= Likeness.USUAL:
                scored.append((-how, place, -_share(table, catalogue[name]), Match(table.name, name, how)))
    return _greedy(entry[-1] for entry in sorted(scored))


def _choices(table: Table, catalogue: Catalogue, taken: Mapping[str, Match]) -> list[str]:
    """Return unmatched tables that have a similar name, or many of the columns."""
    used = {found.source_name for found in taken.values()}
    same = _same(table.name, [table.source_name])
    usual = spellings(synonyms()[table.name]["table"])
    return [
        name
        for name, present in catalogue.items()
        if name not in used and (likeness(words_of(name), same, usual) or _share(table, present) >= ENOUGH_COLUMNS)
    ]


def _share(table: Table, present: Mapping[str, str]) -> float:
    """Return the share of the canonical table's columns that are present under a usual name."""
    found = {words_of(name) for name in present}
    names = [set.union(*_plain_names(table, column)) for column in table.columns]
    return sum(not found.isdisjoint(spelt) for spelt in names) / len(names)


def _names(
    table: Table, column: Column, matched: Match, owners: Mapping[str | None, str], tables: Mapping[str, Match]
) -> tuple[set[Words], set[Words]]:
    """Return the spellings of the column's own name, and its usual alternative names, in the matched table."""
    same, usual = _plain_names(table, column)
    own = words_of(matched.source_name)
    usual = usual | {own + name for name in same | usual} - same
    referred = tables.get(owners.get(column.domain, "")) if column.type == "key" and column.name != "id" else None
    if referred:
        other = words_of(referred.source_name)
        usual = usual | {(*other, "id"), other, (other[-1], "id"), (*other, "uuid")} - same
    return same, usual


@cache
def _plain_names(table: Table, column: Column) -> tuple[set[Words], set[Words]]:
    known = synonyms()
    usual = [*known[table.name].get(column.name, ()), *known["any"].get(column.name, ())]
    same = _same(column.name, column.candidates)
    return same, spellings(usual) - same


def _same(name: str, built_in: Iterable[str]) -> set[Words]:
    return spellings([name, *filter(None, built_in)])


def _assign(
    columns: Sequence[Column], present: Mapping[str, str], names: Mapping[str, tuple[set[Words], set[Words]]]
) -> dict[str, Match]:
    """Return the best match for each column; each column of the application is used once."""
    scored = []
    for place, column in enumerate(columns):
        for order, (source_name, kind) in enumerate(present.items()):
            how = likeness(words_of(source_name), *names[column.name]) if kind in HOLDS[column.type] else Likeness.NONE
            if how:
                exact = source_name in column.candidates
                scored.append((-how, not exact, place, order, Match(column.name, source_name, how)))
    return _greedy(entry[-1] for entry in sorted(scored))


def _greedy(ranked: Iterable[Match]) -> dict[str, Match]:
    found: dict[str, Match] = {}
    used: set[str] = set()
    for candidate in ranked:
        if candidate.name not in found and candidate.source_name not in used:
            found[candidate.name] = candidate
            used.add(candidate.source_name)
    return found
