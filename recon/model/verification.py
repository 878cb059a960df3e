"""The judgement as frozen objects: every report renders a Verification and adds nothing to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import polars as pl
from msgspec import Struct, field

from recon.model.acceptance import Acceptance, AcceptedDifferences
from recon.model.ledger import Ledger
from recon.model.outcomes import Escalation, Guidance, Outcome, Summary, Verdict


def frame_of(rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    """Return rows of the same columns as a frame, whose types are those of all their values."""
    return pl.DataFrame(rows, infer_schema_length=None, strict=False)


class Check(Struct, frozen=True):
    """The result of one rule.

    Attributes:
        expected: The value expected according to the bundle; None where the rule names none.
        actual: The value found in the database; None where the rule names none.
        unit: The unit of `expected` and `actual`, e.g. "%"; None where they are counts or words.
        detail: A further sentence for the operator; None when there is nothing to add.
        violations: One row per violation, at most `evidence_rows`; the columns are those of the rule's query.
        violation_count: The exact total number of violations; None where the rule was not evaluated.
        escalate: Why the runbook requires this result to be escalated; None when it does not.
        issue: Which of the runbook's issues (5) it then is: "failure", "loss" or "corruption".
        explains: Ids of checks that report the same failure; this one shows it in more detail.
        source: The suite and line that define the rule.
        overrides: Which rule this one replaces, or what was changed in it; None where nothing was.
        accepted: How much of it is accepted; None where no accepted difference is about it.
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
    issue: str = "failure"
    explains: tuple[str, ...] = ()
    source: str = ""
    overrides: str | None = None
    accepted: Acceptance | None = None

    @property
    def found(self) -> Outcome:
        """The outcome without what is accepted."""
        return self.accepted.without if self.accepted else self.outcome

    @property
    def has_findings(self) -> bool:
        """Whether it found something wrong; False for a check that passed, and for one that could not look."""
        is_warned = self.outcome is Outcome.WARN and bool(self.violation_count)
        return is_warned or self.outcome is Outcome.FAIL


class TierCount(Struct, frozen=True):
    """The number of members of one tier; the percentage of all members has one decimal, halves rounded up."""

    code: str
    name: str
    count: int
    percentage: float


class Tally(Struct, frozen=True):
    """The number of rows with one label."""

    label: str
    count: int


class Distributions(Struct, frozen=True):
    """The distributions of rows that the charts show; a series that is not known is empty.

    Attributes:
        expected_tiers: Number of members by tier code, as expected from the bundle's membership levels and the tier
            mapping; the most frequent first, "(none)": a level without a tier.
        registrations_by_month: By month ("2024-01", UTC), in order and without gaps; those without a date last, as
            "(none)".
        registrations_by_status: The most frequent first.
        not_known: Name of a series → why it is not known.
    """

    expected_tiers: tuple[Tally, ...]
    registrations_by_month: tuple[Tally, ...]
    registrations_by_status: tuple[Tally, ...]
    not_known: Mapping[str, str]


class PolicyResult(Struct, frozen=True):
    """A policy as the bundle declares it, beside what the application has.

    Attributes:
        expected: The declared value as JSON text.
        source: Who declared it; `template`: a placeholder that nobody filled in, which is not compared.
        required: Whether the bundle says that the application needs it.
        actual: The application's value as JSON text; None: not compared, or the application has none.
        compared: Whether it was compared with the application's settings or its data.
        match: Whether both are the same by content; None: not compared.
        where: Where the application has the value, or what shows it; None: not compared.
        problem: What is wrong with it, by itself or with what the application has; None: nothing.
    """

    key: str
    expected: str
    source: str
    required: bool
    actual: str | None = None
    compared: bool = False
    match: bool | None = None
    where: str | None = None
    problem: str | None = None

    @property
    def is_placeholder(self) -> bool:
        """Whether nobody filled it in."""
        return self.source == "template"


class SnapshotInfo(Struct, frozen=True):
    """What was read from the database and with which consistency guarantee.

    Attributes:
        database: Kind, location and name; never a user, never a password.
        guarantee: The consistency under which the tables were read, one sentence.
        consistent: Whether all tables show the same instant.
        rows: Number of rows read by canonical table, e.g. {"members": 2147}; an absent table has no entry.
        not_read: Canonical table or column that rules require and that is absent → reason.
        unread: The application's table → its columns that no rule asked for, so that they were not read.
        encryption: Whether the connection was encrypted: "encrypted (…)", "not encrypted", or "unknown" where that was
            not recorded; None: a file, which has no connection.
        damaged: Each of the application's tables that is damaged, and was therefore not read → what the database says.
    """

    database: str
    guarantee: str
    consistent: bool
    rows: Mapping[str, int]
    not_read: Mapping[str, str]
    unread: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    encryption: str | None = "unknown"
    damaged: Mapping[str, str] = field(default_factory=dict)


class Verification(Struct, frozen=True):
    """The whole judgement on one bundle and one snapshot.

    Attributes:
        bundle_path: The path as the user wrote it.
        completed_at: When the import completed; None where the bundle does not state it.
        age: Time from the completion of the import to the start of this verification; None where unknown.
        counts_bundle: Number of expected rows by entity (created + updated).
        counts_database: Number of rows present by entity.
        tiers: In the sort order of the tiers, members without a tier last as "(none)".
        timings_ms: Milliseconds by step, in the order of the steps.
        masked: Whether names, e-mail addresses and phone numbers are masked in everything this object holds.
        distributions: The numbers that charts show; None where they were not requested.
        not_checked: What bundle or database holds and nothing was compared with → why.
        notes: What of the bundle was read otherwise than it stands there, or not at all; one sentence each.
        ledger: The account of every record and row; None where the verification was done without one.
        accepted_differences: The file of them that was applied; None: none was.
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
    not_checked: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    accepted_differences: AcceptedDifferences | None = None

    @property
    def summary(self) -> Summary:
        """Number of checks by outcome."""
        return Summary.of(self.checks)

    @property
    def verdict(self) -> Verdict:
        """The overall outcome."""
        return self.summary.verdict

    @property
    def has_warnings(self) -> bool:
        """Whether a check warns, or an accepted difference needs somebody to see to it."""
        return bool(self.summary.warnings or (self.accepted_differences and self.accepted_differences.problems))

    @property
    def is_unrelated(self) -> bool:
        """Whether bundle and database do not belong together.

        It is not known, and therefore False, of a dry run, which wrote nothing, of an import that did not complete, and
        without records.
        """
        if self.dry_run or self.completed_at is None or self.ledger is None:
            return False
        return self.ledger.overlap.is_next_to_nothing

    @property
    def unpassed(self) -> tuple[Check, ...]:
        """The checks whose outcome is not PASS, worst first."""
        rank = [Outcome.FAIL, Outcome.ERROR, Outcome.WARN]
        return tuple(sorted((c for c in self.checks if c.outcome in rank), key=lambda c: rank.index(c.outcome)))
