"""Which rows refer to others, asked of the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.rollback.selection import Link
from recon.rollback.statements import key_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from recon.database.writing import Key, Reference, TargetTable, WritableDatabase

ORPHANS = "{present} and not exists (select 1 from {parent} as recon_parent where {equal})"


def links_of(
    reference: Reference, keys: Sequence[Key], tables: Mapping[str, TargetTable], database: WritableDatabase
) -> Iterator[Link]:
    """Yield the rows that refer by one foreign key to the parents with these keys."""
    child = tables[reference.table]
    parents = _values(reference, keys, tables[reference.parent], database)
    width = len(child.key)
    for chunk in key_chunks(list(parents), database.chunk):
        where = database.condition(reference.columns, chunk)
        for row in database.rows(child, [*child.key, *reference.columns], where):
            parent = parents.get(row.values[width:])
            if parent is not None:
                yield Link((child.sql, row.values[:width]), (reference.parent, parent))


def _values(
    reference: Reference, keys: Sequence[Key], parent: TargetTable, database: WritableDatabase
) -> dict[Key, Key]:
    """Return the keys of parents by the values that children refer to."""
    if reference.parent_columns == parent.key:
        return {key: key for key in keys}
    width, found = len(parent.key), {}
    for chunk in key_chunks(keys, database.chunk):
        where = database.condition(parent.key, chunk)
        for row in database.rows(parent, [*parent.key, *reference.parent_columns], where):
            found[row.values[width:]] = row.values[:width]
    return found


def count_orphans(reference: Reference, tables: Mapping[str, TargetTable], database: WritableDatabase) -> int:
    """Return the number of rows that refer to a parent which does not exist."""
    child = tables[reference.table]
    return database.count(child, _orphaned(reference, child, database))


def orphans_of(reference: Reference, child: TargetTable, database: WritableDatabase) -> Iterator[Key]:
    """Yield the keys of the rows that refer to a parent which does not exist."""
    for row in database.rows(child, child.key, _orphaned(reference, child, database)):
        yield row.values


def _orphaned(reference: Reference, child: TargetTable, database: WritableDatabase) -> str:
    quote = database.quote
    own = [f"{child.sql}.{quote(column)}" for column in reference.columns]
    of_parent = [f"recon_parent.{quote(column)}" for column in reference.parent_columns]
    return ORPHANS.format(
        present=" and ".join(f"{column} is not null" for column in own),
        parent=reference.parent,
        equal=" and ".join(f"{theirs} = {ours}" for theirs, ours in zip(of_parent, own, strict=True)),
    )
