"""Rules as suites of Great Expectations: the effective ones, after layers and overrides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from great_expectations.core import ExpectationSuite
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

from recon.errors import StepError
from recon.gx.stock import expectation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.rules import Rule


def suite_of(name: str, rules: Sequence[Rule]) -> ExpectationSuite:
    """The rules as one suite that contains each of them.

    Raises:
        StepError: There is no rule, or the suite of Great Expectations lacks some or holds others.
    """
    if not rules:
        raise StepError("A suite without an expectation would always succeed", where=name[:300])
    suite = ExpectationSuite(name=name, expectations=[expectation(r) if r.is_gx_native else _own(r) for r in rules])
    held = [(kept.meta or {}).get("id") for kept in suite.expectations]
    given = [rule.id for rule in rules]
    if held != given:
        raise StepError(
            "Great Expectations dropped an expectation",
            where=name[:300],
            expected=", ".join(given),
            found=", ".join(map(str, held)) or "none",
        )
    return suite


def expectation_document(rule: Rule) -> dict[str, Any]:
    """A rule of recon as it is written in a suite file."""
    return {
        "type": rule.type,
        "severity": rule.severity,
        "description": rule.description,
        "kwargs": {"sql": rule.sql, "values_sql": rule.values_sql, "parameters": dict(rule.parameters)},
        "meta": {
            "id": rule.id,
            "title": rule.title,
            "category": rule.category,
            "order": rule.order,
            "requires": list(rule.requires),
            "uses": list(rule.uses),
            "messages": dict(rule.messages),
            "when_missing": rule.when_missing and rule.when_missing.document,
            "when_empty": rule.when_empty and rule.when_empty.document,
            "right_when_empty": dict(rule.right_when_empty),
            "meaning": rule.guidance.meaning,
            "action": rule.guidance.action,
            "diagnosis": list(rule.guidance.diagnosis),
            "resolution": list(rule.guidance.resolution),
            "escalate": rule.escalate,
            "explains": list(rule.explains),
        },
        "notes": rule.overrides,
    }


def _own(rule: Rule) -> Any:
    return ExpectationConfiguration(**expectation_document(rule)).to_domain_obj()
