"""The judgement as frozen objects: every report renders a Verification and adds nothing to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import polars as pl
from msgspec import Struct, field

from recon.model.ledger import Ledger

SINGULAR = {"members": "member", "events": "event", "registrations": "registration"}
"""What one of an entity is called, by entity, in the order of reports."""
ENTITIES = tuple(SINGULAR)


class Outcome(StrEnum):
    """What became of one check; ERROR means that it could not be evaluated."""

    PASS = "PASS"  # noqa: S105 - an outcome, not a password
    WARN = "WARN"
    FAIL = "FAIL"
    ERROR = "ERROR"

    @property
    def passed(self) -> bool | None:
        """True for PASS and WARN, False for FAIL, None for ERROR: nobody knows."""
        return {Outcome.PASS: True, Outcome.WARN: True, Outcome.FAIL: False}.get(self)


class Verdict(StrEnum):
    """What became of the whole."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    INCOMPLETE = "INCOMPLETE"


class Guidance(Struct, frozen=True):
    """What the runbook says about a check: its meaning when it does not pass, and what to do."""

    meaning: str
    action: str
    diagnosis: tuple[str, ...] = ()
    resolution: tuple[str, ...] = ()


class Check(Struct, frozen=True):
    """The result of one rule.

    Attributes:
        expected: What the bundle leads one to expect, None where the rule names nothing.
        actual: What the database holds, None where the rule names nothing.
        unit: What `expected` and `actual` are measured in, e.g. "%"; None where they are counts or words.
        detail: Further sentence for the operator, None when there is nothing to add.
        violations: The violating rows, one a row, columns as the rule names them, at most `evidence_rows`.
        violation_count: How many rows violate the rule in all, exact; None where it was not evaluated.
        escalate: Why the runbook wants this result escalated, None when it does not.
        explains: Ids of checks whose failure is the same as this one's, told in more detail.
        source: The suite and line that the rule stands in.
        overrides: What the rule takes the place of, or what was changed about it; None where nothing was.
    """

    id: str
    name: str
    category: str
    severity: str
    outcome: Outcome
    message: str
    description: str
    guidance: Guidance
    detail: str | None = None
    expected: int | float | str | None = None
    actual: int | float | str | None = None
    unit: str | None = None
    violations: pl.DataFrame = field(default_factory=pl.DataFrame)
    violation_count: int | None = None
    escalate: str | None = None
    explains: tuple[str, ...] = ()
    source: str = ""
    overrides: str | None = None


class TierCount(Struct, frozen=True):
    """How many members one tier has; percentage of all members, one decimal, halves up."""

    code: str
    name: str
    count: int
    percentage: float


class Tally(Struct, frozen=True):
    """How many rows carry one label."""

    label: str
    count: int


class Distributions(Struct, frozen=True):
    """How rows are distributed, for the charts; a series that is not known is empty.

    Attributes:
        expected_tiers: Members by tier code, as the bundle's membership levels and the tier mapping lead one to
            expect; the most frequent first, "(none)": a level without a tier.
        registrations_by_month: By "2024-01" (UTC), in order and without gaps, those without a date last as "(none)".
        registrations_by_status: The most frequent first.
        not_known: Series by name → why it is not known.
    """

    expected_tiers: tuple[Tally, ...]
    registrations_by_month: tuple[Tally, ...]
    registrations_by_status: tuple[Tally, ...]
    not_known: Mapping[str, str]


class PolicyResult(Struct, frozen=True):
    """A policy as the bundle declares it; `expected` is its JSON text, `actual` None: not compared yet."""

    key: str
    expected: str
    source: str
    required: bool
    actual: str | None = None
    compared: bool = False


class SnapshotInfo(Struct, frozen=True):
    """What was read and under which guarantee.

    Attributes:
        database: Kind, place and name; never a user, never a password.
        guarantee: Which consistency held while the tables were read, one sentence.
        consistent: Whether all tables show one instant.
        rows: Rows read by canonical table, e.g. {"members": 2147}; a table that is absent has no entry.
        not_read: Canonical tables and columns that rules ask for and that are absent, with why.
    """

    database: str
    guarantee: str
    consistent: bool
    rows: Mapping[str, int]
    not_read: Mapping[str, str]


class Escalation(Struct, frozen=True):
    """Whether the runbook (3.7, 4.1, 5) wants this verdict escalated, to whom and why."""

    required: bool
    reasons: tuple[str, ...]
    contact: str
    priority: str
    situation: str
    action: str


class Summary(Struct, frozen=True):
    """Checks by outcome; `passed` counts PASS alone."""

    total: int
    passed: int
    failed: int
    warnings: int
    errors: int

    @classmethod
    def of(cls, checks: Sequence[Check]) -> Summary:
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


class Verification(Struct, frozen=True):
    """The whole judgement on one bundle and one snapshot.

    Attributes:
        bundle_path: As the user wrote it.
        completed_at: When the import completed; None where the bundle does not say.
        age: From the import's completion to the start of this verification; None where unknown.
        counts_bundle: Expected rows by entity (created + updated).
        counts_database: Rows present by entity.
        tiers: In the tiers' own sort order, members without a tier last as "(none)".
        timings_ms: Milliseconds by step, in the order of the steps.
        masked: Whether names, e-mail addresses and phone numbers are masked in everything held here.
        distributions: What charts show; None where nobody asked for it.
        ledger: The account of every record and row; None where the judgement was reached without one.
    """

    run_id: str
    bundle_path: str
    dry_run: bool
    completed_at: datetime | None
    started_at: datetime
    verified_at: datetime
    duration_ms: int
    age: timedelta | None
    checks: tuple[Check, ...]
    counts_bundle: Mapping[str, int]
    counts_database: Mapping[str, int]
    tiers: tuple[TierCount, ...]
    policies: tuple[PolicyResult, ...]
    snapshot: SnapshotInfo
    escalation: Escalation
    timings_ms: Mapping[str, int]
    masked: bool
    distributions: Distributions | None = None
    ledger: Ledger | None = None

    @property
    def summary(self) -> Summary:
        """Checks by outcome."""
        return Summary.of(self.checks)

    @property
    def verdict(self) -> Verdict:
        """What became of the whole."""
        return self.summary.verdict

    @property
    def unpassed(self) -> tuple[Check, ...]:
        """The checks that did not pass without remark, worst first."""
        rank = [Outcome.FAIL, Outcome.ERROR, Outcome.WARN]
        return tuple(sorted((c for c in self.checks if c.outcome in rank), key=lambda c: rank.index(c.outcome)))
