"""The statements of a rollback; each text is in the plan's file as it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from recon.database.writing import Key, StoredRow, TargetTable, WritableDatabase
    from recon.rollback.plan import PlannedTable, RestoredRow, RollbackPlan

DELETE = "delete from {table} where {where}"
UPDATE = "update {table} set {values} where {where}"
# A statement of the reverse SQL ends with the first row after which it has one of these.
ROWS_PER_INSERT = 500
BYTES_PER_INSERT = 1 << 20


def key_chunks(keys: Sequence[Key], size: int) -> Iterator[Sequence[Key]]:
    """Yield the keys in groups of at most `size`, in order."""
    for start in range(0, len(keys), size):
        yield keys[start : start + size]


def deletions(planned: PlannedTable, database: WritableDatabase) -> Iterator[tuple[str, int]]:
    """Yield the statements that delete the rows of a table, each with the number of rows that it must delete."""
    start = 0
    for size in planned.levels:
        for chunk in key_chunks([row.key for row in planned.rows[start : start + size]], database.chunk):
            where = database.condition(planned.table.key, chunk)
            yield DELETE.format(table=planned.table.sql, where=where), len(chunk)
        start += size


def changing_back(table: TargetTable, row: RestoredRow, database: WritableDatabase) -> str:
    """Return the statement that gives a row back what it had."""
    return _update(table, row, [(value.column, value.former) for value in row.values], database)


def changing_again(table: TargetTable, row: RestoredRow, database: WritableDatabase) -> str:
    """Return the statement that gives a row what it has now."""
    return _update(table, row, [(value.column, value.present) for value in row.values], database)


def _update(table: TargetTable, row: RestoredRow, values: Sequence[tuple[str, str]], database: WritableDatabase) -> str:
    assigned = ", ".join(f"{database.quote(column)} = {literal}" for column, literal in values)
    return UPDATE.format(table=table.sql, values=assigned, where=database.condition(table.key, [row.key]))


def all_statements(plan: RollbackPlan, database: WritableDatabase) -> Iterator[str]:
    """Yield what is sent to delete rows and to change rows back, in order."""
    for planned in plan.deleted:
        for statement, _ in deletions(planned, database):
            yield statement
    for restored in plan.restored:
        for row in restored.rows:
            yield changing_back(restored.table, row, database)


def insertions(table: TargetTable, rows: Iterable[StoredRow], database: WritableDatabase) -> Iterator[tuple[str, int]]:
    """Yield the statements that insert rows, each with the number of its rows."""
    head = database.insert_head(table)
    texts: list[str] = []
    length = 0
    for row in rows:
        texts.append(f"({', '.join(row.values)})")
        length += len(texts[-1])
        if len(texts) >= ROWS_PER_INSERT or length >= BYTES_PER_INSERT:
            yield _insertion(head, texts), len(texts)
            texts, length = [], 0
    if texts:
        yield _insertion(head, texts), len(texts)


def _insertion(head: str, texts: Sequence[str]) -> str:
    return head + "\n" + ",\n".join(texts)
