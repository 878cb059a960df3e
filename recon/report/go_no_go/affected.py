"""Who is affected and how badly: the ledger's accounts and the findings of checks, in words for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from msgspec import Struct

from recon.model import SINGULAR, Outcome
from recon.report.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

FOUND = (Outcome.FAIL, Outcome.WARN)
LOST, CHANGED, MISPLACED, EXTRA, UNCLEAR = "lost", "changed", "misplaced", "extra", "not identified"
# The kinds of causes that are none of lost records or changed values.
OTHERWISE = {
    "parent_other": MISPLACED,
    "parent_dangling": MISPLACED,
    "duplicate_key": UNCLEAR,
    "foreign_run": EXTRA,
    "written_later": EXTRA,
    "unexpected": EXTRA,
}
TIERS = "in another tier than the membership level leads to"
MOST_CAUSES = 2
LEAST_SHARE = 0.1


class SheetCause(Struct, frozen=True, rename="camel"):
    """Differences of one kind in one place, as of Cause."""

    name: str
    title: str
    entity: str
    count: int
    is_harmless: bool
    field: str | None = None

    @property
    def kind(self) -> str:
        """What it means for those affected."""
        return OTHERWISE.get(self.name, LOST if self.field is None else CHANGED)

    @property
    def words(self) -> str:
        """The cause, and the field where values differ."""
        is_named = self.field is not None and self.kind == CHANGED
        return f"{self.title} ({str(self.field).replace('_', ' ')})" if is_named else self.title


class SheetAccount(Struct, frozen=True, rename="camel"):
    """What became of one entity's records and rows, as of EntityAccount."""

    entity: str
    records: int
    rows: int
    outcomes: Mapping[str, int] = {}
    not_compared: Mapping[str, str] = {}


class SheetLevel(Struct, frozen=True, rename="camel"):
    """One membership level, as of LevelTiers."""

    without: int
    other: int
    expected: str | None = None

    @property
    def misplaced(self) -> int:
        """Number of members that are not in the tier which the level leads to."""
        return self.other + (self.without if self.expected is not None else 0)


class SheetLedger(Struct, frozen=True, rename="camel"):
    """What became of the records, and why."""

    accounted_for: str
    records: int = 0
    accounted: int = 0
    unexplained_rows: int = 0
    entities: tuple[SheetAccount, ...] = ()
    not_evaluated: Mapping[str, str] = {}
    causes: tuple[SheetCause, ...] = ()
    levels: tuple[SheetLevel, ...] = ()


class SheetAcceptance(Struct, frozen=True):
    """How many violations of a check are accepted and until when, and how many are open."""

    accepted: int
    open: int
    until: str | None


class SheetCheck(Struct, frozen=True, rename="camel"):
    """A check, as far as the sheet shows it."""

    name: str
    outcome: Outcome
    message: str
    accepted: SheetAcceptance | None = None
    meaning: str = ""
    violation_count: int | None = None
    violations: tuple[Mapping[str, object], ...] = ()


@dataclass(frozen=True)
class Affected:
    """Records or rows of one entity to which the same happened.

    Attributes:
        count: How many; at most so many where `is_most`, because one may be counted for several of its values.
        noun: What one of them is called.
        what: What happened to them: "are lost"; or the check that found them.
        why: The causes, or what the check says that means.
        of: How many there are of them; 0: not known.
    """

    count: int
    noun: str
    what: str
    why: str
    of: int = 0
    is_most: bool = False

    @property
    def number(self) -> str:
        """How many of what: "up to 47 members"."""
        return f"{'up to ' if self.is_most else ''}{plural(self.count, self.noun)}"

    @property
    def share(self) -> str:
        """Which share of all of them: "2.2 %"; empty: not known."""
        if not self.of:
            return ""
        share = 100 * self.count / self.of
        if self.count < self.of:
            return f"{min(share, 99.9):.1f} %" if share >= LEAST_SHARE else f"< {LEAST_SHARE} %"
        return "all"


def affected(ledger: SheetLedger | None, checks: Sequence[SheetCheck]) -> list[Affected]:
    """Who is affected, the most first; harmless differences affect nobody."""
    found = [] if ledger is None else [*_by_cause(ledger), *_by_tier(ledger)]
    known = {(each.noun, each.count) for each in found}
    accounts = () if ledger is None else [account.entity for account in ledger.entities]
    found += [each for each in _by_check(checks, accounts) if (each.noun, each.count) not in known]
    return sorted(found, key=lambda each: -each.count)


def _by_cause(ledger: SheetLedger) -> Iterator[Affected]:
    accounts = {account.entity: account for account in ledger.entities}
    causes = sorted((cause for cause in ledger.causes if not cause.is_harmless), key=_group)
    for (entity, kind), group in groupby(causes, key=_group):
        those = sorted(group, key=lambda cause: -cause.count)
        account = accounts.get(entity, SheetAccount(entity, 0, 0))
        count, is_most = sum(cause.count for cause in those), False
        altered = account.outcomes.get("landed_altered", 0)
        if kind in {CHANGED, MISPLACED} and len(those) > 1 and 0 < altered < count:
            # A record is counted for each of its values that differ.
            count, is_most = altered, any(cause.kind != kind for cause in causes if _is_value_of(cause, entity))
        of = account.rows if kind == EXTRA else account.records
        yield Affected(count, _noun(entity), f"{_are(count)} {kind}", _why(those), of, is_most)


def _group(cause: SheetCause) -> tuple[str, str]:
    return cause.entity, cause.kind


def _is_value_of(cause: SheetCause, entity: str) -> bool:
    return cause.entity == entity and cause.field is not None


def _why(causes: Sequence[SheetCause]) -> str:
    """The largest causes, with their numbers where there are several."""
    words = [f"{cause.words}: {cause.count:,}" for cause in causes] if len(causes) > 1 else [causes[0].words]
    more = len(words) - MOST_CAUSES
    return "; ".join([*words[:MOST_CAUSES], *([f"and {plural(more, 'other cause')}"] if more > 0 else [])])


def _by_tier(ledger: SheetLedger) -> Iterator[Affected]:
    count = sum(level.misplaced for level in ledger.levels)
    if count:
        of = next((account.records for account in ledger.entities if account.entity == "members"), 0)
        yield Affected(count, SINGULAR["members"], f"{_are(count)} {MISPLACED}", TIERS, of)


def _by_check(checks: Iterable[SheetCheck], accounts: Iterable[str]) -> Iterator[Affected]:
    """What checks found, by the entity of their findings; counts of an entity only where it has no account."""
    for check in checks:
        if check.outcome not in FOUND or not check.violation_count or not check.violations:
            continue
        first = check.violations[0]
        entity = _counted_entity(first)
        if entity and entity not in accounts:
            yield from _by_counts(entity, first)
        key = next(iter(first), "")
        if key.endswith("_id") and key.removesuffix("_id") in SINGULAR.values():
            count = check.violation_count
            yield Affected(count, key.removesuffix("_id"), check.name, check.meaning or check.message)


def _counted_entity(finding: Mapping[str, object]) -> str:
    """The entity whose number a finding says; empty: it says none."""
    numbers = (finding.get("expected"), finding.get("actual"))
    entity = finding.get("entity")
    return entity if isinstance(entity, str) and all(isinstance(number, int) for number in numbers) else ""


def _by_counts(entity: str, finding: Mapping[str, object]) -> Iterator[Affected]:
    expected, actual = finding["expected"], finding["actual"]
    if isinstance(expected, int) and isinstance(actual, int) and expected != actual:
        count, kind = abs(expected - actual), LOST if expected > actual else EXTRA
        why = f"by number alone: {actual:,} are there, {expected:,} were expected"
        yield Affected(count, _noun(entity), f"{_are(count)} {kind}", why, expected if kind == LOST else actual)


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _noun(entity: str) -> str:
    return SINGULAR.get(entity, entity.removesuffix("s"))
