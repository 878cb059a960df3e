"""What lists and comparisons of runs need of a verification.json, which may be large, and nothing else from it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from recon.errors import ReportError
from recon.model import Escalation, Outcome, Summary, Verdict
from recon.report.failure import without_verdict
from recon.report.go_no_go.verdict import CLUB
from recon.report.json import SCHEMA_VERSION

if TYPE_CHECKING:
    from pathlib import Path

WITHOUT_TIER = {"(none)", "(unknown tier)"}
Rows = Annotated[int, Meta(ge=0, le=2**53)]
Moment = Annotated[datetime, Meta(tz=True)]


class EntityCounts(Struct, frozen=True):
    """Rows by entity."""

    members: Rows
    events: Rows
    registrations: Rows


class Counts(Struct, frozen=True):
    """The counts expected from the bundle, and those in the database."""

    bundle: EntityCounts
    database: EntityCounts


class TierSize(Struct, frozen=True, rename="camel"):
    """How many members one tier has."""

    tier_code: str
    count: Rows


class CheckResult(Struct, frozen=True, rename="camel"):
    """The result of one check; attributes as of `Check`."""

    name: str
    outcome: Outcome
    message: str
    id: str = ""
    severity: str = ""
    source: str = ""
    overrides: str | None = None
    violation_count: int | None = None

    @property
    def is_known(self) -> bool:
        """Whether it says what is wrong: it passed, or it looked and counted; a check that warns of nothing did not."""
        if self.outcome is Outcome.FAIL:
            return self.violation_count is not None
        return self.outcome is Outcome.PASS or (self.outcome is Outcome.WARN and bool(self.violation_count))


class CountedCause(Struct, frozen=True):
    """How many records or rows a cause concerns; attributes as of `Cause`."""

    name: str
    title: str
    entity: str
    count: Rows
    field: str | None = None


class CountedEntity(Struct, frozen=True, rename="camel"):
    """How many records and rows of one entity have each outcome."""

    entity: str
    outcomes: dict[str, Rows]
    rows_by_outcome: dict[str, Rows]


class Accounted(Struct, frozen=True, rename="camel"):
    """The result of the ledger in words, how many records and rows are unexplained, and the numbers behind it."""

    accounted_for: str
    unexplained: Rows
    entities: tuple[CountedEntity, ...] = ()
    causes: tuple[CountedCause, ...] = ()


class ReadFrom(Struct, frozen=True):
    """The database that was read: kind, version, location and name."""

    database: str = ""


class NamedPolicy(Struct, frozen=True):
    """A policy, one of which names the club."""

    key: str
    expected: object = None


class RunSummary(Struct, frozen=True, rename="camel"):
    """A run's judgement, as far as lists and comparisons show it."""

    schema_version: str
    run_id: str
    started_at: Moment
    verdict: Verdict
    dry_run: bool
    masked: bool
    summary: Summary
    counts: Counts
    checks: tuple[CheckResult, ...]
    tiers: tuple[TierSize, ...] = field(name="tierDistribution")
    escalation: Escalation
    ledger: Accounted | None = None
    # A report from before there were notices has none.
    notices: tuple[str, ...] = ()
    bundle_path: str = ""
    snapshot: ReadFrom = ReadFrom()
    policies: tuple[NamedPolicy, ...] = field(name="policyVerification", default=())

    @property
    def club(self) -> str:
        """The club's name, as its policies state it; empty: they do not."""
        named = (policy.expected for policy in self.policies if policy.key == CLUB)
        return next((name for name in named if isinstance(name, str)), "")

    @property
    def database(self) -> str:
        """Kind, location and name of the database, without versions: the same for two runs of the same database."""
        kind, comma, place = self.snapshot.database.partition(", ")
        return f"{kind.split()[0]}, {place}" if comma and kind.strip() else self.snapshot.database

    def named(self, outcome: Outcome) -> list[CheckResult]:
        """The checks with this outcome, in the order of the report."""
        return [check for check in self.checks if check.outcome is outcome]

    @property
    def coverage(self) -> float | None:
        """Percentage of members with a tier, one decimal, halves up; None where there are no members or no tiers."""
        total = sum(tier.count for tier in self.tiers)
        covered = sum(tier.count for tier in self.tiers if tier.tier_code not in WITHOUT_TIER)
        return (2000 * covered + total) // (2 * total) / 10 if total else None


class Failed(Struct, frozen=True):
    """A run that ended without a verdict."""

    outcome: Literal["error"]
    error: str
    message: str


FAILED = msgspec.json.Decoder(Failed)
DECODER = msgspec.json.Decoder(RunSummary)


def read_summary(path: Path) -> RunSummary:
    """Read a run's judgement.

    Raises:
        ReportError: The file cannot be read, is not a report of recon, or contradicts itself.
    """
    try:
        judgement = DECODER.decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError) as error:
        failed = _failed(path)
        if failed:
            raise without_verdict(path, f"{failed.error}: {failed.message}") from error
        raise _unusable(path, getattr(error, "strerror", None) or str(error)) from error
    if judgement.schema_version != SCHEMA_VERSION:
        raise _unusable(path, f"schema version {judgement.schema_version}")
    if _counted(judgement.checks) != judgement.summary or judgement.summary.verdict is not judgement.verdict:
        raise _unusable(path, "a verdict that its checks contradict")
    return judgement


def _failed(path: Path) -> Failed | None:
    """Why the run ended without a verdict; None where the file does not say so."""
    try:
        return FAILED.decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _counted(checks: tuple[CheckResult, ...]) -> Summary:
    found = Counter(check.outcome for check in checks)
    return Summary(len(checks), found[Outcome.PASS], found[Outcome.FAIL], found[Outcome.WARN], found[Outcome.ERROR])


def _unusable(path: Path, found: str) -> ReportError:
    wanted = f"a report of recon as JSON, schema version {SCHEMA_VERSION}"
    return ReportError("The report cannot be read", where=str(path)[:300], expected=wanted, found=found[:200])
