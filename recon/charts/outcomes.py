"""Which outcome the checks give to what a chart shows, so that both have one colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.charts.account import STYLES
from recon.charts.theme import DATA, WEAK
from recon.model import SINGULAR, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recon.model import Check, Verification

WORST_FIRST = (Outcome.FAIL, Outcome.ERROR, Outcome.WARN)


def of_count(v: Verification, entity: str) -> str:
    """The outcome of the check that compared these two numbers; without one, whether they are equal."""
    numbers = (v.counts_bundle[entity], v.counts_database[entity])
    about = (check for check in v.checks if check.category == "counts" and _is_about(check, SINGULAR[entity]))
    for check in about:
        if (check.expected, check.actual) == numbers:
            return str(check.outcome)
    return str(Outcome.PASS if numbers[0] == numbers[1] else Outcome.FAIL)


def of_records(v: Verification) -> dict[str, str]:
    """The style of each outcome of records and rows that is a finding: that of the check about it."""
    styles = dict(STYLES)
    words = {"missing_in_target": "missing", "landed_altered": "altered", "unexpected": "unexpected"}
    for outcome, word in words.items():
        about = [check for check in v.checks if check.category == "records" and _is_about(check, word)]
        if about:
            worst = _worst(about)
            styles[outcome] = str(worst) if worst else WEAK
    return styles


def of_tiers(v: Verification) -> str:
    """The style of tiers that differ from the expectation: that of the worst check of tiers that compares no shares."""
    worst = _worst(check for check in v.checks if check.category == "tiers" and check.unit != "%")
    return str(worst) if worst else DATA


def of_no_tier(v: Verification) -> str:
    """The style of members without a tier: that of the worst check that limits their share."""
    worst = _worst(check for check in v.checks if check.category == "tiers" and check.unit == "%")
    return str(worst) if worst else DATA


def _worst(checks: Iterable[Check]) -> Outcome | None:
    found = {check.outcome for check in checks}
    return next((outcome for outcome in WORST_FIRST if outcome in found), None)


def _is_about(check: Check, word: str) -> bool:
    return word in check.name.casefold().split()
