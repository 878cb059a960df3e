"""Finds which tables and columns of a profile the live catalogue has, and words the reasons for missing ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.errors import DatabaseError
from recon.profile.naming import other_spelling

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from recon.database import Catalogue, Source
    from recon.profile import Column, Profile, Table


def presume_columns(profile: Profile, catalogue: Catalogue) -> None:
    """Assume the columns of tables that list none because they cannot be opened.

    They are then read anyway, so that the database's refusal is reported. `catalogue` is changed in place.
    """
    for table in profile.tables:
        if catalogue.get(table.source_name) == {}:
            named = [column.candidates[0] for column in table.columns if column.candidates]
            catalogue[table.source_name] = dict.fromkeys(named + ([table.only.column] if table.only else []), "text")


def require_present(source: Source, profile: Profile, catalogue: Catalogue) -> None:
    """Refuse a database that lacks a required table or column.

    Raises:
        DatabaseError: A required table or column is missing.
    """
    for table in profile.tables:
        if table.required:
            _require_table(source, profile, table, catalogue)
            _require_columns(source, table, catalogue[table.source_name])


def _require_table(source: Source, profile: Profile, table: Table, catalogue: Catalogue) -> None:
    if table.source_name in catalogue:
        return
    raise DatabaseError(
        f"The database has no table {table.source_name!r}",
        where=source.label,
        expected=f"{table.source_name!r}, which holds the {table.name}",
        found=", ".join(sorted(catalogue)[:8]) or "no table at all",
        next_step=_spelling_hint([table.source_name], catalogue)
        or source.missing_hint(table.source_name)
        or _table_hint(profile, table, catalogue),
    )


def _require_columns(source: Source, table: Table, present: Mapping[str, str]) -> None:
    if table.only and table.only.column not in present:
        raise DatabaseError(
            f"The table {table.source_name!r} has no column {table.only.column!r}",
            where=source.label,
            expected=f"the column that says which rows are {table.name}",
            found=", ".join(sorted(present)[:12]),
            next_step="Correct `only` in the profile",
        )
    for column in table.columns:
        if column.required and actual_column(column, present) is None:
            raise DatabaseError(
                column_absence(table, column).replace("the", "The", 1),
                where=source.label,
                expected=f"the column, which holds {table.name}.{column.name}",
                found=", ".join(sorted(present)[:12]),
                next_step=_spelling_hint(column.candidates, present)
                or "Check that the URL names the application's database, of a supported version",
            )


def actual_column(column: Column, present: Mapping[str, str]) -> str | None:
    """Return the first of the application's names for the column that is `present`; None when none is."""
    return next((name for name in column.candidates if name in present), None)


def table_absence(table: Table, catalogue: Catalogue) -> str | None:
    """Return why the table cannot be read, according to the catalogue; None when it can."""
    if not table.source_name:
        return f"the profile names no table for {table.name}"
    if table.source_name not in catalogue:
        return f"the database has no table {table.source_name!r}"
    if table.only and table.only.column not in catalogue[table.source_name]:
        return f"the table {table.source_name!r} has no column {table.only.column!r}"
    return None


def _spelling_hint(wanted: Iterable[str], names: Collection[str]) -> str | None:
    """Return the hint that there is such a name in another spelling; None where there is not."""
    found = next(filter(None, (other_spelling(name, names) for name in wanted)), None)
    return f"There is {found!r}: a profile can name it" if found else None


def _table_hint(profile: Profile, table: Table, catalogue: Catalogue) -> str:
    if "." in table.source_name:
        schema = table.source_name.partition(".")[0]
        return f"Name the table without its schema in the profile, and the schema in the URL (?schema={schema})"
    check = "Check that the URL names the application's database"
    if not catalogue or any(known.source_name in catalogue for known in profile.tables):
        return check
    return f"{check}; if it does, draft a profile of this application: recon profile init --database NAME"


def column_absence(table: Table, column: Column) -> str:
    """Return why the column of a table that exists cannot be read."""
    if not column.candidates:
        return f"the profile names no column for {table.name}.{column.name}"
    return f"the table {table.source_name!r} has no column {' or '.join(map(repr, column.candidates))}"
