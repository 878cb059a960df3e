"""Which charts a Verification has, what each shows, and its numbers in words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from recon.charts.account import panel, panel_words
from recon.charts.bars import Bar, bars, cut
from recon.charts.figure import Figure
from recon.charts.months import columns
from recon.charts.theme import DATA
from recon.charts.waterfall import waterfall
from recon.model import ENTITIES, Outcome
from recon.report.text import difference, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from recon.charts.bars import Drawing
    from recon.model import Check, Tally, Verification

ROWS_AT_MOST = 60
NAMED_AT_MOST = 12
NO_DATE = "(none)"
MINUS = "\u2212"


def draw(verification: Verification, only: str | None = None) -> dict[str, Figure]:
    """Draw the charts that the Verification has data for, by name, in the order of reports.

    Args:
        verification: What the charts show.
        only: The name of the only chart to draw; None: all.
    """
    wanted = {only: CHARTS[only]} if only else CHARTS
    figures = {name: figure for name, chart in wanted.items() for figure in chart(verification)}
    remark = _remark(verification)
    return {name: _remarked(figure, remark) for name, figure in figures.items()} if remark else figures


def _remark(v: Verification) -> str:
    """What every chart has to say as well, as it may be passed on alone; usually nothing."""
    return "dry run" if v.dry_run else "another database's bundle" if v.is_unrelated else ""


def _remarked(figure: Figure, remark: str) -> Figure:
    heading = {**figure.chart["title"], "text": f"{figure.chart['title']['text']} ({remark})"}
    title, alt = f"{figure.title} ({remark})", f"{figure.alt} ({remark})"
    return replace(figure, title=title, alt=alt, chart={**figure.chart, "title": heading, "description": alt})


def _counts(v: Verification) -> Iterator[Figure]:
    rows = [_compared(e.capitalize(), v.counts_bundle[e], v.counts_database[e], Outcome.FAIL) for e in ENTITIES]
    words = [f"{e}: {v.counts_database[e]:,}, expected {v.counts_bundle[e]:,}" for e in ENTITIES]
    title = "Counts: database beside bundle"
    drawing = bars(rows, title, "Bar: rows in the database · line: what the bundle says there should be")
    yield _figure("counts", title, words, drawing)


def _ledger(v: Verification) -> Iterator[Figure]:
    accounts = v.ledger.entities if v.ledger else ()
    if not accounts:
        return
    title = "From source records to rows in the database"
    drawing = waterfall([panel(account) for account in accounts], title, "Each entity on a scale of its own")
    yield _figure("record-ledger", title, [panel_words(account) for account in accounts], drawing)


def _tiers(v: Verification) -> Iterator[Figure]:
    if not v.tiers:
        return
    rows = [
        Bar(
            tier.code,
            tier.count,
            f"{tier.count:,}",
            remark=f"{tier.percentage:.1f} %",
            tooltip=_tooltip(tier.code, tier.count),
        )
        for tier in v.tiers[:ROWS_AT_MOST]
    ]
    words = [f"{cut(tier.code)} {tier.count:,} ({tier.percentage:.1f} %)" for tier in v.tiers]
    title = "Members by tier"
    drawing = bars(rows, title, f"In the tiers' own order{_of_all(len(v.tiers), 'tiers')}")
    yield _figure("tier-distribution", title, words, drawing)


def _expected(v: Verification) -> Iterator[Figure]:
    known = v.distributions.expected_tiers if v.distributions else ()
    if not known or not v.tiers:
        return
    expected = {tally.label: tally.count for tally in known}
    present: dict[str, int] = {}
    for tier in v.tiers:
        present[tier.code] = present.get(tier.code, 0) + tier.count
    codes = sorted({**present, **expected}, key=lambda code: code == "(none)")
    rows = [_compared(code, expected.get(code, 0), present.get(code, 0), DATA) for code in codes[:ROWS_AT_MOST]]
    words = [f"{cut(code)} {present.get(code, 0):,}, expected {expected.get(code, 0):,}" for code in codes]
    title = "Members by tier: database beside expectation"
    subtitle = f"Bar: in the database · line: by membership level and tier mapping{_of_all(len(codes), 'tiers')}"
    yield _figure("tier-expected", title, words, bars(rows, title, subtitle))


def _coverage(v: Verification) -> Iterator[Figure]:
    """Every tier check that compares percentages; each bar has the colour of the check's outcome."""
    checks = [check for check in v.checks if check.category == "tiers" and check.unit == "%"]
    numbers = [(check, *limited, check.outcome) for check in checks if (limited := _limited(check))]
    if not numbers:
        return
    rows = [
        Bar(check.name, actual, f"{actual:g} %, limit {limit:g} %", limit, str(o), o is not Outcome.PASS, str(o))
        for check, limit, actual, o in numbers
    ]
    words = [f"{cut(check.name)} {actual:g} %, limit {limit:g} %: {o}" for check, limit, actual, o in numbers]
    title = "Tier coverage against its limit"
    longest = max(100.0, *(number for _, limit, actual, _ in numbers for number in (limit, actual)))
    subtitle = "Bar: share of members, up to 100 % · line: the limit"
    yield _figure("tier-coverage", title, words, bars(rows, title, subtitle, longest))


def _by_month(v: Verification) -> Iterator[Figure]:
    tallies = v.distributions.registrations_by_month if v.distributions else ()
    months = [tally for tally in tallies if tally.label != NO_DATE]
    if not months:
        return
    undated = [f"{plural(tally.count, 'registration')} without a date" for tally in tallies if tally.label == NO_DATE]
    title = "Registrations per month"
    most, fewest = max(months, key=_count), min(months, key=_count)
    words = [
        f"from {months[0].label} to {months[-1].label}",
        f"the most, {most.count:,}, in {most.label}",
        f"the fewest, {fewest.count:,}, in {fewest.label}",
        *undated,
    ]
    subtitle = "; ".join(("By the day they were made (UTC)", *undated))
    yield _figure("registrations-by-month", title, words, columns(months, title, subtitle))


def _by_status(v: Verification) -> Iterator[Figure]:
    tallies = v.distributions.registrations_by_status if v.distributions else ()
    if not tallies:
        return
    rows = [Bar(t.label, t.count, f"{t.count:,}", tooltip=_tooltip(t.label, t.count)) for t in tallies[:ROWS_AT_MOST]]
    words = [f"{cut(tally.label)} {tally.count:,}" for tally in tallies]
    title = "Registrations by status"
    drawing = bars(rows, title, f"The most frequent first{_of_all(len(tallies), 'statuses')}")
    yield _figure("registrations-by-status", title, words, drawing)


def _compared(name: str, expected: int, present: int, differing: str) -> Bar:
    """What is present as a bar, what is expected as a line across it."""
    equal = expected == present
    remark = "equal" if equal else difference(expected, present).replace("-", MINUS)
    tooltip: dict[str, str | int | float] = {"Name": cut(name), "Expected": expected, "Database": present}
    style = DATA if equal else str(differing)
    return Bar(name, present, f"{present:,}, expected {expected:,}", expected, remark, not equal, style, tooltip)


def _limited(check: Check) -> tuple[float, float] | None:
    """Limit and value; None where the check did not find them."""
    limit, actual = check.expected, check.actual
    if isinstance(limit, int | float) and isinstance(actual, int | float):
        return float(limit), float(actual)
    return None


def _figure(name: str, title: str, words: Sequence[str], drawing: Drawing) -> Figure:
    further = [f"and {len(words) - NAMED_AT_MOST:,} more"] if len(words) > NAMED_AT_MOST else []
    alt = f"{title}: {'; '.join([*words[:NAMED_AT_MOST], *further])}."
    return Figure(name, title, alt, drawing.height, {**drawing.chart, "description": alt})


def _of_all(rows: int, noun: str) -> str:
    return f"; the first {ROWS_AT_MOST} of {rows:,} {noun}" if rows > ROWS_AT_MOST else ""


def _tooltip(name: str, count: int) -> dict[str, str | int | float]:
    return {"Name": cut(name), "Count": count}


def _count(tally: Tally) -> int:
    return tally.count


CHARTS: dict[str, Callable[[Verification], Iterator[Figure]]] = {
    "counts": _counts,
    "record-ledger": _ledger,
    "tier-distribution": _tiers,
    "tier-expected": _expected,
    "tier-coverage": _coverage,
    "registrations-by-month": _by_month,
    "registrations-by-status": _by_status,
}
