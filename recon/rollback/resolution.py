"""What became of a plan: by its audit rows, or by its rows; and of a commit whose answer was lost."""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING, Literal

from recon.database.writing import WriteError, open_for_writing
from recon.errors import DatabaseError, RollbackError
from recon.rollback.audit import PLAN_ID, REVERTED_ID, audit_rows
from recon.rollback.exactness import are_equal_and_new, content_of, first_not_former
from recon.rollback.guards import require_identity

if TYPE_CHECKING:
    from recon.database import DatabaseUrl
    from recon.database.writing import WritableDatabase
    from recon.rollback.plan import RollbackPlan

# How long it is tried to learn what became of a transaction whose commit was not answered.
ANSWER_WAIT_S = 60.0
PAUSE_S = 1.0
OPEN_WAIT_S = 5.0
State = Literal["new", "applied", "reverted"]


def is_done(plan: RollbackPlan, database: WritableDatabase, *, is_reverted: bool) -> bool:
    """Return whether the plan was applied, or reverted, before.

    Raises:
        RollbackError: It is to be reverted, and was not applied.
    """
    state = state_of(plan, database)
    if is_reverted and state == "new":
        raise RollbackError(
            "The plan was not applied to this database, so there is nothing to put back",
            where=database.label,
            expected="its audit row" if plan.audit.table else "none of its rows",
            found="none" if plan.audit.table else "rows of it",
            next_step="Check that this is the plan that was applied",
        )
    return state == ("reverted" if is_reverted else "applied")


def state_of(plan: RollbackPlan, database: WritableDatabase) -> State:
    """Return what became of a plan, by its audit rows; without an audit table, by its rows."""
    if plan.audit.table is None:
        return _state_by_rows(plan, database)
    applied, reverted = (
        sum(1 for _ in audit_rows(plan.audit, database, key, plan.id)) for key in (PLAN_ID, REVERTED_ID)
    )
    if not applied:
        return "new"
    return "applied" if applied > reverted else "reverted"


def _state_by_rows(plan: RollbackPlan, database: WritableDatabase) -> State:
    """Where the rows have no version, those that were put back cannot be told from those that were never deleted."""
    if not plan.rows:
        return "applied" if all(first_not_former(each, database) is None for each in plan.restored) else "new"
    there = sum(content_of(each.table, [row.key for row in each.rows], database).rows for each in plan.deleted)
    if not there:
        return "applied"
    is_whole = there == plan.rows and all(row.version for each in plan.deleted for row in each.rows)
    return "reverted" if is_whole and all(are_equal_and_new(each, database) for each in plan.deleted) else "new"


def resolve_lost_commit(plan: RollbackPlan, url: DatabaseUrl, transaction: str | None, *, is_reverted: bool) -> None:
    """Learn what became of a commit whose answer was lost.

    Raises:
        RollbackError: It was not committed, or nothing can be learnt.
    """
    deadline, reason = monotonic() + ANSWER_WAIT_S, ""
    while monotonic() < deadline:
        try:
            with open_for_writing(url, OPEN_WAIT_S) as database:
                # After a failover another server may answer, which has other transactions of the same number.
                require_identity(plan, database)
                status = database.status_of(transaction) if transaction else None
                if status is None:
                    # Where transactions have no names, the lock of a rollback tells whether its session is there yet.
                    database.begin(writing=transaction is None)
                    status = "committed" if _is_now_so(plan, database, is_reverted=is_reverted) else "aborted"
        except (DatabaseError, RollbackError, WriteError) as error:
            status, reason = "in progress", str(error)
        if status == "committed":
            return
        if status == "aborted":
            raise RollbackError(
                "The connection ended before the commit: nothing was changed",
                where=url.label,
                next_step="Try again",
            )
        sleep(PAUSE_S)
    raise RollbackError(
        "The connection ended at the commit, and the database does not say whether it was committed",
        where=url.label,
        found=reason or "a transaction that is still in progress",
        next_step="Give the same command again when the database answers: it looks first, and does nothing twice",
    )


def _is_now_so(plan: RollbackPlan, database: WritableDatabase, *, is_reverted: bool) -> bool:
    """Whether what was to be committed is there; before, it was not."""
    state = state_of(plan, database)
    if plan.audit.table is None:
        return (state != "applied") == is_reverted
    return state == ("reverted" if is_reverted else "applied")
