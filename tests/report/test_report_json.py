from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from ledgers import HEADLINE, LEDGER
from migrated_databases import APART, APART_IN_GROUPS
from msgspec.structs import replace
from soaking import examples
from support import verify
from verifications import verifications

import recon
from recon.demo import FAULTS, plant
from recon.report.json import SCHEMA_VERSION, document, render

if TYPE_CHECKING:
    from recon.demo import DemoPaths
    from recon.model import Verification

SCHEMA = json.loads((Path(recon.__file__).parent / "report" / "verification.schema.json").read_text(encoding="utf-8"))
RUNBOOK_KEYS = {
    "runId",
    "bundlePath",
    "verifiedAt",
    "durationMs",
    "passed",
    "checks",
    "summary",
    "counts",
    "tierDistribution",
    "policyVerification",
}

TOGETHER = tuple(name for name in FAULTS if name not in APART)


def validate(report: Any) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(report)


def test_the_schema_is_a_schema_of_this_version() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["schemaVersion"]["const"] == SCHEMA_VERSION


@pytest.mark.parametrize("faults", [(), TOGETHER, *APART_IN_GROUPS], ids=" ".join)
def test_every_report_follows_the_schema(demo: DemoPaths, faults: tuple[str, ...]) -> None:
    plant(faults, demo.bundle, demo.database)
    report = json.loads(render(verify(demo)))
    validate(report)
    assert report.keys() >= RUNBOOK_KEYS


def test_the_schema_refuses_a_report_without_its_verdict(passed: Verification) -> None:
    report = document(passed)
    del report["verdict"]
    with pytest.raises(jsonschema.ValidationError, match="'verdict' is a required property"):
        validate(report)


def test_the_numbers_are_those_of_the_verification(demo: DemoPaths) -> None:
    plant(["missing-members"], demo.bundle, demo.database)
    verification = verify(demo)
    report = document(verification)
    members = verification.counts_database["members"]
    assert members < 60
    assert report["counts"]["database"]["members"] == members
    assert report["counts"]["bundle"]["members"] == 60
    count = report["checks"][0]
    assert (count["name"], count["passed"], count["expected"], count["actual"]) == ("Member Count", False, 60, members)
    reported = {"entity": "members", "expected": 60, "actual": members, "diff": 60 - members}
    assert [{name: row[name] for name in reported} for row in count["violations"]] == [reported]
    assert report["passed"] is False
    outcomes = [check["outcome"] for check in report["checks"]]
    assert report["summary"] == {
        "total": len(outcomes),
        "passed": outcomes.count("PASS"),
        "failed": outcomes.count("FAIL"),
        "warnings": outcomes.count("WARN"),
        "errors": 0,
    }
    assert report["summary"]["failed"] >= 1
    assert sum(tier["count"] for tier in report["tierDistribution"]) == members


def test_policies_that_only_the_bundle_has_are_not_compared(passed: Verification) -> None:
    policies = {policy["key"]: policy for policy in document(passed)["policyVerification"]}
    tiers, zone = (policies.pop(key) for key in ("membership.tiers.waMapping", "scheduling.timezone"))
    assert (zone["actual"], zone["match"]) == ("America/Los_Angeles", True)
    # Levels that no member has are not shown by the data.
    assert tiers["actual"].items() < tiers["expected"].items()
    assert policies["membership.newbieDays"]["expected"] == 90
    named = ("actual", "compared", "match", "where", "problem")
    assert {tuple(p[name] for name in named) for p in policies.values()} == {(None, False, None, None, None)}


def test_the_ledger_has_its_sums_and_outcomes(passed: Verification) -> None:
    ledger = document(replace(passed, ledger=LEDGER))["ledger"]
    assert ledger["accountedFor"] == HEADLINE
    assert [ledger[name] for name in ("records", "accounted", "unexplained", "unexplainedRecords")] == [
        2670,
        2667,
        5,
        3,
    ]
    members = ledger["entities"][0]
    assert members["outcomes"]["missing_in_target"] == 12
    assert members["rowsByOutcome"]["foreign_run"] == 3
    assert members["notCompared"] == {"tier_id": "the bundle names no tiers"}
    assert ledger["causes"][1]["examples"][1] == {
        "sourceRow": 3,
        "waId": "4713",
        "targetId": "id-3",
        "source": None,
        "target": "",
        "remark": "",
    }


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(verifications())
def test_every_ledger_follows_the_schema(verification: recon.Verification) -> None:
    validate(json.loads(render(verification)))
