"""A rehearsal: every rule judged where there is nothing to look at, before a migration depends on it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from recon.checks import evaluate, unknown_values
from recon.model import Outcome
from recon.profile import load_profile
from recon.references import known_names, require_known
from recon.situations import WHOLE, Situation, build, situations
from recon.suites import layers_of, load_rules
from recon.suites.rule import table_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from recon.profile import Profile
    from recon.suites import Rule
    from recon.warehouse import Warehouse

# Tables that are empty where nothing is wrong.
FINDINGS = ("ledger.differences", "ledger.duplicate_keys")


class Trial(Struct, frozen=True):
    """What a rule says in one situation.

    Attributes:
        is_vacuous: Whether it passes although something that it reads is empty, and does not say why that is right.
        excuse: Why a pass with something empty is right; None where nothing needs that.
    """

    situation: str
    outcome: Outcome
    message: str
    is_vacuous: bool = False
    excuse: str | None = None


class Rehearsal(Struct, frozen=True):
    """One rule in every situation that concerns it.

    Attributes:
        problems: What is wrong with the rule, a sentence each; none: it can be relied on.
    """

    rule: Rule
    trials: tuple[Trial, ...]
    problems: tuple[str, ...]


def load_checks(expectations: Iterable[Path | str] = (), *, shipped_suites: bool = True) -> tuple[Rule, ...]:
    """The rules that `verify` would evaluate, in the order of their checks.

    Args:
        expectations: Folders of suites of one's own, the later over the earlier.
        shipped_suites: Whether the shipped suites lie below them.

    Raises:
        SuiteError: A suite cannot be used, or a rule refers to what no profile and no bundle has.
    """
    rules = load_rules(layers_of(expectations, shipped_suites=shipped_suites))
    require_known(rules, known_names(load_profile()))
    return rules


def rehearse(rules: Sequence[Rule], profile: Profile | None = None) -> tuple[Rehearsal, ...]:
    """Judge every rule where nothing is missing, where all is empty, and where one thing that it reads is.

    A rule that is switched off is judged as if it were not. Without a profile, the built-in one names the tables.
    """
    profile = profile or load_profile()
    awake = [replace(rule, switched_off=None) for rule in rules]
    reads = {reference for rule in awake for reference in rule.reads}
    trials: dict[str, list[Trial]] = {rule.id: [] for rule in awake}
    unknown: dict[str, list[str]] = {}
    for situation in situations(profile):
        concerned = [rule for rule in awake if situation.of_table in (None, *rule.tables)]
        if not concerned:
            continue
        with build(situation, profile, reads) as warehouse:
            for rule in concerned:
                trials[rule.id].append(_try(rule, situation, warehouse))
                if situation is WHOLE and trials[rule.id][0].outcome is not Outcome.ERROR:
                    unknown[rule.id] = unknown_values(rule, warehouse)
    return tuple(
        Rehearsal(
            rule, tuple(trials[rule.id]), tuple(_problems(waking, trials[rule.id], unknown.get(rule.id, []), profile))
        )
        for rule, waking in zip(rules, awake, strict=True)
    )


def _try(rule: Rule, situation: Situation, warehouse: Warehouse) -> Trial:
    check = evaluate(rule, warehouse)
    trial = Trial(situation.name, check.outcome, check.message)
    if check.outcome is not Outcome.PASS:
        return trial
    without = [table for table in rule.tables if _holds_nothing(table, situation, warehouse)]
    # With nothing at all to look at, no reason makes a pass right.
    if situation.is_bare or len(without) == len(rule.tables) or not set(without) <= set(rule.right_when_empty):
        return replace(trial, is_vacuous=True)
    return replace(trial, excuse="; ".join(rule.right_when_empty[table] for table in without) or None)


def _holds_nothing(table: str, situation: Situation, warehouse: Warehouse) -> bool:
    """Whether a table has no row in this situation; findings are none in any."""
    return table in situation.without_rows or (
        table.startswith(("source.", "ledger.")) and table not in FINDINGS and warehouse.row_count(table) == 0
    )


def _problems(rule: Rule, trials: Iterable[Trial], unknown: Iterable[str], profile: Profile) -> Iterator[str]:
    whole, *others = trials
    if whole.outcome is Outcome.ERROR:
        yield f"cannot be evaluated where nothing is missing: {whole.message.removeprefix('Not evaluated: ')}"
    else:
        # A value that its messages name and nothing gives: where it is needed, the check would be an ERROR.
        unfilled = [f"names {{{name}}} in a message, which its values lack" for name in unknown]
        yield from _undeclared(rule, profile) or unfilled
    vacuous = [trial.situation for trial in (whole, *others) if trial.is_vacuous]
    if vacuous:
        yield f"could pass vacuously: it passes where {', where '.join(vacuous)}"


def _undeclared(rule: Rule, profile: Profile) -> list[str]:
    """The columns that the rule reads without naming them; they would not be read from the database for it."""
    columns = {f"target.{t.name}.{c.name}": t.required and c.required for t in profile.tables for c in t.columns}
    # A table that is named alone is read whole.
    declared = {name: is_read or bool({name, table_of(name)} & {*rule.reads}) for name, is_read in columns.items()}
    if _binds(rule, profile, declared):
        return []
    unnamed = [name for name, is_declared in declared.items() if not is_declared]
    lacking = partial(_lacks, rule, profile, columns)
    tables = [table for table in dict.fromkeys(map(table_of, unnamed)) if lacking(_of_table(table, unnamed))]
    found = [name for table in tables for name in _of_table(table, unnamed) if lacking([name])]
    # A table may be read without any of its columns.
    named = ", ".join(found or tables) or "more than one thing"
    return [f"reads {named}, which neither requires nor uses names: name it, or it is not read from the database"]


def _lacks(rule: Rule, profile: Profile, columns: Iterable[str], unnamed: Sequence[str]) -> bool:
    """Whether the rule cannot be evaluated on a warehouse without the columns `unnamed`."""
    return not _binds(rule, profile, {name: name not in unnamed for name in columns})


def _of_table(table: str, columns: Iterable[str]) -> list[str]:
    return [name for name in columns if table_of(name) == table]


def _binds(rule: Rule, profile: Profile, has_column: Mapping[str, bool]) -> bool:
    """Whether the rule can be evaluated on a warehouse with these columns alone."""
    with build(WHOLE, profile, rule.reads, lambda name: has_column[name]) as warehouse:
        return evaluate(rule, warehouse).outcome is not Outcome.ERROR
