"""What can be verified in a database with a profile, determined from the catalogue alone."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recon.database import open_source, resolve_database
from recon.errors import DatabaseError, ProfileError
from recon.ledger import foreseen_gaps, ledger_columns, settings_columns
from recon.model import ENTITIES, Outcome
from recon.profile import load_profile
from recon.profile.naming import as_spelt
from recon.profile.presence import actual_column, column_absence, table_absence
from recon.rules import Fallback, Rule, layers_of, load_rules
from recon.rules.evaluation import foresee
from recon.rules.references import known_names, require_known
from recon.warehouse import Warehouse
from recon.warehouse.reads import plan_reads

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from recon.database import Catalogue, Source
    from recon.profile import Only, Profile, Table


UNNAMED = "the profile names none"


@dataclass(frozen=True)
class ColumnCoverage:
    """A canonical column in one database.

    Attributes:
        name: recon's name for it.
        source_name: The application's name for it, None when it is absent.
        type: The catalogue's name of its type, None when it is absent.
        absence: Why it cannot be read, None when it can.
    """

    name: str
    source_name: str | None
    type: str | None
    absence: str | None


@dataclass(frozen=True)
class TableCoverage:
    """A canonical table in one database, or a location of import runs.

    Attributes:
        name: recon's name for it.
        source_name: The application's name for it, as in the profile; empty when the profile gives none.
        absence: Why it cannot be read, None when it can.
        only: Which of its rows count, None when all do.
    """

    name: str
    source_name: str
    absence: str | None
    columns: tuple[ColumnCoverage, ...] = ()
    only: Only | None = None


@dataclass(frozen=True)
class RuleCoverage:
    """The expected result of one rule.

    Attributes:
        outcome: The outcome that something absent determines; None when the rule can be evaluated.
        message: The reason, empty when it can be evaluated.
    """

    title: str
    outcome: Outcome | None
    message: str


@dataclass(frozen=True)
class Coverage:
    """What recon can and cannot evaluate in one database with one profile.

    Attributes:
        database: Kind, version, location and name of the database.
        refusal: Why `verify` will refuse to start, None when it will not.
    """

    profile: str
    database: str
    tables: tuple[TableCoverage, ...]
    rules: tuple[RuleCoverage, ...]
    refusal: str | None

    @property
    def is_whole(self) -> bool:
        """Whether every rule can be evaluated."""
        return all(rule.outcome is None for rule in self.rules)


def check_profile(
    profile: Path | str | None = None,
    database: str | None = None,
    *,
    expectations: Sequence[Path | str] = (),
    environment: Mapping[str, str] | None = None,
) -> Coverage:
    """Explain what can be evaluated; reads the catalogue only, never a row.

    Args:
        profile: The TOML file; None: the built-in one.
        database: The name of an environment variable, a file, or a URL without password; None: DATABASE_URL.
        expectations: Folders of custom suites, over the shipped ones; later ones override earlier ones.
        environment: Environment variables by name; None: those of this process.

    Raises:
        ReconError: The profile, the database or a suite cannot be used.
    """
    read = load_profile(profile)
    rules = load_rules(layers_of(expectations))
    require_known(rules, known_names(read))
    url = resolve_database(database, os.environ if environment is None else environment)
    with closing(open_source(url)) as source:
        return coverage_of(source, read, rules)


def coverage_of(source: Source, profile: Profile, rules: Sequence[Rule]) -> Coverage:
    """Explain what can be evaluated in an open database; reads the catalogue only, never a row."""
    catalogue = source.catalogue()
    read = as_spelt(profile, catalogue)
    refusal, foreseen = _foresee(source, read, rules)
    tables = (*_tables(read, catalogue), *_runs(read, catalogue))
    return Coverage(read.name, source.label, tables, tuple(map(_rule, rules, foreseen)), refusal)


def _foresee(source: Source, profile: Profile, rules: Sequence[Rule]) -> tuple[str | None, list[Fallback | None]]:
    """Why nothing can be verified, if so, and the fallback of each rule."""
    try:
        with Warehouse() as warehouse:
            read = {reference for rule in rules for reference in rule.reads}
            requires = read | ledger_columns(ENTITIES) | settings_columns(profile)
            plan_reads(source, profile.require_whole(), requires, warehouse)
            warehouse.missing |= foreseen_gaps(profile, {**warehouse.missing, **warehouse.unreadable})
            return None, [foresee(rule, warehouse) for rule in rules]
    except (DatabaseError, ProfileError) as error:
        refused = Fallback(Outcome.ERROR, "Not evaluated: recon verify refuses this database with this profile")
        return error.message, [refused] * len(rules)


def _rule(rule: Rule, foreseen: Fallback | None) -> RuleCoverage:
    return RuleCoverage(rule.title, foreseen.outcome if foreseen else None, foreseen.message if foreseen else "")


def _tables(profile: Profile, catalogue: Catalogue) -> Iterator[TableCoverage]:
    for table in profile.tables:
        absence = table_absence(table, catalogue) if table.source_name else UNNAMED
        columns = () if absence else tuple(_columns(table, catalogue[table.source_name]))
        yield TableCoverage(table.name, table.source_name, absence, columns, table.only)


def _columns(table: Table, present: Mapping[str, str]) -> Iterator[ColumnCoverage]:
    for column in table.columns:
        actual = actual_column(column, present)
        absence = None if actual else column_absence(table, column) if column.candidates else UNNAMED
        yield ColumnCoverage(column.name, actual, present[actual] if actual else None, absence)


def _runs(profile: Profile, catalogue: Catalogue) -> Iterator[TableCoverage]:
    """The locations of import runs, each as a table of its one column; without any, one that is absent."""
    if not profile.runs:
        yield TableCoverage("runs", "", UNNAMED)
    for run in profile.runs:
        present = catalogue.get(run.table)
        kind = (present or {}).get(run.column)
        absence = f"the database has no table {run.table!r}" if present is None else None
        missing = None if kind else f"the table {run.table!r} has no column {run.column!r}"
        column = ColumnCoverage("run_id", run.column if kind else None, kind, missing)
        yield TableCoverage("runs", run.table, absence, () if absence else (column,))
