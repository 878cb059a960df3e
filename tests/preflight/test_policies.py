from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from recon.errors import BundleError
from recon.model import Check
from recon.preflight.policies import PolicyOptions, ask_policies

if TYPE_CHECKING:
    from pathlib import Path

    from recon.demo import DemoPaths

CLEAN = {
    "policies_valid": ("PASS", "23 of 23"),
    "policies_required": ("PASS", "23 of 23"),
    "policies_filled": ("PASS", "23 of 23"),
    "policies_known": ("PASS", "23 of 23"),
}


def declare(bundle: Path, *policies: dict[str, Any]) -> None:
    (bundle / "policy-bundle.json").write_text(json.dumps({"policies": policies}), encoding="utf-8")


def checks_of(bundle: Path, **options: Any) -> dict[str, Check]:
    return {each.id: each for each in ask_policies(PolicyOptions(bundle, **options)) if isinstance(each, Check)}


def answers(bundle: Path) -> dict[str, tuple[str, str]]:
    return {name: (str(check.outcome), check.message) for name, check in checks_of(bundle).items()}


def test_the_policies_of_a_clean_club_pass(clean: DemoPaths) -> None:
    assert answers(clean.bundle) == CLEAN


def test_each_kind_of_problem_is_named_before_the_import(demo: DemoPaths) -> None:
    declare(
        demo.bundle,
        {"key": "scheduling.timezone", "value": "Mars/Base", "source": "manual"},
        {"key": "display.organizationName", "value": "", "source": "template"},
        {"key": "display.memberTermPlural", "value": "", "source": "template"},
        {"key": "membership.newbyDays", "value": "zoe.quint@example.org", "source": "manual"},
        {"key": "membership.newbieDays", "value": 90, "source": "manual"},
        {"key": "membership.newbieDays", "value": 91, "source": "manual"},
        {"key": "membership.extendedDays", "value": 1, "source": "manual", "validationError": "too short"},
    )
    checks = checks_of(demo.bundle)
    assert answers(demo.bundle) == {
        "policies_valid": ("FAIL", "scheduling.timezone, membership.extendedDays"),
        "policies_required": ("PASS", "7 of 7"),
        "policies_filled": ("FAIL", "display.organizationName, display.memberTermPlural"),
        "policies_known": ("WARN", "membership.newbyDays, membership.newbieDays"),
    }
    assert checks["policies_known"].violations.rows() == [
        ("membership.newbyDays", "unknown key", '"z***@***"', "a known key (did you mean 'membership.newbieDays'?)"),
        ("membership.newbieDays", "declared more than once", "91", "once: before, it is 90"),
    ]
    shown = checks_of(demo.bundle, show_pii=True)["policies_known"].violations
    assert shown["value"].to_list() == ['"zoe.quint@example.org"', "91"]


def test_no_policies_are_no_pass(demo: DemoPaths) -> None:
    declare(demo.bundle)
    assert answers(demo.bundle) == {
        "policies_valid": ("WARN", "nothing to look at: no policy is declared"),
        "policies_required": ("FAIL", "scheduling.timezone, display.organizationName"),
        "policies_filled": ("WARN", "nothing to look at: no policy is declared"),
        "policies_known": ("WARN", "nothing to look at: no policy is declared"),
    }
    (demo.bundle / "policy-bundle.json").unlink()
    assert answers(demo.bundle) == {
        "policies_valid": ("WARN", "nothing to look at: the bundle has no policy-bundle.json")
    }


def test_a_bundle_that_cannot_be_read_ends_the_part(demo: DemoPaths) -> None:
    (demo.bundle / "policy-bundle.json").write_text("{", encoding="utf-8")
    with pytest.raises(BundleError, match="is not valid JSON"):
        list(ask_policies(PolicyOptions(demo.bundle)))
