"""Which rows refer to others, asked of the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.rollback.selection import Link
from recon.rollback.statements import key_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from recon.database.writing import Key, Reference, TargetTable, WritableDatabase

IMPLIED = "(not declared)"
"""The name of a reference that the database does not enforce."""
ORPHANS = "{present} and not exists (select 1 from {parent} as recon_parent where {equal})"
# What no foreign key relates may be of types that PostgreSQL does not compare.
AS_TEXT = "lower(cast({column} as text))"


def links_of(
    reference: Reference, keys: Sequence[Key], tables: Mapping[str, TargetTable], database: WritableDatabase
) -> Iterator[Link]:
    """Yield the rows that refer by one foreign key to the parents with these keys."""
    child, parent = tables[reference.table], tables[reference.parent]
    compared = _compared(reference, tables, database)
    for chunk in key_chunks(keys, database.chunk):
        for of_child, of_parent in database.links(child, parent, database.condition(parent.key, chunk), compared):
            yield Link((child.sql, of_child), (parent.sql, of_parent))


def count_orphans(reference: Reference, tables: Mapping[str, TargetTable], database: WritableDatabase) -> int:
    """Return the number of rows that refer to a parent which does not exist."""
    return database.count(tables[reference.table], _orphaned(reference, tables, database))


def orphans_of(reference: Reference, tables: Mapping[str, TargetTable], database: WritableDatabase) -> Iterator[Key]:
    """Yield the keys of the rows that refer to a parent which does not exist."""
    child = tables[reference.table]
    for row in database.rows(child, child.key, _orphaned(reference, tables, database)):
        yield row.values


def _orphaned(reference: Reference, tables: Mapping[str, TargetTable], database: WritableDatabase) -> str:
    child = tables[reference.table]
    compared = _compared(reference, tables, database, (f"{child.sql}.", "recon_parent."))
    return ORPHANS.format(
        present=" and ".join(f"{child.sql}.{database.quote(column)} is not null" for column in reference.columns),
        parent=reference.parent,
        equal=" and ".join(f"{theirs} = {ours}" for ours, theirs in compared),
    )


def _compared(
    reference: Reference,
    tables: Mapping[str, TargetTable],
    database: WritableDatabase,
    qualifiers: tuple[str, str] = ("", ""),
) -> list[tuple[str, str]]:
    """The expressions of child and parent that are equal where one refers to the other."""
    ours = {column.name: column.type for column in tables[reference.table].columns}
    theirs = {column.name: column.type for column in tables[reference.parent].columns}
    found = []
    for our, their in zip(reference.columns, reference.parent_columns, strict=True):
        is_cast = reference.name == IMPLIED and database.kind == "postgresql" and ours[our] != theirs[their]
        form = AS_TEXT if is_cast else "{column}"
        own, other = (f"{of}{database.quote(name)}" for of, name in zip(qualifiers, (our, their), strict=True))
        found.append((form.format(column=own), form.format(column=other)))
    return found
