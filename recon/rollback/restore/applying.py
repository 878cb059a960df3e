"""Applies and reverts the plan of a restore: for whom, to which database, and in which of the two ways."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from recon.backup.kinds import identity_of
from recon.backup.replacing import UNCHANGED
from recon.database import resolve_database
from recon.errors import RollbackError, UsageError
from recon.preflight.decisions import decider
from recon.rollback.authority import approved_by
from recon.rollback.restore.attempts import ApplyAttempt, RevertAttempt
from recon.rollback.restore.files import read_restore
from recon.rollback.restore.swapping import SwapAttempt, SwapBackAttempt, took_the_name

if TYPE_CHECKING:
    from recon.database import DatabaseUrl
    from recon.model import Assessment
    from recon.preflight.assessing import AssessmentListener
    from recon.rollback.exactness import RollbackListener
    from recon.rollback.options import ApplyOptions
    from recon.rollback.restore.files import StoredRestore
    from recon.rollback.restore.plan import RestorePlan


@dataclass(frozen=True)
class AppliedRestore:
    """What was done.

    Attributes:
        stored: The plan.
        is_reverted: Whether what was there before was brought back.
        was_done: Whether that was found done, by an earlier call.
        outage_s: For how many seconds nobody else could use the database; None: it was found done.
        by, approved_by, at, assessment: As of an AppliedPlan.
    """

    stored: StoredRestore
    is_reverted: bool
    was_done: bool
    outage_s: float | None
    by: str
    approved_by: str | None
    at: datetime
    assessment: Assessment

    @property
    def words(self) -> str:
        """The outcome in capitals."""
        if self.assessment.verdict != "PASSED":
            return "NOT AS PLANNED"
        return "REVERTED" if self.is_reverted else "RESTORED"


def apply_restore_plan(
    options: ApplyOptions, progress: RollbackListener, listener: AssessmentListener | None = None
) -> AppliedRestore:
    """Put the backup in the place of what the database holds, and verify that against the manifest.

    Raises:
        ReconError: It was not applied, with the reason; the message says what is known about the database.
    """
    return _carry_out(options, progress, listener, is_reverted=False)


def revert_restore_plan(
    options: ApplyOptions, progress: RollbackListener, listener: AssessmentListener | None = None
) -> AppliedRestore:
    """Bring back what the database held before, under the same guards; raises as `apply_restore_plan`."""
    return _carry_out(options, progress, listener, is_reverted=True)


def _carry_out(
    options: ApplyOptions, progress: RollbackListener, listener: AssessmentListener | None, *, is_reverted: bool
) -> AppliedRestore:
    stored = read_restore(options.plan)
    who, _ = decider(options.by)
    url = resolve_database(options.database, options.environment)
    _require_name(stored.plan, options)
    approver = approved_by(stored, options, url)
    _require_database(stored.plan, url)
    kinds = (SwapAttempt, SwapBackAttempt) if stored.plan.kept_as else (ApplyAttempt, RevertAttempt)
    attempt = kinds[is_reverted](stored, options, url, progress, who)
    outage_s = attempt.carry_out()
    assessment = attempt.verified(listener, outage_s)
    was_done = outage_s is None
    return AppliedRestore(stored, is_reverted, was_done, outage_s, who, approver, datetime.now(UTC), assessment)


def _require_name(plan: RestorePlan, options: ApplyOptions) -> None:
    if options.run_id != plan.name:
        raise UsageError(
            "That is not the database of this plan",
            where=str(options.plan)[:300],
            expected=plan.name,
            found=options.run_id[:100] or "nothing",
            next_step="Read the plan, and name the database whose contents it replaces",
        )


def _require_database(plan: RestorePlan, url: DatabaseUrl) -> None:
    present = identity_of(url)
    # Not every role may know the system's identifier.
    known = plan.identity.keys() & present.keys()
    differing = sorted(name for name in known if plan.identity[name] != present[name])
    if differing == ["database_oid"] and took_the_name(plan, url):
        return
    if differing or known <= {"kind"}:
        raise RollbackError(
            f"The plan is of another database ({UNCHANGED})",
            where=url.label,
            expected=plan.database,
            found=", ".join(f"{name} {present[name]}" for name in differing) or url.label,
            next_step="Name the database that the plan was made for, or make a plan for this one",
        )
