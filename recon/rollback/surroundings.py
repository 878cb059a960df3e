"""What deletions could reach by themselves, and which foreign keys make them slow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.rollback.plan import ReachedTable, SlowReference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from recon.database.writing import Key, Reference, TargetTable, WritableDatabase

ACTING = ("cascade", "set null", "set default")
CAST = "cast(cast({value} as {theirs}) as {ours})"
# A look-up that takes less does not count, whether there is an index or not.
NOTICED_S = 0.5


def reached_tables(
    tables: Mapping[str, TargetTable],
    touched: Sequence[str],
    references: Sequence[Reference],
    database: WritableDatabase,
) -> Iterator[ReachedTable]:
    """Yield every table that a deletion from `touched` could change by itself, with the number of its rows."""
    waiting, through = list(touched), dict.fromkeys(touched, "")
    while waiting:
        parent = waiting.pop(0)
        for reference in references:
            if reference.parent != parent or reference.on_delete not in ACTING or reference.table in through:
                continue
            way = f"on delete {reference.on_delete} from {tables[parent].name} ({reference.name})"
            through[reference.table] = f"{through[parent]}, {way}" if through[parent] else way
            if reference.on_delete == "cascade":
                waiting.append(reference.table)
    for sql, way in through.items():
        if way:
            yield ReachedTable(tables[sql], way, database.count(tables[sql]))


def slow_references(
    tables: Mapping[str, TargetTable],
    planned: Mapping[str, Sequence[Key]],
    references: Sequence[Reference],
    database: WritableDatabase,
) -> Iterator[SlowReference]:
    """Yield the foreign keys without an index that are looked up for each deleted parent, with the measured time."""
    for reference in references:
        parents = planned.get(reference.parent, ())
        if parents and not reference.has_index:
            value = _referred_value(reference, parents[0], tables, database)
            seconds = len(parents) * database.seconds_to_look_up(reference, value)
            if seconds >= NOTICED_S:
                yield SlowReference(reference, len(parents), round(seconds, 1))


def _referred_value(
    reference: Reference, key: Key, tables: Mapping[str, TargetTable], database: WritableDatabase
) -> Key:
    """The values by which children refer to a parent, in the children's types."""
    child, parent = tables[reference.table], tables[reference.parent]
    (row,) = database.rows(parent, reference.parent_columns, database.condition(parent.key, [key]))
    if database.kind != "postgresql":
        return row.values
    types = [{column.name: column.type for column in table.columns} for table in (child, parent)]
    return tuple(
        CAST.format(value=value, theirs=types[1][their], ours=types[0][our])
        for value, our, their in zip(row.values, reference.columns, reference.parent_columns, strict=True)
    )
