"""Rules as suites of Great Expectations: the effective ones, after layers and overrides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from great_expectations.core import ExpectationSuite
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

from recon.errors import StepError
from recon.gx.stock import expectation
from recon.rules import entry_of

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


def _own(rule: Rule) -> Any:
    return ExpectationConfiguration(**entry_of(rule)).to_domain_obj()
