"""What changed from one run to another, as frozen objects: every format renders a RunComparison and adds nothing."""

from __future__ import annotations

from datetime import datetime

import polars as pl
from msgspec import Struct, field

from recon.model.outcomes import Outcome, Verdict

CHANGES = ("new", "re-opened", "changed", "still open", "accepted", "fixed", "not known")
"""What became of a finding, in the order of reports."""
WORSE = CHANGES[:3]
"""What is worse than it was, or other than anybody has seen it."""
RECORDS = {
    "change": pl.String,
    "check_id": pl.String,
    "entity": pl.String,
    "key": pl.String,
    "field": pl.String,
    "cause": pl.String,
    "violations_before": pl.Int64,
    "violations_after": pl.Int64,
    "name": pl.String,
    "email": pl.String,
    "title": pl.String,
}
"""The columns of a comparison's records."""


class ComparedRun(Struct, frozen=True):
    """One of the two runs.

    Attributes:
        name: The name of its folder.
        started_at: When it started.
        run_id: The import that it judged.
        bundle: The bundle's path, as it was written.
        database: Kind, version, location and name of the database.
        unexplained: Records and rows that no cause explains; None: it has no ledger.
        without_findings: Why its findings are not known; empty: they are.
    """

    name: str
    started_at: datetime
    run_id: str
    bundle: str
    database: str
    verdict: Verdict
    passed: int
    failed: int
    warnings: int
    errors: int
    unexplained: int | None
    without_findings: str = ""


class FindingTally(Struct, frozen=True):
    """How many findings became what; see `CHANGES`."""

    new: int = 0
    reopened: int = 0
    changed: int = 0
    still_open: int = 0
    accepted: int = 0
    fixed: int = 0
    not_known: int = 0

    @property
    def by_change(self) -> dict[str, int]:
        """The numbers by the names of `CHANGES`, in their order."""
        counted = (self.new, self.reopened, self.changed, self.still_open, self.accepted, self.fixed, self.not_known)
        return dict(zip(CHANGES, counted, strict=True))


class CheckChange(Struct, frozen=True):
    """One check in both runs.

    Attributes:
        id: The check's id.
        name: Its title.
        before: Its outcome in the older run; None: that run had no such check.
        after: Its outcome in the newer run; None: that run had no such check.
        message_before: What it said in the older run; empty: nothing.
        message_after: What it said in the newer run; empty: nothing.
        violations_before: Number of violations in the older run; None: not evaluated.
        violations_after: Number of violations in the newer run; None: not evaluated.
        findings: What became of its findings; None: not known.
        notes: What a reader has to know about these numbers, one sentence each.
    """

    id: str
    name: str
    before: Outcome | None
    after: Outcome | None
    message_before: str
    message_after: str
    violations_before: int | None
    violations_after: int | None
    findings: FindingTally | None
    notes: tuple[str, ...] = ()

    @property
    def is_remarkable(self) -> bool:
        """Whether there is anything to say of it: it changed, has findings, or did not pass."""
        has_findings = self.findings is not None and any(self.findings.by_change.values())
        return has_findings or bool(self.notes) or self.before is not self.after or self.after is not Outcome.PASS


class RuleChange(Struct, frozen=True):
    """One rule that is not as it was.

    Attributes:
        check_id: The id of its check.
        name: The check's title.
        change: "added", "removed", "changed" (it asks or says something else) or "overridden" (so does who changed it).
        detail: What is known of it; empty: nothing more.
    """

    check_id: str
    name: str
    change: str
    detail: str = ""


class InputChange(Struct, frozen=True):
    """One input of both runs.

    Attributes:
        name: What it is.
        before: As the older run had it; None: not recorded.
        after: As the newer run had it; None: not recorded.
    """

    name: str
    before: str | None
    after: str | None

    @property
    def is_known(self) -> bool:
        """Whether both runs recorded it."""
        return self.before is not None and self.after is not None

    @property
    def is_changed(self) -> bool:
        """Whether it is another than it was, as far as both runs say."""
        return self.is_known and self.before != self.after


class CountChange(Struct, frozen=True):
    """One number in both runs.

    Attributes:
        entity: What it counts; empty: everything.
        name: The outcome or cause that it counts.
        before: In the older run; None: not recorded.
        after: In the newer run; None: not recorded.
    """

    entity: str
    name: str
    before: int | None
    after: int | None


class RunComparison(Struct, frozen=True):
    """What changed from an older run to a newer one.

    Attributes:
        older: The run that was before.
        newer: The run that came after it.
        database: What both runs read, without versions; of two databases, that of the newer run.
        notices: What to know before anything else, one sentence each; usually nothing.
        findings: What became of all findings together; None: not known.
        without_findings: Why findings are not compared; empty: they are.
        checks: Every check of either run, in the order of the newer one, then those that it has no more.
        records: One row per finding of either run; the columns are those of `RECORDS`. `change` is one of `CHANGES`;
            `violations_before` and `violations_after` are null where that run lacks the finding; `name`, `email` and
            `title` say what people call it, null where nobody knows.
        rules: The rules that are not as they were.
        rules_known: Whether both runs recorded what each rule says; if not, only other severities, overrides and
            files are noticed.
        inputs: What both runs were made from.
        outcomes: Records by outcome and rows by outcome, by entity.
        unexplained: Records and rows that no cause explains.
        causes: How many records or rows each cause concerns.
        masked: Whether names, e-mail addresses and phone numbers are masked.
    """

    older: ComparedRun
    newer: ComparedRun
    database: str
    notices: tuple[str, ...]
    findings: FindingTally | None
    without_findings: str
    checks: tuple[CheckChange, ...]
    rules: tuple[RuleChange, ...]
    rules_known: bool
    inputs: tuple[InputChange, ...]
    outcomes: tuple[CountChange, ...]
    unexplained: CountChange
    causes: tuple[CountChange, ...]
    masked: bool
    records: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=RECORDS))

    @property
    def is_worse(self) -> bool:
        """Whether there are findings that are new, re-opened or changed."""
        return self.findings is not None and any(self.findings.by_change[change] for change in WORSE)

    @property
    def is_known(self) -> bool:
        """Whether it is known what became of every finding."""
        return self.findings is not None and not self.findings.not_known
