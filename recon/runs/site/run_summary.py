"""What the home page needs of a run's verification.json, which may be large, and nothing else from it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from recon.errors import ReportError
from recon.model import Escalation, Outcome, Summary, Verdict
from recon.report.failure import without_verdict
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


class CheckResult(Struct, frozen=True):
    """The result of one check."""

    name: str
    outcome: Outcome
    message: str


class Accounted(Struct, frozen=True, rename="camel"):
    """The result of the ledger in words, and how many records and rows are unexplained."""

    accounted_for: str
    unexplained: Rows


class RunSummary(Struct, frozen=True, rename="camel"):
    """A run's judgement, as far as the home page shows it."""

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
