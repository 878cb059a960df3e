"""What follows from a verdict by the table of advice: escalation (3.7, 5) and what to do (4.1)."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from recon.model import EscalatedIssue, Escalation, Outcome
from recon.verification.advice import filled, load_advice
from recon.verification.advice_table import Issues

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from recon.model import Check
    from recon.verification.advice_table import Advice, AdvisedSituation
    from recon.verification.options import VerifyOptions

CORRUPTION, FAILURE, LOSS = "corruption", "failure", "loss"
INTEGRITY = "integrity"
BACKUP = "BACKUP"
PROFILE, EXPORTS = ("profile",), ("exports",)
TARGET = ("database", *PROFILE)


@dataclass(frozen=True)
class Circumstances:
    """What decides about the advice besides the checks.

    Attributes:
        is_dry_run: Whether the bundle is of a dry run, so that there is nothing to roll back.
        is_unrelated: Whether bundle and database do not belong together, so that a rollback would hit another run.
        is_rolled_back: Whether the newest that the database recorded is that the run was rolled back.
        corrupted: What shows that the database is damaged, one sentence each.
        words: What the placeholders of commands stand for; see `recon.verification.advice_faults.PLACEHOLDERS`.
        judged_at: When the verdict was reached; None: no deadline is named.
    """

    is_dry_run: bool = False
    is_unrelated: bool = False
    is_rolled_back: bool = False
    corrupted: tuple[str, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    judged_at: datetime | None = None


def advise(
    checks: Sequence[Check], circumstances: Circumstances | None = None, advice: Advice | None = None
) -> Escalation:
    """Decide whether to escalate, to whom, and which action the runbook requires; a rollback is always escalated.

    Args:
        checks: All of the verification; those that have a reason to be escalated are.
        circumstances: What else decides; None: nothing does.
        advice: The table; None: the runbook's.
    """
    found, table = circumstances or Circumstances(), advice or load_advice()
    several = _several([check for check in checks if check.outcome is Outcome.FAIL], table.limits.failures)
    raised = _raised(checks, found, several)
    name = _situation(checks, found, raised, is_major=bool(several))
    situation: AdvisedSituation = getattr(table.situations, name)
    if situation.rollback:
        raised[name if name in raised else FAILURE].append(f"A rollback is required: Level {situation.rollback}")
    issues = tuple(_issue(table, issue, reasons) for issue, reasons in raised.items() if reasons)
    first = issues[0] if issues else _issue(table, FAILURE, [])
    is_cautioned = found.corrupted or any(map(_is_of_integrity, checks))
    hours = timedelta(hours=situation.decide_within_hours)
    return Escalation(
        required=bool(issues),
        reasons=tuple(reason for each in issues for reason in each.reasons),
        contact=first.contact,
        priority=first.priority,
        situation=situation.name,
        action=(situation.escalated if issues else "") or situation.action,
        issues=issues,
        caution=table.caution or None if is_cautioned else None,
        commands=tuple(filled(command, {"backup": BACKUP, **found.words}) for command in situation.commands),
        rollback=situation.rollback,
        kind=name,
        decide_by=found.judged_at + hours if found.judged_at and hours else None,
    )


def command_words(options: VerifyOptions, *, is_kept: bool = False) -> dict[str, str]:
    """What the placeholders of commands stand for.

    Args:
        options: Those of the verification.
        is_kept: Whether the database is a snapshot that a run kept, in which nothing can be undone.
    """
    backups = [folder for folder in options.baseline if (Path(folder) / "manifest.json").is_file()]
    backups = [folder for folder in backups if not (Path(folder) / "verification.json").is_file()]
    return {
        **({"backup": shlex.quote(str(backups[0]))} if backups else {}),
        "bundle": shlex.quote(options.bundle_text),
        "target": shlex.join(options.words(PROFILE if is_kept else TARGET)),
        "exports": shlex.join(options.words(EXPORTS)),
        "options": shlex.join(options.words()),
    }


def _raised(checks: Sequence[Check], found: Circumstances, several: Sequence[str]) -> dict[str, list[str]]:
    """The reasons by issue, the most urgent issue first."""
    raised: dict[str, list[str]] = {name: [] for name in Issues.__struct_fields__}
    raised[CORRUPTION] += found.corrupted
    for check in filter(_is_escalated, checks):
        raised[check.issue].append(f"{check.name}: {check.escalate}")
    raised[FAILURE] += several
    return raised


def _situation(
    checks: Sequence[Check], found: Circumstances, raised: Mapping[str, Sequence[str]], *, is_major: bool
) -> str:
    """The name of the situation, the first that holds."""
    failed = [check for check in checks if check.outcome is Outcome.FAIL]
    issues = {check.issue for check in failed if _is_escalated(check)}
    in_order: tuple[tuple[str, object], ...] = (
        (CORRUPTION, found.corrupted),
        ("dry_run", found.is_dry_run),
        ("rolled_back", found.is_rolled_back),
        ("unrelated", found.is_unrelated),
        # Of a bundle that is not the database's, a check proves neither of these.
        (CORRUPTION, CORRUPTION in issues),
        (LOSS, LOSS in issues),
        ("major", issues or is_major),
        ("minor", failed),
        ("incomplete", not checks or any(check.outcome is Outcome.ERROR for check in checks)),
        ("warned", any(raised.values())),
    )
    return next((name for name, holds in in_order if holds), "passed")


def _is_escalated(check: Check) -> bool:
    return bool(check.escalate) and check.outcome in (Outcome.FAIL, Outcome.WARN)


def _is_of_integrity(check: Check) -> bool:
    """Whether nobody is to mend it by hand: the runbook says so of integrity failures; lost data is no different."""
    is_integrity = INTEGRITY in f"{check.category} {check.escalate}".casefold()
    return _is_escalated(check) and (check.issue != FAILURE or (is_integrity and check.outcome is Outcome.FAIL))


def _issue(table: Advice, name: str, reasons: Sequence[str]) -> EscalatedIssue:
    issue = getattr(table.issues, name)
    return EscalatedIssue(issue.name, issue.contact, issue.priority, tuple(reasons), name)


def _several(failed: Sequence[Check], limit: int) -> list[str]:
    """The reason that so many checks failed; a fault that two of them find counts as one failure."""
    names = {check.id: check.name for check in failed}
    details = [(check.name, [names[other] for other in check.explains if other in names]) for check in failed]
    number = sum(not explained for _, explained in details)
    if number < limit:
        return []
    reason = f"Multiple verification failures: {number}"
    same = [f"{name} explains {_listed(explained)}" for name, explained in details if explained]
    return [f"{reason} ({len(failed)} checks failed; {'; '.join(same)})" if same else reason]


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
