"""What a chart shows, in one sentence of the Verification's numbers."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from recon.charts.measure import cut
from recon.model import SINGULAR
from recon.report.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from recon.model import EntityAccount, Ledger, Tally, TierCount

NO_TIER = "(none)"
NAMED_AT_MOST = 3
MINUS = "\u2212"


def of_counts(expected: Mapping[str, int], present: Mapping[str, int]) -> str:
    """Which entities are short of what is expected, and which agree."""
    differing = [_counted(e, expected[e], present[e]) for e in expected if expected[e] != present[e]]
    equal = [entity for entity in expected if expected[entity] == present[entity]]
    if not any((*expected.values(), *present.values())):
        return "Nothing is expected, and nothing is there"
    if not differing:
        return f"All counts agree: {listed(plural(expected[entity], SINGULAR[entity]) for entity in expected)}"
    agreeing = [f"{listed(equal)} agree"] if equal else []
    sentence = "; ".join((*differing, *agreeing))
    return sentence[:1].upper() + sentence[1:]


def of_ledger(ledger: Ledger) -> str:
    """How many records are missing or altered and rows unexpected, by entity; else that none is."""
    found = list(chain.from_iterable(map(_of_account, ledger.entities)))
    if found:
        further = [f"{len(found) - NAMED_AT_MOST} findings more"] if len(found) > NAMED_AT_MOST else []
        return listed([*found[:NAMED_AT_MOST], *further])
    if ledger.unexplained:
        return f"{ledger.unexplained:,} of {plural(ledger.records, 'record')} and rows are unexplained"
    return f"{plural(ledger.records, 'record')}: none is missing or altered, and no row is unexpected"


def of_tiers(tiers: Sequence[TierCount], members: int) -> str:
    """The largest tier, or that most members have none."""
    most = max((tier.count for tier in tiers), default=0)
    largest = [tier for tier in tiers if tier.count == most]
    if not most:
        return "No member has a tier"
    first = largest[0]
    share = f"{first.count:,} of {plural(members, 'member')} ({first.percentage:.1f} %)"
    if first.code == NO_TIER and len(largest) == 1:
        return f"More members have no tier than any tier: {share}"
    if len(largest) == 1:
        return f"{cut(first.code)} is the largest tier: {share}"
    return f"{_named([tier.code for tier in largest], 'tiers')} are the largest: {plural(most, 'member')} each"


def of_expected(expected: Mapping[str, int], present: Mapping[str, int], codes: Sequence[str]) -> str:
    """The tier that differs most from the expectation, and how many others differ."""
    differing = [code for code in codes if present.get(code, 0) != expected.get(code, 0)]
    if not differing:
        return "Every tier has as many members as expected"
    most = max(differing, key=lambda code: abs(present.get(code, 0) - expected.get(code, 0)))
    should, are = expected.get(most, 0), plural(present.get(most, 0), "member")
    subject = f"{are} without a tier" if most == NO_TIER else f"{cut(most)} has {are}"
    others = len(differing) - 1
    further = f"; {others:,} other{'s differ' if others > 1 else ' differs'} too" if others else ""
    return f"{subject}, expected {should:,}{further}"


def of_limits(limited: Sequence[tuple[str, float, float]]) -> str:
    """How far the first share that misses its limit is from it, or the first; each is (name, limit, value)."""
    below = [each for each in limited if each[2] < each[1]]
    name, limit, value = (below or limited)[0]
    change = round(value - limit, 6)
    points = f"{abs(change):g} point{'' if abs(change) == 1 else 's'}"
    where = "at its limit of" if not change else f"{points} {'above' if change > 0 else 'below'} its limit of"
    further = f"; {len(below) - 1} more below theirs" if len(below) > 1 else ""
    return f"{cut(name)} is {value:g} %, {where} {limit:g} %{further}"


def of_months(months: Sequence[Tally], registrations: int) -> str:
    """The month of the most registrations."""
    most = max(month.count for month in months)
    largest = [month.label for month in months if month.count == most]
    if len(months) == 1:
        return f"{most:,} of {plural(registrations, 'registration')} were made in {largest[0]}"
    if len(largest) == 1:
        return f"The most registrations were made in {largest[0]}: {most:,} of {registrations:,}"
    return f"The most registrations were made in {_named(largest, 'months')}: {most:,} each"


def of_statuses(tallies: Sequence[Tally], registrations: int) -> str:
    """The most frequent status."""
    first, *others = tallies
    if not others:
        return f"Every registration has the status {cut(first.label)}: {first.count:,}"
    equal = [tally.label for tally in tallies if tally.count == first.count]
    if len(equal) > 1:
        return f"{_named(equal, 'statuses')} are the most frequent: {plural(first.count, 'registration')} each"
    return f"{cut(first.label)} is the most frequent status: {first.count:,} of {plural(registrations, 'registration')}"


def listed(texts: Iterable[str]) -> str:
    """The texts as words of a sentence: "a, b and c"."""
    *others, last = texts
    return f"{', '.join(others)} and {last}" if others else last


def _counted(entity: str, expected: int, present: int) -> str:
    change = present - expected
    if not expected:
        return f"{plural(present, SINGULAR[entity])} where none is expected"
    return f"{entity} are {abs(change):,} {'short of' if change < 0 else 'over'} {expected:,}"


def _of_account(account: EntityAccount) -> Iterator[str]:
    noun = SINGULAR[account.entity]
    numbers = {
        "missing": (account.outcomes["missing_in_target"], account.records, f"{noun} record"),
        "altered": (account.outcomes["landed_altered"], account.records, f"{noun} record"),
        "unexpected": (account.rows_by_outcome["unexpected"], account.rows, f"{noun} row"),
    }
    for word, (count, of, what) in numbers.items():
        if count:
            yield f"{count:,} of {plural(of, what)} {'is' if count == 1 else 'are'} {word}"


def _named(names: Sequence[str], noun: str) -> str:
    """The names, or how many there are."""
    if len(names) > NAMED_AT_MOST:
        return f"{len(names):,} {noun}"
    return listed(map(cut, names))
