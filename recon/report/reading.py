"""Reads back a JSON report: the verification as it was judged, without judging again."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import ValidationError, convert

from recon.errors import ReportError
from recon.model import (
    Acceptance,
    AcceptedDifferences,
    Check,
    Distributions,
    Escalation,
    Guidance,
    Outcome,
    PolicyResult,
    SnapshotInfo,
    Tally,
    TierCount,
    Verification,
)
from recon.model.verification import frame_of
from recon.report.failure import OUTCOME, without_verdict
from recon.report.json import SCHEMA_VERSION
from recon.report.ledger.document import ledger_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WANTED = f"a report of recon as JSON, schema version {SCHEMA_VERSION}"


def load_verification(path: Path | str) -> Verification:
    """Load the Verification from a JSON report.

    Violating rows are returned with the types of JSON: instants and keys are text.

    Raises:
        ReportError: The file cannot be read, or is not such a report.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        version = document["schemaVersion"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        found = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        raise _unusable(path, found) from error
    if version != SCHEMA_VERSION:
        raise _unusable(path, f"schema version {version}")
    if document.get("outcome") == OUTCOME:
        raise without_verdict(path, f"{document.get('error')}: {document.get('message')}")
    try:
        return verification_of(document)
    except (KeyError, TypeError, ValueError, AttributeError, ValidationError) as error:
        raise _unusable(path, f"{type(error).__name__}: {error}") from error


def verification_of(document: Mapping[str, Any]) -> Verification:
    """The Verification from whose plain objects `recon.report.json.document` made this document.

    Raises:
        KeyError, TypeError, ValueError, msgspec.ValidationError: The document is not of that form.
    """
    snapshot, escalation, age = document["snapshot"], document["escalation"], document["ageSeconds"]
    # A report from before there were ledgers has none.
    ledger = document.get("ledger")
    return Verification(
        run_id=document["runId"],
        bundle_path=document["bundlePath"],
        dry_run=document["dryRun"],
        completed_at=_moment(document["completedAt"]) if document["completedAt"] else None,
        started_at=_moment(document["startedAt"]),
        verified_at=_moment(document["verifiedAt"]),
        duration_ms=document["durationMs"],
        age=None if age is None else timedelta(seconds=age),
        checks=tuple(map(check_of, document["checks"])),
        counts_bundle=document["counts"]["bundle"],
        counts_database=document["counts"]["database"],
        tiers=tuple(
            TierCount(tier["tierCode"], tier["tierName"], tier["count"], tier["percentage"])
            for tier in document["tierDistribution"]
        ),
        policies=tuple(map(_policy, document["policyVerification"])),
        snapshot=SnapshotInfo(
            snapshot["database"],
            snapshot["guarantee"],
            snapshot["consistent"],
            snapshot["rows"],
            snapshot["notRead"],
            {table: tuple(columns) for table, columns in snapshot.get("unread", {}).items()},
            snapshot.get("encryption", "unknown"),
            snapshot.get("damaged", {}),
        ),
        escalation=convert(escalation, Escalation),
        timings_ms=document["timingsMs"],
        masked=document["masked"],
        distributions=_distributions(document["distributions"]),
        ledger=None if ledger is None else ledger_of(ledger),
        not_checked=document.get("notChecked", {}),
        accepted_differences=_accepted_differences(document.get("acceptedDifferences")),
    )


def check_of(document: Mapping[str, Any]) -> Check:
    """The Check from whose plain objects `recon.report.json.check_document` made this document.

    Raises:
        KeyError, TypeError, ValueError: The document is not of that form.
    """
    return Check(
        id=document["id"],
        name=document["name"],
        category=document["category"],
        severity=document["severity"],
        outcome=Outcome(document["outcome"]),
        message=document["message"],
        description=document["description"],
        guidance=Guidance(
            document["meaning"], document["action"], tuple(document["diagnosis"]), tuple(document["resolution"])
        ),
        detail=document["detail"],
        expected=document["expected"],
        actual=document["actual"],
        unit=document["unit"],
        violations=frame_of(document["violations"]),
        violation_count=document["violationCount"],
        escalate=document["escalate"],
        issue=document.get("issue", "failure"),
        source=document["source"],
        overrides=document["overrides"],
        accepted=_accepted(document.get("accepted")),
    )


def _accepted(document: Mapping[str, Any] | None) -> Acceptance | None:
    if document is None:
        return None
    until = document["until"]
    return Acceptance(
        document["accepted"],
        document["reopened"],
        document["open"],
        until and date.fromisoformat(until),
        Outcome(document["outcomeWithout"]),
    )


def _accepted_differences(document: Mapping[str, Any] | None) -> AcceptedDifferences | None:
    if document is None:
        return None
    return AcceptedDifferences(document["file"], document["entries"], document["expired"], tuple(document["problems"]))


def _policy(document: Mapping[str, Any]) -> PolicyResult:
    return PolicyResult(
        document["key"],
        json.dumps(document["expected"], ensure_ascii=False),
        document["source"],
        document["required"],
        None if document["actual"] is None else json.dumps(document["actual"], ensure_ascii=False),
        document["compared"],
        # A report from before policies were compared lacks the rest.
        document.get("match"),
        document.get("where"),
        document.get("problem"),
    )


def _distributions(document: Mapping[str, Any] | None) -> Distributions | None:
    if document is None:
        return None
    return Distributions(
        _tallies(document["expectedTiers"]),
        _tallies(document["registrationsByMonth"]),
        _tallies(document["registrationsByStatus"]),
        document["notKnown"],
    )


def _tallies(documents: Sequence[Mapping[str, Any]]) -> tuple[Tally, ...]:
    return tuple(Tally(document["label"], document["count"]) for document in documents)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _unusable(path: Path | str, found: str) -> ReportError:
    return ReportError("The report cannot be read", where=str(path)[:300], expected=WANTED, found=found[:300])
