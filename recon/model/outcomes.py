"""Outcomes and verdicts: what is known of a judgement without its rows, and without the library that holds these."""

from __future__ import annotations

from collections.abc import Iterable  # noqa: TC003 - resolved by help()
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


class Escalation(Struct, frozen=True):
    """Whether the runbook (3.7, 4.1, 5) requires this verdict to be escalated, to whom and why."""

    required: bool
    reasons: tuple[str, ...]
    contact: str
    priority: str
    situation: str
    action: str


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
