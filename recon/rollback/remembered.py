"""The importer's memory of ids as a plan is about it: which id mappings name rows that the plan deletes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recon.rollback.tables import entity_of, raw_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.database.writing import Key, WritableDatabase
    from recon.rollback.plan import MappedIds, RollbackPlan


@dataclass(frozen=True)
class Remembered:
    """An id mapping.

    Attributes:
        key: Of its own row.
        named: The id that it names.
        run: The run that it names, as a literal; empty: mappings name none.
        is_planned: Whether it names a row that the plan deletes; told by the rows' keys, so that it is False where
            these are not their ids.
    """

    key: Key
    named: str
    run: str
    is_planned: bool


def remembered(plan: RollbackPlan, mapped: MappedIds, database: WritableDatabase) -> Iterator[Remembered]:
    """Yield every id mapping of the database."""
    ids = {each.title: {raw_text(key).lower() for row in each.rows for key in row.key} for each in plan.deleted}
    columns = [mapped.entity_type, mapped.target_id, *mapped.table.key, *([mapped.run] if mapped.run else [])]
    width = len(mapped.table.key)
    for row in database.rows(mapped.table, columns):
        named = raw_text(row.values[1])
        is_planned = named.lower() in ids.get(entity_of(row.values[0]) or "", ())
        yield Remembered(row.values[2 : 2 + width], named, row.values[-1] if mapped.run else "", is_planned)
