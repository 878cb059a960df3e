"""Nothing but what is planned: each statement's number of rows, and the digest of all other rows, are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from recon.database.writing import Content
from recon.errors import RollbackError
from recon.rollback.audit import audit_statement
from recon.rollback.plan import digest_of
from recon.rollback.statements import key_chunks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from recon.database.writing import Key, TargetTable, WritableDatabase
    from recon.rollback.plan import PlannedRow, PlannedTable, RestoredRow, RestoredTable, RollbackPlan

BUG = "Nothing was changed. Ask the DBA which trigger or rule of the table did it; else report this as a bug in recon"


class RollbackListener(Protocol):
    """What is reported to while a rollback goes on."""

    def step(self, title: str) -> None:
        """Called before each step."""

    def note(self, text: str) -> None:
        """Called with what was found or done, one sentence."""


def content_of(table: TargetTable, keys: Sequence[Key], database: WritableDatabase) -> Content:
    """Return number and digest of the rows with these keys."""
    total = Content()
    for chunk in key_chunks(keys, database.chunk):
        total += database.content(table, database.condition(table.key, chunk))
    return total


def contents(tables: Iterable[TargetTable], database: WritableDatabase) -> dict[str, Content]:
    """Return number and digest of all rows, by table."""
    return {table.sql: database.content(table) for table in tables}


def watched_tables(plan: RollbackPlan) -> list[TargetTable]:
    """The tables whose other rows must not change."""
    named = [*plan.written, *(each.table for each in plan.reached)]
    return list({table.sql: table for table in named}.values())


def execute_exactly(statement: str, expected: int, table: TargetTable, database: WritableDatabase) -> None:
    """Send a statement that must affect this number of rows.

    Raises:
        RollbackError: It affected another number.
    """
    affected = database.execute(statement)
    if affected != expected:
        raise RollbackError(
            "A statement affected another number of rows than planned",
            where=table.name,
            expected=f"{expected:,}",
            found=f"{affected:,}",
            next_step=BUG,
        )


def write_audit_row(plan: RollbackPlan, database: WritableDatabase, metadata: dict[str, object]) -> None:
    """Insert the audit row, if the database has a table for it.

    Raises:
        RollbackError: The table did not grow by exactly one row.
    """
    table = plan.audit.table
    if table is None:
        return
    before = database.count(table)
    execute_exactly(audit_statement(plan.audit, database, plan.id, metadata), 1, table, database)
    if database.count(table) != before + 1:
        raise RollbackError("The audit row did not arrive alone", where=table.name, next_step=BUG)


def require_unchanged(
    watched: Iterable[TargetTable],
    before: Mapping[str, Content],
    planned: Mapping[str, Content],
    database: WritableDatabase,
) -> None:
    """Require that tables hold what they held before, and what the plan changed.

    Args:
        watched: The tables to compare.
        before: Their contents before.
        planned: By how much they must have changed; negative numbers where rows were deleted.
        database: In the transaction that changed them.

    Raises:
        RollbackError: Other rows changed.
    """
    for table in watched:
        after, expected = database.content(table), before[table.sql] + planned.get(table.sql, Content())
        if after != expected:
            raise RollbackError(
                "Rows changed that the plan does not touch",
                where=table.name,
                expected=f"{expected.rows:,} rows with the digest of before",
                found=f"{after.rows:,} rows" + ("" if after.rows != expected.rows else " with another digest"),
                next_step=BUG,
            )


def keys_put_back(planned: PlannedTable, database: WritableDatabase) -> list[Key]:
    """Return the keys of the rows that a revert puts back: all, or those that the database takes."""
    left_out = () if database.can_skip_references else {*planned.orphans}
    return [row.key for row in planned.rows if row.key not in left_out]


def count_differing(planned: PlannedTable, database: WritableDatabase) -> int:
    """Return the number of rows that should have come back and are not there, or not as they were planned."""
    wanted = set(keys_put_back(planned, database))
    rows = [row for row in planned.rows if row.key in wanted]
    return len(rows) - count_equal(planned.table, rows, database)


def count_equal(table: TargetTable, rows: Sequence[PlannedRow | RestoredRow], database: WritableDatabase) -> int:
    """Return the number of these rows that are there as they were planned."""
    digests = {row.key: row.digest for row in rows}
    places = [table.stored.index(column) for column in table.key]
    equal = 0
    for chunk in key_chunks(list(digests), database.chunk):
        for row in database.rows(table, table.stored, database.condition(table.key, chunk)):
            key = tuple(row.values[place] for place in places)
            equal += digests.get(key) == digest_of(row.values)
    return equal


def are_equal_and_new(planned: PlannedTable, database: WritableDatabase) -> bool:
    """Whether every planned row is there as it was planned, and was written since."""
    table = planned.table
    known = {row.key: row for row in planned.rows}
    places = [table.stored.index(column) for column in table.key]
    for chunk in key_chunks(list(known), database.chunk):
        found = 0
        for row in database.rows(table, table.stored, database.condition(table.key, chunk)):
            expected = known[tuple(row.values[place] for place in places)]
            found += row.version != expected.version and digest_of(row.values) == expected.digest
        if found < len(chunk):
            return False
    return True


def first_not_former(restored: RestoredTable, database: WritableDatabase) -> Key | None:
    """Return the key of a row that is changed back and does not hold what it held before the run; None: all do."""
    table = restored.table
    columns = list(dict.fromkeys(value.column for row in restored.rows for value in row.values))
    former = {row.key: row.values for row in restored.rows}
    width = len(table.key)
    for chunk in key_chunks(list(former), database.chunk):
        missing = set(chunk)
        for row in database.rows(table, [*table.key, *columns], database.condition(table.key, chunk)):
            key, values = row.values[:width], dict(zip(columns, row.values[width:], strict=True))
            if all(values[each.column] == each.former for each in former[key]):
                missing.discard(key)
        if missing:
            return min(missing)
    return None
