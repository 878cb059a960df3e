"""A rehearsal: every rule judged with nothing to look at, before a migration depends on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from recon.model import Outcome
from recon.profile import load_profile
from recon.rules import Rule, layers_of, load_rules
from recon.rules.evaluation import evaluate, unknown_values
from recon.rules.references import known_names, require_known
from recon.rules.rule import table_of
from recon.rules.testing.situations import WHOLE, Situation, build, narrowed, situations

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from recon.profile import Profile
    from recon.warehouse import Warehouse

# Tables that are empty when nothing is wrong.
FINDINGS = (
    "source.unreadable_values",
    "source.readings",
    "ledger.differences",
    "ledger.duplicate_keys",
    "ledger.id_mappings",
    "ledger.policy_problems",
)


class Trial(Struct, frozen=True):
    """The result of a rule in one situation.

    Attributes:
        is_vacuous: Whether it passes although something that it reads is empty, without saying why that is right.
        excuse: Why a pass on something empty is right; None where none is needed.
    """

    situation: str
    outcome: Outcome
    message: str
    is_vacuous: bool = False
    excuse: str | None = None


class Rehearsal(Struct, frozen=True):
    """One rule in every situation that concerns it.

    Attributes:
        problems: What is wrong with the rule, one sentence each; if there are none, it can be relied on.
    """

    rule: Rule
    trials: tuple[Trial, ...]
    problems: tuple[str, ...]


def load_checks(expectations: Iterable[Path | str] = (), *, shipped_suites: bool = True) -> tuple[Rule, ...]:
    """Load the rules that `verify` would evaluate, in the order of their checks.

    Args:
        expectations: Folders of custom suites; later ones override earlier ones.
        shipped_suites: Whether the shipped suites are the lowest layer.

    Raises:
        SuiteError: A suite cannot be used, or a rule refers to a name that no profile and no bundle has.
    """
    rules = load_rules(layers_of(expectations, shipped_suites=shipped_suites))
    require_known(rules, known_names(load_profile()))
    return rules


def rehearse(rules: Sequence[Rule], profile: Profile | None = None) -> tuple[Rehearsal, ...]:
    """Judge every rule with nothing missing, with everything empty, and without each thing that it reads in turn.

    A rule that is switched off is judged as if it were not. Without a profile, the built-in one provides the tables.
    """
    profile = profile or load_profile()
    awake = [replace(rule, switched_off=None) for rule in rules]
    trials: dict[str, list[Trial]] = {rule.id: [] for rule in awake}
    unnamed: dict[str, list[str]] = {}
    for situation in situations(profile):
        concerned = [rule for rule in awake if situation.of_table in (None, *rule.tables)]
        if not concerned:
            continue
        with build(situation, profile, {name for rule in concerned for name in rule.reads}) as warehouse:
            for rule in concerned:
                trials[rule.id].append(_try(rule, situation, warehouse))
                if situation is WHOLE and trials[rule.id][0].outcome is not Outcome.ERROR:
                    unnamed[rule.id] = _unnamed(rule, profile, warehouse)
    return tuple(
        Rehearsal(rule, tuple(trials[rule.id]), tuple(_problems(trials[rule.id], unnamed.get(rule.id, []))))
        for rule in rules
    )


def _try(rule: Rule, situation: Situation, warehouse: Warehouse) -> Trial:
    check = evaluate(rule, warehouse)
    trial = Trial(situation.name, check.outcome, check.message)
    if check.outcome is not Outcome.PASS:
        return trial
    without = [table for table in rule.tables if _holds_nothing(table, situation, warehouse)]
    # With nothing at all to look at, no excuse makes a pass right.
    if situation.is_bare or len(without) == len(rule.tables) or not set(without) <= set(rule.right_when_empty):
        return replace(trial, is_vacuous=True)
    return replace(trial, excuse="; ".join(rule.right_when_empty[table] for table in without) or None)


def _holds_nothing(table: str, situation: Situation, warehouse: Warehouse) -> bool:
    """Whether a table has no row in this situation; tables of findings never count, since none are expected."""
    return table in situation.without_rows or (
        table.startswith(("source.", "ledger.")) and table not in FINDINGS and warehouse.row_count(table) == 0
    )


def _problems(trials: Iterable[Trial], unnamed: Iterable[str]) -> Iterator[str]:
    whole, *others = trials
    if whole.outcome is Outcome.ERROR:
        yield f"cannot be evaluated where nothing is missing: {whole.message.removeprefix('Not evaluated: ')}"
    yield from unnamed
    vacuous = [trial.situation for trial in (whole, *others) if trial.is_vacuous]
    if vacuous:
        yield f"could pass vacuously: it passes where {', where '.join(vacuous)}"


def _unnamed(rule: Rule, profile: Profile, whole: Warehouse) -> list[str]:
    """Problems with the names in a rule: columns that it reads, values in its messages."""
    # A value that nothing provides would make the check an ERROR where a message needs it.
    return _undeclared(rule, profile, whole) or [
        f"names {{{name}}} in a message, which its values lack" for name in unknown_values(rule, whole)
    ]


def _undeclared(rule: Rule, profile: Profile, whole: Warehouse) -> list[str]:
    """The problem of columns that the rule uses but does not name: they would not be read from the database for it."""
    columns = {f"target.{t.name}.{c.name}": t.required and c.required for t in profile.tables for c in t.columns}
    # A table that is named without columns is read completely.
    declared = {name: is_read or bool({name, table_of(name)} & {*rule.reads}) for name, is_read in columns.items()}

    def binds(has_column: Mapping[str, bool]) -> bool:
        with narrowed(whole, profile, rule.reads, has_column):
            return evaluate(rule, whole).outcome is not Outcome.ERROR

    def lacks(unnamed: Collection[str]) -> bool:
        return not binds({name: name not in unnamed for name in columns})

    if binds(declared):
        return []
    unnamed = [name for name, is_declared in declared.items() if not is_declared]
    tables = [table for table in dict.fromkeys(map(table_of, unnamed)) if lacks(_of_table(table, unnamed))]
    found = [name for table in tables for name in _of_table(table, unnamed) if lacks([name])]
    # A table may be read without any of its columns.
    named = ", ".join(found or tables) or "more than one thing"
    return [f"reads {named}, which neither requires nor uses names: name it, or it is not read from the database"]


def _of_table(table: str, columns: Iterable[str]) -> list[str]:
    return [name for name in columns if table_of(name) == table]
