"""What deletions could reach by themselves, and which foreign keys make them slow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.rollback.plan import ReachedTable, SlowReference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from recon.database.writing import Key, Reference, TargetTable, WritableDatabase

ACTING = ("cascade", "set null", "set default")
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
    planned: Mapping[str, Sequence[Key]], references: Sequence[Reference], database: WritableDatabase
) -> Iterator[SlowReference]:
    """Yield the foreign keys without an index that are looked up for each deleted parent, with the measured time."""
    for reference in references:
        parents = planned.get(reference.parent, ())
        if parents and not reference.has_index and len(reference.columns) == len(parents[0]):
            seconds = len(parents) * database.seconds_to_look_up(reference, parents[0])
            if seconds >= NOTICED_S:
                yield SlowReference(reference, len(parents), round(seconds, 1))
