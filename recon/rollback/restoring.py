"""Which rows get back the values that the run wrote over: those that still hold what the run wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.rollback.former import FormerRow
from recon.rollback.plan import ChangedValue, KeptRow, RestoredRow, RestoredTable, digest_of
from recon.rollback.selection import words_of
from recon.rollback.statements import key_chunks
from recon.rollback.tables import require_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recon.database.writing import Key, StoredRow, TargetTable
    from recon.rollback.former import FormerValues
    from recon.rollback.targets import Targets


def restored_tables(targets: Targets, former: FormerValues) -> Iterator[RestoredTable]:
    """Yield, by table, the rows that the run updated: changed back, or kept with the reason."""
    for entity, updated in targets.updated.items():
        if not updated:
            continue
        table = targets.table_of(entity)
        kept = {key: why for key, why in updated.items() if why}
        wanted = [key for key, why in updated.items() if not why]
        require_key(table)
        stored = dict(_stored(table, wanted, targets))
        literals = {key: dict(zip(table.stored, row.values, strict=True)) for key, row in stored.items()}
        found = former.of(entity, table, literals)
        absent, rows = FormerRow(why=former.absence), []
        for key, row in stored.items():
            before = found.get(key, absent)
            values = _changed(literals[key], before.values)
            if before.why:
                kept[key] = before.why
            elif values:
                rows.append(RestoredRow(key, digest_of(row.values), row.version, values))
        yield RestoredTable(
            table,
            entity.replace("_", " "),
            former.source,
            tuple(rows),
            tuple(KeptRow(words_of(key), why) for key, why in kept.items()),
        )


def _stored(table: TargetTable, keys: list[Key], targets: Targets) -> Iterator[tuple[Key, StoredRow]]:
    places = [table.stored.index(column) for column in table.key]
    for chunk in key_chunks(keys, targets.database.chunk):
        for row in targets.database.rows(table, table.stored, targets.database.condition(table.key, chunk)):
            yield tuple(row.values[place] for place in places), row


def _changed(present: Mapping[str, str], former: Mapping[str, str]) -> tuple[ChangedValue, ...]:
    return tuple(
        ChangedValue(column, present[column], value) for column, value in former.items() if present[column] != value
    )
