"""Applies and reverts a plan: one transaction, and the verification after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from recon.database import resolve_database
from recon.database.writing import WriteError, open_for_writing
from recon.preflight.assessing import Step, assess
from recon.preflight.decisions import decider
from recon.rollback.authority import approved_by, require_run
from recon.rollback.deleting import delete_planned
from recon.rollback.files import read_plan
from recon.rollback.guards import require_identity, require_rights
from recon.rollback.putting_back import insert_planned
from recon.rollback.refusals import refused
from recon.rollback.resolution import is_done, resolve_lost_commit
from recon.rollback.verifying import PART, facts_of, verify_back, verify_gone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.database import DatabaseUrl
    from recon.database.writing import WritableDatabase
    from recon.model import Assessment, Check, Fact
    from recon.preflight.assessing import AssessmentListener
    from recon.rollback.exactness import RollbackListener
    from recon.rollback.files import StoredPlan
    from recon.rollback.options import ApplyOptions
    from recon.rollback.plan import RollbackPlan

COMMITTED = "The rollback itself was committed"


@dataclass(frozen=True)
class AppliedPlan:
    """What was done.

    Attributes:
        stored: The plan.
        is_reverted: Whether the rows were put back, not deleted.
        was_done: Whether that was found done, by an earlier call.
        by: Who did it.
        approved_by: Who approved it; None: no approval was asked for.
        at: When it was done, or found done.
        assessment: The verification after it.
    """

    stored: StoredPlan
    is_reverted: bool
    was_done: bool
    by: str
    approved_by: str | None
    at: datetime
    assessment: Assessment

    @property
    def words(self) -> str:
        """The outcome in capitals: "ROLLED BACK, 3 KEPT"."""
        if self.assessment.verdict != "PASSED":
            return "NOT AS PLANNED"
        if self.is_reverted:
            return "REVERTED"
        kept = self.stored.plan.kept_rows
        return f"ROLLED BACK, {kept:,} KEPT" if kept else "ROLLED BACK"


def apply_plan(
    options: ApplyOptions, progress: RollbackListener, listener: AssessmentListener | None = None
) -> AppliedPlan:
    """Delete what the plan names and change back what it says, in one transaction, and verify that against the plan.

    A plan that was applied before is verified alone.

    Raises:
        ReconError: It was not applied, with the reason; the message says what is known about the database.
    """
    return _carry_out(options, progress, listener, is_reverted=False)


def revert_plan(
    options: ApplyOptions, progress: RollbackListener, listener: AssessmentListener | None = None
) -> AppliedPlan:
    """Put back what the plan deleted, under the same guards; raises as `apply_plan`."""
    return _carry_out(options, progress, listener, is_reverted=True)


def play_plan(stored: StoredPlan, url: DatabaseUrl, progress: RollbackListener) -> None:
    """Do what a plan says in a scratch database, which nobody has to approve; raises as `apply_plan`."""
    _Attempt(stored, url, None, progress, stored.plan.made_by, is_reverted=False).carry_out()


def _carry_out(
    options: ApplyOptions, progress: RollbackListener, listener: AssessmentListener | None, *, is_reverted: bool
) -> AppliedPlan:
    stored = read_plan(options.plan)
    who, _ = decider(options.by)
    url = resolve_database(options.database, options.environment)
    require_run(stored.plan, options)
    approver = approved_by(stored, options, url)
    attempt = _Attempt(stored, url, options.timeout_s, progress, who, is_reverted)
    was_done = attempt.carry_out()
    assessment = attempt.verified(listener)
    return AppliedPlan(stored, is_reverted, was_done, who, approver, datetime.now(UTC), assessment)


@dataclass(frozen=True)
class _Attempt:
    """One attempt to apply a plan, or to revert it."""

    stored: StoredPlan
    url: DatabaseUrl
    timeout_s: float | None
    progress: RollbackListener
    by: str
    is_reverted: bool

    @property
    def plan(self) -> RollbackPlan:
        return self.stored.plan

    def carry_out(self) -> bool:
        """Carry it out in one transaction; returns whether it was found done."""
        transaction, is_lost = None, False
        with open_for_writing(self.url, self.timeout_s) as database, refused(database.label):
            require_identity(self.plan, database)
            self._begin(database)
            require_rights(self.plan, database, "insert" if self.is_reverted else "delete", only_if_unreadable=True)
            if is_done(self.plan, database, is_reverted=self.is_reverted):
                self.progress.step("Found done before")
                return True
            work = insert_planned if self.is_reverted else delete_planned
            work(self.stored, database, self.by, self.progress)
            transaction = database.transaction_id()
            self.progress.step("Committing")
            try:
                database.commit()
            except WriteError as error:
                if error.kind != "lost":
                    raise
                is_lost = True
        if is_lost:
            resolve_lost_commit(self.plan, self.url, transaction, is_reverted=self.is_reverted)
            self.progress.note("the answer to the commit was lost; the database says that it was committed")
        return False

    def _begin(self, database: WritableDatabase) -> None:
        if self.is_reverted and self.plan.orphaned_rows and database.can_skip_references:
            database.begin_unchecked()
        else:
            database.begin(writing=True)

    def verified(self, listener: AssessmentListener | None) -> Assessment:
        """Verify what is there now against the plan."""
        kind, word = ("rollback-revert", "Revert of the Rollback") if self.is_reverted else ("rollback", "Rollback")
        steps = [
            Step("plan", "Plan", lambda: facts_of(self.plan)),
            Step(PART, "Verification against the Plan", self._ask),
        ]
        return assess(kind, f"{word} of {self.plan.run_id}", steps, listener)

    def _ask(self) -> Iterator[Fact | Check]:
        with open_for_writing(self.url, self.timeout_s) as database, refused(database.label, COMMITTED):
            database.begin(writing=False)
            yield from (verify_back if self.is_reverted else verify_gone)(self.plan, database)
