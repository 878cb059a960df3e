"""The runbook's tables of the consequences of a verdict: escalation (3.7, 5) and rollback (4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.model import Escalation, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.model import Check

CONTACT, PRIORITY = "Merge captain", "High"
MINOR = ("Verification fails, minor issues", "Fix source data, re-run")
MAJOR = ("Verification fails, major issues", "Escalate first; the runbook's answer is a Level 1 rollback (by run_id)")
INCOMPLETE = (
    "Verification is incomplete",
    "Fix what prevented the checks from being evaluated, then verify again",
)
NOTHING = ("Verification passes", "Read the warnings, if any, before telling anyone that the migration is complete")


def advise(checks: Sequence[Check]) -> Escalation:
    """Decide whether to escalate, and which action the runbook requires; a rollback is always escalated."""
    failed = [check for check in checks if check.outcome is Outcome.FAIL]
    reasons = [f"{check.name}: {check.escalate}" for check in failed if check.escalate]
    names = {check.id for check in failed}
    # A fault that two checks find counts as one failure.
    distinct = [check for check in failed if not names & {*check.explains}]
    if len(distinct) > 1:
        reasons.append(f"Multiple verification failures: {len(distinct)}")
    situation, action = _situation(checks, major=bool(reasons), failed=bool(failed))
    return Escalation(bool(reasons), tuple(reasons), CONTACT, PRIORITY, situation, action)


def _situation(checks: Sequence[Check], *, major: bool, failed: bool) -> tuple[str, str]:
    if major:
        return MAJOR
    if failed:
        return MINOR
    incomplete = not checks or any(check.outcome is Outcome.ERROR for check in checks)
    return INCOMPLETE if incomplete else NOTHING
