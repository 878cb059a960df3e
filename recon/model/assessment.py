"""The judgement on what surrounds a migration, before or after it: parts, each with facts and checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from recon.model.outcomes import Guidance, Outcome, Summary, Verdict
from recon.model.verification import Check, frame_of


class Fact(Struct, frozen=True):
    """Something that was found and is not judged; `value` may contain text from data, but never a secret."""

    label: str
    value: str


class Findings(Struct, frozen=True):
    """What an answer is based on.

    Attributes:
        rows: What shows that something is wrong, one mapping of column to value each; every row has the same columns.
        detail: A further sentence for the operator; None when there is nothing to add.
        expected, actual, unit: As of a Check.
    """

    rows: Sequence[Mapping[str, object]] = ()
    detail: str | None = None
    expected: int | float | str | None = None
    actual: int | float | str | None = None
    unit: str | None = None

    def count(self, outcome: Outcome) -> int:
        """Number of violations: the rows, or one where something is wrong that rows do not show."""
        return len(self.rows) or int(outcome in {Outcome.WARN, Outcome.FAIL})


class Probe(Struct, frozen=True):
    """What is asked about the surroundings of a migration; each answer is a Check.

    Attributes:
        id: Its name for programs, e.g. "role_rights".
        name: Its title in reports.
        category: The part that it belongs to, e.g. "environment".
        description: What holds if the check passes, one sentence.
        meaning: What it means if the check does not pass.
        action: What to do then.
    """

    id: str
    name: str
    category: str
    description: str
    meaning: str
    action: str

    def passed(self, message: str, findings: Findings | None = None) -> Check:
        """Answer that it holds."""
        return self._answered(Outcome.PASS, message, findings)

    def warned(self, message: str, findings: Findings | None = None) -> Check:
        """Answer that it holds with a remark, or that it is not recorded."""
        return self._answered(Outcome.WARN, message, findings)

    def failed(self, message: str, findings: Findings | None = None) -> Check:
        """Answer that it does not hold."""
        return self._answered(Outcome.FAIL, message, findings)

    def not_evaluated(self, message: str, findings: Findings | None = None) -> Check:
        """Answer that nothing is known, and why; never a pass."""
        return self._answered(Outcome.ERROR, message, findings)

    def _answered(self, outcome: Outcome, message: str, findings: Findings | None) -> Check:
        found = findings or Findings()
        return Check(
            id=self.id,
            name=self.name,
            category=self.category,
            severity="critical",
            outcome=outcome,
            message=message,
            description=self.description,
            guidance=Guidance(self.meaning, self.action),
            detail=found.detail,
            expected=found.expected,
            actual=found.actual,
            unit=found.unit,
            violations=frame_of(found.rows),
            violation_count=None if outcome is Outcome.ERROR else found.count(outcome),
        )


class Part(Struct, frozen=True):
    """One subject of an assessment.

    Attributes:
        name: As on the command line, e.g. "environment".
        facts: What was found and is not judged, in order.
    """

    name: str
    title: str
    facts: tuple[Fact, ...]
    checks: tuple[Check, ...]
    duration_ms: int


class Assessment(Struct, frozen=True):
    """The judgement on what surrounds a migration.

    Attributes:
        kind: Its name for programs, e.g. "preflight", "backup-check".
        title: The heading of its reports, e.g. "Preflight".
        next_steps: What to do now, one sentence or command each.
        masked: Whether names, e-mail addresses and phone numbers are masked in everything that this object holds.
    """

    kind: str
    title: str
    started_at: datetime
    duration_ms: int
    parts: tuple[Part, ...]
    next_steps: tuple[str, ...] = ()
    masked: bool = True

    @property
    def checks(self) -> tuple[Check, ...]:
        """The checks of all parts, in their order."""
        return tuple(check for part in self.parts for check in part.checks)

    @property
    def summary(self) -> Summary:
        """Number of checks by outcome."""
        return Summary.of(self.checks)

    @property
    def verdict(self) -> Verdict:
        """The overall outcome, by the same rule as that of a Verification."""
        return self.summary.verdict

    @property
    def unpassed(self) -> tuple[Check, ...]:
        """The checks whose outcome is not PASS, worst first."""
        rank = [Outcome.FAIL, Outcome.ERROR, Outcome.WARN]
        return tuple(sorted((c for c in self.checks if c.outcome in rank), key=lambda c: rank.index(c.outcome)))
