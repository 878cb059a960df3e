"""The table of advice: whom to escalate to, how much is too much, and what to do in which situation."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much is too much.

    Attributes:
        mismatch_percent: A mismatch above this percentage of an entity's records is escalated.
        failures: So many failures at once are escalated, and make a verification fail by major issues.
    """

    mismatch_percent: float
    failures: int


class Issue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the runbook's issues (5): whom to contact, and how urgently."""

    name: str
    contact: str
    priority: str


class AdvisedSituation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the situations that a verdict leads to (4.1).

    Attributes:
        name: The situation in words.
        action: What to do.
        escalated: What to do where something is to be escalated first; empty: the same.
        rollback: The level of the rollback that it leads to; 0: none.
        decide_within_hours: How long the decision may take, counted from the verdict; 0: as long as it takes.
        commands: The commands for it, with the placeholders of `recon.verification.advice_faults`.
    """

    name: str
    action: str
    escalated: str = ""
    rollback: int = 0
    decide_within_hours: float = 0
    commands: tuple[str, ...] = ()


class CheckTexts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The texts of a check (3.4, 3.6) in the place of those of its suite; None: those of the suite."""

    meaning: str | None = None
    action: str | None = None
    diagnosis: tuple[str, ...] | None = None
    resolution: tuple[str, ...] | None = None
    escalate: str | None = None


class Issues(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The issues, the most urgent first."""

    loss: Issue
    corruption: Issue
    failure: Issue


class Situations(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The situations."""

    minor: AdvisedSituation
    major: AdvisedSituation
    corruption: AdvisedSituation
    loss: AdvisedSituation
    dry_run: AdvisedSituation
    unrelated: AdvisedSituation
    rolled_back: AdvisedSituation
    incomplete: AdvisedSituation
    warned: AdvisedSituation
    passed: AdvisedSituation


class Advice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole table.

    Attributes:
        caution: What is said of integrity failures, corruption and loss; empty: nothing.
        checks: Id of a check → its texts, where they differ from those of its suite.
    """

    caution: str
    limits: Limits
    issues: Issues
    situations: Situations
    checks: dict[str, CheckTexts] = {}
