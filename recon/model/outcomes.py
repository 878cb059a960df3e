"""Outcomes and verdicts: what is known of a judgement without its rows, and without the library that holds these."""

from __future__ import annotations

from collections.abc import Iterable  # noqa: TC003 - resolved by help()
from datetime import datetime
from enum import StrEnum
from typing import Protocol, Self

from msgspec import Struct


class Outcome(StrEnum):
    """The outcome of one check; ERROR means that the rule could not be evaluated."""

    PASS = "PASS"  # noqa: S105 - an outcome, not a password
    WARN = "WARN"
    FAIL = "FAIL"
    ERROR = "ERROR"

    @property
    def passed(self) -> bool | None:
        """True for PASS and WARN, False for FAIL, None (unknown) for ERROR."""
        return {Outcome.PASS: True, Outcome.WARN: True, Outcome.FAIL: False}.get(self)


class Verdict(StrEnum):
    """The overall outcome of a verification."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    INCOMPLETE = "INCOMPLETE"


class Guidance(Struct, frozen=True):
    """What the runbook says about a check: what it means when the check does not pass, and what to do."""

    meaning: str
    action: str
    diagnosis: tuple[str, ...] = ()
    resolution: tuple[str, ...] = ()


class HasOutcome(Protocol):
    """What has an outcome."""

    @property
    def outcome(self) -> Outcome:
        """The outcome."""


class EscalatedIssue(Struct, frozen=True, rename="camel"):
    """One of the runbook's issues (5) that has to be escalated, with whatever led to it.

    Attributes:
        name: As the table of advice calls it.
        contact: Whom to escalate it to.
        priority: How urgent it is.
        reasons: What led to it, with numbers; contains text from data.
        issue: "loss", "corruption" or "failure".
    """

    name: str
    contact: str
    priority: str
    reasons: tuple[str, ...]
    issue: str = "failure"


class Escalation(Struct, frozen=True, rename="camel"):
    """Whether the runbook (3.7, 4.1, 5) requires a verdict to be escalated, to whom and why, and what to do.

    Attributes:
        reasons: Those of every issue.
        contact, priority: Of the first issue; of a verification failure, where nothing is to be escalated.
        situation, action: What the runbook says to do.
        issues: What is to be escalated, the most urgent first.
        caution: What must not be done meanwhile; None: nothing is said.
        commands: The commands for the action, filled in.
        rollback: The level of the rollback that the action is; 0: it is none.
        kind: The situation's key in the table of advice ("rolled_back"); empty: of a report from before there was one.
        decide_by: When the decision has to be made; None: no deadline.
    """

    required: bool
    reasons: tuple[str, ...]
    contact: str
    priority: str
    situation: str
    action: str
    issues: tuple[EscalatedIssue, ...] = ()
    caution: str | None = None
    commands: tuple[str, ...] = ()
    rollback: int = 0
    kind: str = ""
    decide_by: datetime | None = None

    @property
    def raised(self) -> tuple[EscalatedIssue, ...]:
        """What is to be escalated; of a report from before there were issues, in one."""
        if self.issues or not self.required:
            return self.issues
        return (EscalatedIssue("", self.contact, self.priority, self.reasons),)

    def contact_for(self, issue: str) -> str | None:
        """Whom to escalate this issue to ("failure"); None: nothing of it is to be escalated."""
        return next((raised.contact for raised in self.raised if raised.issue == issue), None)


class Summary(Struct, frozen=True):
    """Number of checks by outcome; `passed` counts PASS only."""

    total: int
    passed: int
    failed: int
    warnings: int
    errors: int

    @classmethod
    def of(cls, checks: Iterable[HasOutcome]) -> Self:
        """Count the outcomes of `checks`."""
        outcomes = [check.outcome for check in checks]
        counted = [outcomes.count(o) for o in (Outcome.PASS, Outcome.FAIL, Outcome.WARN, Outcome.ERROR)]
        return cls(len(outcomes), *counted)

    @property
    def verdict(self) -> Verdict:
        """FAILED with any FAIL; INCOMPLETE with any ERROR or without a single check; else PASSED."""
        if self.failed:
            return Verdict.FAILED
        return Verdict.INCOMPLETE if self.errors or not self.total else Verdict.PASSED
