"""What `rollback revert` does within its transaction: puts back exactly what was deleted, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.database.writing import Content
from recon.errors import RollbackError
from recon.rollback.audit import REVERTED_ID
from recon.rollback.exactness import (
    BUG,
    content_of,
    contents,
    count_differing,
    count_equal,
    execute_exactly,
    first_not_former,
    keys_put_back,
    require_unchanged,
    watched_tables,
    write_audit_row,
)
from recon.rollback.guards import require_no_writers, require_rights, require_room
from recon.rollback.links import count_orphans
from recon.rollback.reverse import FILE, read_statements
from recon.rollback.selection import words_of
from recon.rollback.statements import changing_again
from recon.warehouse.reads import RUN_STATE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recon.database.writing import TargetTable, WritableDatabase
    from recon.rollback.exactness import RollbackListener
    from recon.rollback.files import StoredPlan
    from recon.rollback.plan import RollbackPlan


def insert_planned(stored: StoredPlan, database: WritableDatabase, by: str, progress: RollbackListener) -> None:
    """Put back what the plan deleted, in an open transaction, up to the commit.

    Raises:
        RollbackError: Something is not as it was left; the caller undoes everything.
        WriteError: The server refused.
    """
    plan = stored.plan
    progress.step("Checking the plan against the database")
    require_rights(plan, database, "insert")
    every = require_room(plan, database)
    require_no_writers(plan, database)
    _require_absent(plan, database)
    progress.note("none of the deleted rows is there")
    progress.step("Putting back")
    watched = watched_tables(plan)
    before = contents(watched, database)
    tables = {each.table.sql: each.table for each in plan.deleted}
    for statement, span in read_statements(stored.folder / FILE, plan.reverse):
        if span.is_orphaned and not database.can_skip_references:
            continue
        execute_exactly(statement, span.rows, tables[span.table], database)
    _require_same_rows(plan, database)
    changes = _change_again(plan, database)
    for each in plan.deleted:
        count = len(keys_put_back(each, database))
        progress.note(f"{each.table.name}: {count:,} rows put back, equal to those that were deleted")
    if plan.audit.table:
        metadata = {REVERTED_ID: plan.id, RUN_STATE: plan.run_id, "rows": plan.rows}
        write_audit_row(plan, database, {**metadata, "planSha256": stored.sha256, "by": by})
    for each in plan.deleted:
        put_back = content_of(each.table, keys_put_back(each, database), database)
        changes[each.table.sql] = changes.get(each.table.sql, Content()) + put_back
    require_unchanged(watched, before, changes, database)
    _require_references(plan, every, database)
    progress.note("all other rows of these tables are unchanged, and no more rows refer to nothing than before")


def _require_references(plan: RollbackPlan, tables: Mapping[str, TargetTable], database: WritableDatabase) -> None:
    for reference, before in zip(plan.references, plan.orphans, strict=True):
        found = count_orphans(reference, tables, database)
        if found > before:
            raise RollbackError(
                "What the rows refer to is gone",
                where=f"{tables[reference.table].name} ({', '.join(reference.columns)})",
                expected=f"at most {before:,} rows that refer to nothing, as before",
                found=f"{found:,}",
                next_step="Nothing was changed. Put the rows back by hand that these refer to, and try again",
            )


def _change_again(plan: RollbackPlan, database: WritableDatabase) -> dict[str, Content]:
    """Give the rows that were changed back what the run had given them, where they still have what they got back.

    Returns:
        By how much that changed each table, by `TargetTable.sql`.
    """
    changes = {}
    for each in plan.restored:
        keys = [row.key for row in each.rows]
        unchanged = content_of(each.table, keys, database)
        changed = first_not_former(each, database)
        if changed is not None:
            raise RollbackError(
                "A row that was changed back was changed since",
                where=f"{each.table.name} {words_of(changed)}",
                next_step="Nothing was changed. Put it right by hand: the values are in the plan",
            )
        for row in each.rows:
            execute_exactly(changing_again(each.table, row, database), 1, each.table, database)
        if count_equal(each.table, each.rows, database) != len(keys):
            raise RollbackError("Rows did not get back what the run wrote", where=each.table.name, next_step=BUG)
        changes[each.table.sql] = content_of(each.table, keys, database) - unchanged
    return changes


def _require_absent(plan: RollbackPlan, database: WritableDatabase) -> None:
    for each in plan.deleted:
        present = content_of(each.table, [row.key for row in each.rows], database).rows
        if present:
            raise RollbackError(
                "Rows with the keys of deleted ones are there",
                where=each.table.name,
                expected="none",
                found=f"{present:,}",
                next_step="The plan was not applied, or was reverted before: nothing has to be put back",
            )


def _require_same_rows(plan: RollbackPlan, database: WritableDatabase) -> None:
    for each in plan.deleted:
        differing = count_differing(each, database)
        if differing:
            raise RollbackError(
                "Rows did not come back as they were",
                where=each.table.name,
                expected=f"{len(each.rows):,} equal rows",
                found=f"{differing:,} others",
                next_step=BUG,
            )
