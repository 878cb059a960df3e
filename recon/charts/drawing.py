"""Which charts a Verification has, what each shows, and its numbers in words."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from recon.charts import findings, outcomes
from recon.charts.account import panel, panel_words
from recon.charts.bars import Bar, bars
from recon.charts.figure import Figure
from recon.charts.findings import MINUS, NO_TIER
from recon.charts.measure import cut
from recon.charts.months import columns
from recon.charts.theme import DATA
from recon.charts.waterfall import are_broken, waterfall
from recon.model import ENTITIES, Outcome
from recon.report.text import difference, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from recon.model import Check, Verification

ROWS_AT_MOST = 60
NAMED_AT_MOST = 12
NO_DATE = "(none)"
OWN_SCALE = "; differences on a scale of their own"


def draw(verification: Verification, only: str | None = None) -> dict[str, Figure]:
    """Draw the charts that the Verification has data for, by name, in the order of reports.

    Args:
        verification: What the charts show.
        only: The name of the only chart to draw; None: all.
    """
    wanted = {only: CHARTS[only]} if only else CHARTS
    figures = {name: figure for name, chart in wanted.items() for figure in chart(verification)}
    remark = _remark(verification)
    return {name: replace(figure, title=f"{figure.title}{remark}") for name, figure in figures.items()}


def _remark(v: Verification) -> str:
    """What every chart has to say as well, as it may be passed on alone; usually nothing."""
    return " (dry run)" if v.dry_run else " (another database's bundle)" if v.is_unrelated else ""


def _counts(v: Verification) -> Iterator[Figure]:
    rows = [
        _compared(e.capitalize(), v.counts_bundle[e], v.counts_database[e], outcomes.of_count(v, e)) for e in ENTITIES
    ]
    words = [f"{e} {v.counts_database[e]:,}, expected {v.counts_bundle[e]:,}" for e in ENTITIES]
    title = findings.of_counts(v.counts_bundle, v.counts_database)
    subtitle = f"Bar: rows in the database · line: what the bundle says there should be{_scale(rows)}"
    yield Figure("counts", title, subtitle, _numbers(words), partial(bars, rows))


def _ledger(v: Verification) -> Iterator[Figure]:
    if not v.ledger or not v.ledger.entities:
        return
    styles = outcomes.of_records(v)
    panels = [panel(account, styles) for account in v.ledger.entities]
    subtitle = "From source records to rows in the database, each entity on a scale of its own"
    subtitle += "; broken bars: the scale goes on near their ends" if are_broken(panels) else ""
    words = [panel_words(account) for account in v.ledger.entities]
    yield Figure("record-ledger", findings.of_ledger(v.ledger), subtitle, "; ".join(words), partial(waterfall, panels))


def _tiers(v: Verification) -> Iterator[Figure]:
    if not v.tiers:
        return
    without = outcomes.of_no_tier(v)
    rows = [
        Bar(
            tier.code,
            tier.count,
            f"{tier.count:,}",
            remark=f"{tier.percentage:.1f} %",
            style=without if tier.code == NO_TIER else DATA,
        )
        for tier in v.tiers[:ROWS_AT_MOST]
    ]
    words = [f"{cut(tier.code)} {tier.count:,} ({tier.percentage:.1f} %)" for tier in v.tiers]
    title = findings.of_tiers(v.tiers, v.counts_database["members"])
    subtitle = f"Members in each tier, in the tiers' own order{_of_all(len(v.tiers), 'tiers')}"
    yield Figure("tier-distribution", title, subtitle, _numbers(words), partial(bars, rows))


def _expected(v: Verification) -> Iterator[Figure]:
    known = v.distributions.expected_tiers if v.distributions else ()
    if not known or not v.tiers:
        return
    expected = {tally.label: tally.count for tally in known}
    present: dict[str, int] = {}
    for tier in v.tiers:
        present[tier.code] = present.get(tier.code, 0) + tier.count
    codes = sorted({**present, **expected}, key=lambda code: code == NO_TIER)
    style = outcomes.of_tiers(v)
    rows = []
    for code in codes[:ROWS_AT_MOST]:
        should, are = expected.get(code, 0), present.get(code, 0)
        rows.append(_compared(code, should, are, DATA if should == are else style))
    words = [f"{cut(code)} {present.get(code, 0):,}, expected {expected.get(code, 0):,}" for code in codes]
    title = findings.of_expected(expected, present, codes)
    subtitle = f"Bar: members in the database · line: by membership level and tier mapping{_scale(rows)}"
    subtitle += _of_all(len(codes), "tiers")
    yield Figure("tier-expected", title, subtitle, _numbers(words), partial(bars, rows))


def _coverage(v: Verification) -> Iterator[Figure]:
    """Every tier check that compares percentages; each bar has the colour of the check's outcome."""
    checks = [check for check in v.checks if check.category == "tiers" and check.unit == "%"]
    numbers = [(check, *limited) for check in checks if (limited := _limited(check))]
    if not numbers:
        return
    rows = [
        Bar(
            check.name,
            actual,
            f"{actual:g} %, limit {limit:g} %",
            limit,
            round(actual - limit, 6),
            f"{check.outcome} {actual - limit:+.6g}".replace("-", MINUS),
            str(check.outcome),
            stressed=check.outcome is not Outcome.PASS,
        )
        for check, limit, actual in numbers
    ]
    words = [f"{cut(check.name)} {actual:g} %, limit {limit:g} %: {check.outcome}" for check, limit, actual in numbers]
    title = findings.of_limits([(check.name, limit, actual) for check, limit, actual in numbers])
    longest = max(100.0, *(number for _, limit, actual in numbers for number in (limit, actual)))
    subtitle = f"Bar: the share, up to 100 % · line: the limit{_scale(rows)}"
    yield Figure("tier-coverage", title, subtitle, _numbers(words), partial(bars, rows, longest=longest))


def _by_month(v: Verification) -> Iterator[Figure]:
    tallies = v.distributions.registrations_by_month if v.distributions else ()
    months = [tally for tally in tallies if tally.label != NO_DATE]
    if not months:
        return
    undated = [f"{plural(tally.count, 'registration')} without a date" for tally in tallies if tally.label == NO_DATE]
    fewest = min(months, key=lambda month: month.count)
    words = [
        f"from {months[0].label} to {months[-1].label}",
        f"the fewest, {fewest.count:,}, in {fewest.label}",
        *undated,
    ]
    title = findings.of_months(months, v.counts_database["registrations"])
    subtitle = "; ".join(("Registrations by the month in which they were made (UTC)", *undated))
    yield Figure("registrations-by-month", title, subtitle, "; ".join(words), partial(columns, months))


def _by_status(v: Verification) -> Iterator[Figure]:
    tallies = v.distributions.registrations_by_status if v.distributions else ()
    if not tallies:
        return
    rows = [Bar(tally.label, tally.count, f"{tally.count:,}") for tally in tallies[:ROWS_AT_MOST]]
    words = [f"{cut(tally.label)} {tally.count:,}" for tally in tallies]
    title = findings.of_statuses(tallies, v.counts_database["registrations"])
    subtitle = f"Registrations of each status, the most frequent first{_of_all(len(tallies), 'statuses')}"
    yield Figure("registrations-by-status", title, subtitle, _numbers(words), partial(bars, rows))


def _compared(name: str, expected: int, present: int, style: str) -> Bar:
    """What is present as a bar, what is expected as a line across it, and the difference."""
    change = present - expected
    remark = difference(expected, present).replace("-", MINUS) if change else "equal"
    return Bar(
        name, present, f"{present:,}, expected {expected:,}", expected, change, remark, style, stressed=bool(change)
    )


def _limited(check: Check) -> tuple[float, float] | None:
    """Limit and value; None where the check did not find them."""
    limit, actual = check.expected, check.actual
    if isinstance(limit, int | float) and isinstance(actual, int | float):
        return float(limit), float(actual)
    return None


def _numbers(words: Sequence[str]) -> str:
    further = [f"and {len(words) - NAMED_AT_MOST:,} more"] if len(words) > NAMED_AT_MOST else []
    return "; ".join([*words[:NAMED_AT_MOST], *further])


def _scale(rows: Sequence[Bar]) -> str:
    return OWN_SCALE if any(row.change for row in rows) else ""


def _of_all(rows: int, noun: str) -> str:
    return f"; the first {ROWS_AT_MOST} of {rows:,} {noun}" if rows > ROWS_AT_MOST else ""


CHARTS: dict[str, Callable[[Verification], Iterator[Figure]]] = {
    "counts": _counts,
    "record-ledger": _ledger,
    "tier-distribution": _tiers,
    "tier-expected": _expected,
    "tier-coverage": _coverage,
    "registrations-by-month": _by_month,
    "registrations-by-status": _by_status,
}
