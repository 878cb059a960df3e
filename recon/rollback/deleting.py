"""What `rollback apply` does within its transaction: exactly what the plan says, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.database.writing import Content
from recon.errors import RollbackError
from recon.rollback.audit import PLAN_ID
from recon.rollback.exactness import (
    BUG,
    content_of,
    content_of_others,
    contents,
    execute_exactly,
    have_former_values,
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
    from recon.rollback.plan import RollbackPlan


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
    require_quiet(plan, database, tables)
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
    _change_back(plan, database, progress)
    if plan.audit.table:
        metadata = {PLAN_ID: plan.id, RUN_STATE: f"{plan.run_id}{ROLLED_BACK}", "rows": plan.rows}
        write_audit_row(plan, database, {**metadata, "planSha256": stored.sha256, "by": by})
    require_unchanged(watched, before, {sql: Content() - content for sql, content in planned.items()}, plan, database)
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


def _change_back(plan: RollbackPlan, database: WritableDatabase, progress: RollbackListener) -> None:
    """Give the rows that the run updated what they had."""
    for each in plan.restored:
        others = content_of_others(each.table, [row.key for row in each.rows], database)
        for row in each.rows:
            execute_exactly(changing_back(each.table, row, database), 1, each.table, database)
        if not have_former_values(each, database):
            raise RollbackError("Rows did not get back what they held", where=each.table.name, next_step=BUG)
        if content_of_others(each.table, [row.key for row in each.rows], database) != others:
            raise RollbackError(
                "Other rows changed with those that were changed back", where=each.table.name, next_step=BUG
            )
        if each.rows:
            progress.note(f"{each.table.name}: {len(each.rows):,} rows have their former values again")
