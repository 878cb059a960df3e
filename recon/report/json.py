"""The report as JSON, conforming to the schema in verification.schema.json."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from recon.report.ledger.document import ledger_document
from recon.report.text import escalation_document, notices, printable, timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.model import (
        Acceptance,
        AcceptedDifferences,
        Check,
        Distributions,
        PolicyResult,
        SnapshotInfo,
        Tally,
        TierCount,
        Verification,
    )

SCHEMA_VERSION = "1.0"


def render(verification: Verification) -> str:
    """The complete report."""
    return json.dumps(document(verification), indent=2, ensure_ascii=False, default=str) + "\n"


def document(v: Verification) -> dict[str, Any]:
    """The report as plain objects: the runbook's keys first, then ours."""
    return _by_the_runbook(v) | {
        "notices": [printable(notice) for notice in notices(v)],
        "verdict": str(v.verdict),
        "dryRun": v.dry_run,
        "startedAt": timestamp(v.started_at),
        "completedAt": timestamp(v.completed_at) if v.completed_at else None,
        "ageSeconds": None if v.age is None else round(v.age.total_seconds()),
        "snapshot": _snapshot(v.snapshot),
        "escalation": escalation_document(v.escalation),
        "timingsMs": dict(v.timings_ms),
        "masked": v.masked,
        "distributions": None if v.distributions is None else _distributions(v.distributions),
        "notChecked": dict(v.not_checked),
        "acceptedDifferences": _accepted_differences(v.accepted_differences),
        "ledger": None if v.ledger is None else ledger_document(v.ledger),
    }


def _by_the_runbook(v: Verification) -> dict[str, Any]:
    return {
        "schemaVersion": SCHEMA_VERSION,
        "runId": v.run_id,
        "bundlePath": printable(v.bundle_path),
        "verifiedAt": timestamp(v.verified_at),
        "durationMs": v.duration_ms,
        "passed": v.verdict == "PASSED",
        "checks": [check_document(check) for check in v.checks],
        "summary": to_builtins(v.summary),
        "counts": {"bundle": dict(v.counts_bundle), "database": dict(v.counts_database)},
        "tierDistribution": [_tier(tier) for tier in v.tiers],
        "policyVerification": [_policy(policy) for policy in v.policies],
    }


def _tier(tier: TierCount) -> dict[str, Any]:
    return {"tierCode": tier.code, "tierName": tier.name, "count": tier.count, "percentage": tier.percentage}


def _policy(policy: PolicyResult) -> dict[str, Any]:
    return {
        "key": policy.key,
        "expected": json.loads(policy.expected),
        "actual": None if policy.actual is None else json.loads(policy.actual),
        "source": policy.source,
        "required": policy.required,
        "compared": policy.compared,
        "match": policy.match,
        "where": policy.where,
        "problem": policy.problem,
    }


def _snapshot(snapshot: SnapshotInfo) -> dict[str, Any]:
    return {
        "database": printable(snapshot.database),
        "guarantee": snapshot.guarantee,
        "consistent": snapshot.consistent,
        "rows": dict(snapshot.rows),
        "notRead": dict(snapshot.not_read),
        "encryption": snapshot.encryption,
        "damaged": dict(snapshot.damaged),
        "unread": {table: list(columns) for table, columns in snapshot.unread.items()},
    }


def _accepted_differences(read: AcceptedDifferences | None) -> dict[str, Any] | None:
    if read is None:
        return None
    problems = [printable(problem) for problem in read.problems]
    return {"file": printable(read.file), "entries": read.entries, "expired": read.expired, "problems": problems}


def _accepted(found: Acceptance | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "accepted": found.accepted,
        "reopened": found.reopened,
        "open": found.open,
        "until": found.until and found.until.isoformat(),
        "outcomeWithout": str(found.without),
    }


def _distributions(found: Distributions) -> dict[str, Any]:
    return {
        "expectedTiers": _tallies(found.expected_tiers),
        "registrationsByMonth": _tallies(found.registrations_by_month),
        "registrationsByStatus": _tallies(found.registrations_by_status),
        "notKnown": dict(found.not_known),
    }


def _tallies(tallies: Sequence[Tally]) -> list[dict[str, Any]]:
    return [{"label": tally.label, "count": tally.count} for tally in tallies]


def check_document(check: Check) -> dict[str, Any]:
    """One check as plain objects."""
    return {
        "name": check.name,
        "category": check.category,
        "passed": check.outcome.passed,
        "expected": check.expected,
        "actual": check.actual,
        "unit": check.unit,
        "message": check.message,
        "severity": check.severity,
        "id": check.id,
        "outcome": str(check.outcome),
        "detail": check.detail,
        "source": check.source,
        "overrides": check.overrides,
        "description": check.description,
        "meaning": check.guidance.meaning,
        "action": check.guidance.action,
        "diagnosis": list(check.guidance.diagnosis),
        "resolution": list(check.guidance.resolution),
        "escalate": check.escalate,
        "issue": check.issue,
        "violationCount": check.violation_count,
        "violations": check.violations.to_dicts(),
        "accepted": _accepted(check.accepted),
    }
