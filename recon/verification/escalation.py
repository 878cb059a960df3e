"""The runbook's tables of the consequences of a verdict: escalation (3.7, 5) and rollback (4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.model import Escalation, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.model import Check

CONTACT, PRIORITY = "Merge captain", "High"
DRY_RUN = (
    "The bundle is of a dry run, which wrote nothing",
    "Nothing to roll back: verify the bundle of the real run",
)
UNRELATED = (
    "Bundle and database do not belong together",
    "Verify with the bundle of this database's run, or connect to the bundle's database",
)
ROLLED_BACK = (
    "The run was rolled back",
    "Nothing is left to roll back: fix the source data, re-run, and verify the bundle of the new run",
)
MINOR = ("Verification fails, minor issues", "Fix source data, re-run")
MINOR_ESCALATED = (MINOR[0], "Escalate first; the runbook's answer is: Fix source data, re-run")
MAJOR = ("Verification fails, major issues", "Escalate first; the runbook's answer is a Level 1 rollback (by run_id)")
INCOMPLETE = (
    "Verification is incomplete",
    "Fix what prevented the checks from being evaluated, then verify again",
)
WARNED = (
    "Verification passes, but escalate its warnings",
    "Escalate before telling anyone that the migration is complete",
)
NOTHING = ("Verification passes", "Read the warnings, if any, before telling anyone that the migration is complete")
# What no verification can conclude: the runbook's other situation (4.1), and whom it names for what (5).
CORRUPTED = ("Database corruption", "Level 2 rollback (restore backup)")
CONTACTS = (
    ("Verification failure", CONTACT, PRIORITY),
    (CORRUPTED[0], "DBA + Merge captain", "Critical"),
    ("Data loss", "Incident response", "Critical"),
)


def advise(
    checks: Sequence[Check], *, is_dry_run: bool = False, is_unrelated: bool = False, is_rolled_back: bool = False
) -> Escalation:
    """Decide whether to escalate, and which action the runbook requires; a rollback is always escalated.

    Args:
        checks: All of the verification; those that have a reason to be escalated are.
        is_dry_run: Whether the bundle is of a dry run, so that there is nothing to roll back.
        is_unrelated: Whether bundle and database do not belong together, so that a rollback would hit another run.
        is_rolled_back: Whether the newest that the database recorded is that the run was rolled back.
    """
    failed = [check for check in checks if check.outcome is Outcome.FAIL]
    several = _several(failed)
    reasons = [f"{c.name}: {c.escalate}" for c in checks if c.escalate and c.outcome in (Outcome.FAIL, Outcome.WARN)]
    reasons += several
    if is_dry_run:
        situation, action = DRY_RUN
    elif is_rolled_back:
        situation, action = ROLLED_BACK
    elif is_unrelated:
        situation, action = UNRELATED
    elif several or any(check.escalate for check in failed):
        situation, action = MAJOR
    elif failed:
        situation, action = MINOR_ESCALATED if reasons else MINOR
    elif not checks or any(check.outcome is Outcome.ERROR for check in checks):
        situation, action = INCOMPLETE
    else:
        situation, action = WARNED if reasons else NOTHING
    return Escalation(bool(reasons), tuple(reasons), CONTACT, PRIORITY, situation, action)


def _several(failed: Sequence[Check]) -> list[str]:
    """The reason that several checks failed; a fault that two of them find counts as one failure."""
    names = {check.id: check.name for check in failed}
    details = [(check.name, [names[other] for other in check.explains if other in names]) for check in failed]
    number = sum(not explained for _, explained in details)
    if number < 2:
        return []
    reason = f"Multiple verification failures: {number}"
    same = [f"{name} explains {_listed(explained)}" for name, explained in details if explained]
    return [f"{reason} ({len(failed)} checks failed; {'; '.join(same)})" if same else reason]


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
