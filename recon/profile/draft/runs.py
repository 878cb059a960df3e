"""Finds the places where an application records its import runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.profile import RunRecord, load_profile
from recon.profile.draft.likeness import words_of
from recon.profile.draft.matching import spellings, synonyms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recon.database import Catalogue

MOMENTS = ("at", "on", "time", "date")


def run_records(catalogue: Catalogue) -> list[RunRecord]:
    """Return the built-in places that exist, then each table with a column named like a run and one like its time."""
    known = [run for run in load_profile().runs if run.column in catalogue.get(run.table, {})]
    places = {run.table for run in known}
    return known + [run for table in catalogue if table not in places for run in _runs(table, catalogue[table])]


def _runs(table: str, present: Mapping[str, str]) -> Iterator[RunRecord]:
    named = spellings(synonyms()["runs"])
    column = next((name for name in present if words_of(name) in named), None)
    moment = _moment(present)
    if column and moment:
        yield RunRecord(table, column, moment)


def _moment(present: Mapping[str, str]) -> str | None:
    """Return the column with the time: by its usual name first, then any whose name or type suggests a moment."""
    usual = [words_of(name) for name in synonyms()["recorded"]]
    named = sorted((usual.index(words_of(name)), name) for name in present if words_of(name) in usual)
    if named:
        return named[0][1]
    return next((name for name, kind in present.items() if _is_moment(name, kind)), None)


def _is_moment(name: str, kind: str) -> bool:
    return kind.startswith("timestamp") or (kind == "text" and words_of(name)[-1] in MOMENTS)
