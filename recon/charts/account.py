"""The chart of a Ledger: how each entity's source records become the rows in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.charts.theme import DATA, WEAK
from recon.charts.waterfall import Panel, WaterfallStep
from recon.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recon.model import EntityAccount

MINUS = "\u2212"
LOST = {"rejected": "Rejected", "skipped": "Skipped", "merged": "Merged", "missing_in_target": "Missing"}
ADDED = {"preexisting": "Preexisting", "foreign_run": "Foreign run", "unexpected": "Unexpected"}
STYLES = {
    "missing_in_target": str(Outcome.FAIL),
    "landed_altered": str(Outcome.FAIL),
    "foreign_run": str(Outcome.WARN),
    "unexpected": str(Outcome.FAIL),
}
"""The styles of outcomes that are findings, unless a check says otherwise; all others are weak."""


def panel(account: EntityAccount, styles: Mapping[str, str] = STYLES) -> Panel:
    """From the entity's records to its rows; steps of zero are omitted."""
    return Panel(account.entity.capitalize(), tuple(_steps(account, styles)))


def panel_words(account: EntityAccount) -> str:
    """The same as text."""
    return f"{account.entity}: {', '.join(f'{step.name.lower()} {step.words}' for step in _steps(account, STYLES))}"


def _steps(account: EntityAccount, styles: Mapping[str, str]) -> Iterator[WaterfallStep]:
    level = account.records
    yield _total("Records", level)
    for outcome, name in LOST.items():
        yield from _step(name, level, -account.outcomes[outcome], styles.get(outcome, WEAK))
        level -= account.outcomes[outcome]
    altered = account.outcomes["landed_altered"]
    yield _total("Landed", level)
    if altered:
        yield WaterfallStep("of them altered", level - altered, level, f"{altered:,}", styles["landed_altered"])
    # A skipped record may have found the row that it would have created: that row counts as claimed, too.
    also = account.rows_by_outcome["claimed"] - level
    yield from _step("Rows of skipped", level, also, WEAK)
    level += also
    for outcome, name in ADDED.items():
        yield from _step(name, level, account.rows_by_outcome[outcome], styles.get(outcome, WEAK))
        level += account.rows_by_outcome[outcome]
    yield _total("Rows in database", level)


def _total(name: str, count: int) -> WaterfallStep:
    return WaterfallStep(name, 0, count, f"{count:,}", DATA)


def _step(name: str, level: int, change: int, style: str) -> Iterator[WaterfallStep]:
    if change:
        sign = "+" if change > 0 else MINUS
        yield WaterfallStep(name, level, level + change, f"{sign}{abs(change):,}", style)
