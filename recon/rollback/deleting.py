"""What `rollback apply` does within its transaction: exactly what the plan says, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.database.writing import Content
from recon.errors import RollbackError
from recon.rollback.audit import PLAN_ID
from recon.rollback.exactness import (
    BUG,
    content_of,
    contents,
    execute_exactly,
    first_not_former,
    require_unchanged,
    watched_tables,
    write_audit_row,
)
from recon.rollback.guards import (
    lock_rows,
    require_quiet,
    require_rights,
    require_same_tables,
    require_unreferred,
)
from recon.rollback.reverse import FILE, prove, require_whole
from recon.rollback.statements import changing_back, deletions
from recon.warehouse.reads import ROLLED_BACK, RUN_STATE

if TYPE_CHECKING:
    from recon.database.writing import WritableDatabase
    from recon.rollback.exactness import RollbackListener
    from recon.rollback.files import StoredPlan
    from recon.rollback.plan import RestoredTable


def delete_planned(stored: StoredPlan, database: WritableDatabase, by: str, progress: RollbackListener) -> None:
    """Do what the plan says, in an open transaction, up to the commit.

    Raises:
        RollbackError: Something is not as planned; the caller undoes everything.
        WriteError: The server refused.
    """
    plan = stored.plan
    progress.step("Checking the plan against the database")
    require_rights(plan, database, "delete")
    tables = require_same_tables(plan, database)
    require_quiet(plan, database)
    for name, count in lock_rows(plan, database):
        progress.note(f"{name}: {count:,} rows locked, all as planned")
    require_unreferred(plan, database, tables)
    progress.note("no other row refers to them")
    _prove(stored, database, progress)
    progress.step("Deleting")
    watched = watched_tables(plan)
    before = contents(watched, database)
    planned = {each.table.sql: content_of(each.table, [r.key for r in each.rows], database) for each in plan.deleted}
    for each in plan.deleted:
        for statement, count in deletions(each, database):
            execute_exactly(statement, count, each.table, database)
        progress.note(f"{each.table.name}: {len(each.rows):,} rows deleted")
    changes = {sql: Content() - content for sql, content in planned.items()}
    for restored in plan.restored:
        sql = restored.table.sql
        changes[sql] = changes.get(sql, Content()) + _change_back(restored, database, progress)
    if plan.audit.table:
        metadata = {PLAN_ID: plan.id, RUN_STATE: f"{plan.run_id}{ROLLED_BACK}", "rows": plan.rows}
        write_audit_row(plan, database, {**metadata, "planSha256": stored.sha256, "by": by})
    require_unchanged(watched, before, changes, database)
    progress.note("all other rows of these tables, and of those that a cascade could reach, are unchanged")


def _prove(stored: StoredPlan, database: WritableDatabase, progress: RollbackListener) -> None:
    """Try the reverse SQL out, if that was not possible when the plan was made."""
    plan = stored.plan
    if not plan.reverse.not_proven:
        # The rows are those whose digests the statements brought back; the file itself must be the same.
        require_whole(stored.folder / FILE, plan.reverse)
        return
    prove(stored.folder / FILE, plan.reverse, plan.deleted, database)
    progress.note("the reverse SQL was replayed in temporary tables, and brings back equal rows")


def _change_back(restored: RestoredTable, database: WritableDatabase, progress: RollbackListener) -> Content:
    """Give the rows that the run updated what they had; returns by how much that changed their table."""
    table, keys = restored.table, [row.key for row in restored.rows]
    before = content_of(table, keys, database)
    for row in restored.rows:
        execute_exactly(changing_back(table, row, database), 1, table, database)
    if first_not_former(restored, database) is not None:
        raise RollbackError("Rows did not get back what they held", where=table.name, next_step=BUG)
    if keys:
        progress.note(f"{table.name}: {len(keys):,} rows have their former values again")
    return content_of(table, keys, database) - before
