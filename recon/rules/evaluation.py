"""Evaluates rules on the warehouse: the only place where a rule becomes a check."""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from decimal import Decimal
from importlib import import_module
from typing import TYPE_CHECKING, Any

import polars as pl

from recon.background import is_interrupted
from recon.errors import lack_of_resources
from recon.model import Check, Outcome
from recon.rules import Fallback, Rule
from recon.rules.reach import require_within_reach
from recon.rules.rule import ISSUES
from recon.rules.waiting import RuleLimits, RuleThreads, TimeLimitReached, limited

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from recon.warehouse import Warehouse
    from recon.warehouse.rule_reading import RuleReading

BY_SEVERITY = {"critical": Outcome.FAIL, "warning": Outcome.WARN, "info": Outcome.WARN}
NO_LIMITS = RuleLimits()
PLACEHOLDER = re.compile(r"\{(\w+)\}")
# Importing it takes seconds, so it is loaded only when the first rule of a foreign type is judged.
GREAT_EXPECTATIONS = "recon.gx"


class RuleError(Exception):
    """A rule that contradicts its own contract."""


def evaluate_all(
    rules: Sequence[Rule], warehouse: Warehouse, evidence_rows: int, limits: RuleLimits = NO_LIMITS
) -> Generator[Check]:
    """Evaluate the rules, two at a time; yields their checks in order.

    A rule that reaches a limit is an ERROR, also for whatever evaluates it again on the same warehouse. What is being
    evaluated when the iterator is closed is ended.

    Great Expectations is not thread-safe: its rules are judged in the calling thread, one by one.
    """

    def judge(rule: Rule) -> Check:
        return evaluate(rule, warehouse, evidence_rows)

    own = [rule for rule in rules if not rule.is_gx_native]
    with RuleThreads(own, judge, warehouse.interrupt, limits) as threads:
        attempts = iter(threads.attempts)
        for rule in rules:
            found = _in_time(rule, judge, limits) if rule.is_gx_native else threads.result(next(attempts))
            yield _given_up(rule, warehouse, found) if isinstance(found, str) else found


def _in_time(rule: Rule, judge: Callable[[Rule], Check], limits: RuleLimits) -> Check | str:
    with suppress(Exception):
        # What is being loaded must not be interrupted; what cannot be loaded is reported by the judgement.
        _judge_of(rule)
    try:
        with limited(limits):
            return judge(rule)
    except TimeLimitReached as reached:
        return str(reached)


def _given_up(rule: Rule, warehouse: Warehouse, reason: str) -> Check:
    warehouse.given_up[rule.id] = reason
    return _unevaluated(rule, reason)


def evaluate(rule: Rule, warehouse: Warehouse, evidence_rows: int = 1000) -> Check:
    """Evaluate one rule; any failure on the way is an ERROR, never a pass.

    Args:
        rule: The rule.
        warehouse: Holds what the rule reads.
        evidence_rows: At most this many violating rows are kept; their number is exact anyway.
    """
    return contained(rule, lambda: unjudged(rule, warehouse) or _judge_of(rule)(rule, warehouse, evidence_rows))


def contained(rule: Rule, judge: Callable[[], Check]) -> Check:
    """The check that `judge` returns, or an ERROR with the message of what it raised."""
    try:
        return judge()
    except (Exception, pl.exceptions.PanicException) as error:
        if is_interrupted():
            raise KeyboardInterrupt from error
        lack = lack_of_resources(error)
        return _unevaluated(rule, lack.message if lack else " ".join(str(error).split()) or type(error).__name__)


def _judge_of(rule: Rule) -> Callable[[Rule, Warehouse, int], Check]:
    """The function that judges rules of this type."""
    if not rule.is_gx_native:
        return _judge
    judge: Callable[[Rule, Warehouse, int], Check] = import_module(GREAT_EXPECTATIONS).judge
    return judge


def foresee(rule: Rule, warehouse: Warehouse) -> Fallback | None:
    """The fallback that absent tables or columns cause, before any row is read; None when the rows decide."""
    settled = unjudged(rule, warehouse)
    if settled:
        return Fallback(settled.outcome, settled.message)
    missing = _first(rule.uses, {**warehouse.missing, **warehouse.unreadable})
    if missing is None:
        return None
    return Fallback(_missing_fallback(rule, missing).outcome, f"It cannot pass, but violations count: {missing}")


def unjudged(rule: Rule, warehouse: Warehouse) -> Check | None:
    """The check of a rule that cannot be run; None when it can."""
    if rule.switched_off:
        return _switched_off(rule, rule.switched_off)
    if rule.id in warehouse.given_up:
        return _unevaluated(rule, warehouse.given_up[rule.id])
    refused = _first(rule.requires, warehouse.unreadable)
    if refused:
        return _unevaluated(rule, refused)
    missing = _first(rule.requires, warehouse.missing)
    if not missing:
        return None
    fallback = _missing_fallback(rule, missing)
    return make_check(rule, fallback.outcome, fallback.message)


def _judge(rule: Rule, warehouse: Warehouse, evidence_rows: int) -> Check:
    with _reading(rule, warehouse) as reading:
        violations, count = reading.evidence(rule.sql, rule.parameters, evidence_rows)
        given = _values(rule, reading)
    values = {**given, "violations": count, "s": "" if count == 1 else "s"}
    outcome, message = _outcome(rule, warehouse, values)
    return make_check(
        rule,
        outcome,
        message or fill(rule.messages["pass" if outcome is Outcome.PASS else "fail"], values),
        detail=_detail(outcome, values),
        expected=values.get("expected"),
        actual=values.get("actual"),
        unit=values.get("unit"),
        violations=violations,
        violation_count=count,
        escalate=_numbered(_escalation(rule, outcome, values.get("escalate")), values),
        issue=_issue(rule, values.get("issue")),
    )


@contextmanager
def _reading(rule: Rule, warehouse: Warehouse) -> Iterator[RuleReading]:
    """A reading for a rule whose queries are known to reach nothing else; of those that are shipped, tests know it."""
    with warehouse.reading() as reading:
        for sql in () if rule.is_shipped else filter(None, (rule.sql, rule.values_sql)):
            require_within_reach(sql, reading)
        yield reading


def _outcome(rule: Rule, warehouse: Warehouse, values: Mapping[str, Any]) -> tuple[Outcome, str | None]:
    """The outcome, and its message where the rule's own message does not apply."""
    named = _named_outcome(values.get("outcome"))
    if values["violations"] and named is Outcome.PASS:
        raise RuleError(f"the rule names the outcome PASS beside {values['violations']} violations")
    if named not in (None, Outcome.PASS):
        return named, values.get("reason")
    if values["violations"]:
        return BY_SEVERITY[rule.severity], values.get("reason")
    without = without_evidence(rule, warehouse)
    return (without.outcome, without.message) if without else (Outcome.PASS, values.get("reason"))


def without_evidence(rule: Rule, warehouse: Warehouse) -> Fallback | None:
    """The fallback of a rule without violations when something that it looks at is absent or empty."""
    refused = _first(rule.uses, warehouse.unreadable)
    if refused:
        return Fallback(Outcome.ERROR, f"Not evaluated: {refused}")
    missing = _first(rule.uses, warehouse.missing)
    if missing:
        return _missing_fallback(rule, missing)
    empty = rule.when_empty
    return empty if empty and warehouse.row_count(empty.table) == 0 else None


def _missing_fallback(rule: Rule, missing: str) -> Fallback:
    fallback = rule.when_missing
    if fallback is None:
        return Fallback(Outcome.ERROR, f"Not evaluated: {missing}")
    return Fallback(fallback.outcome, fill(fallback.message, {"missing": missing}))


def _named_outcome(name: object) -> Outcome | None:
    try:
        return None if name is None else Outcome(str(name))
    except ValueError:
        raise RuleError(f"the rule names the outcome {name!r}") from None


def _values(rule: Rule, reading: RuleReading) -> dict[str, Any]:
    if rule.values_sql is None:
        return {}
    rows = reading.rows(rule.values_sql, rule.parameters, limit=2)
    if len(rows) != 1:
        raise RuleError(f"the rule's values query gave {'no row' if not rows else 'several rows'}, not exactly one")
    values = {name: _plain(value) for name, value in rows[0].items()}
    nulls = [name for name in ("expected", "actual") if name in values and values[name] is None]
    if nulls and values.get("outcome") is None:
        raise RuleError(f"the rule's value {nulls[0]!r} is null: there is nothing to compare")
    return values


def unknown_values(rule: Rule, warehouse: Warehouse) -> list[str]:
    """The values that the rule's messages and its reason to escalate name but nothing provides, each once."""
    with _reading(rule, warehouse) as reading:
        given = {*_values(rule, reading), "violations", "s"}
    texts = (*rule.messages.values(), rule.escalate or "")
    named = [name for text in texts for name in PLACEHOLDER.findall(text) if name not in given]
    if rule.when_missing:
        named += [name for name in PLACEHOLDER.findall(rule.when_missing.message) if name != "missing"]
    return list(dict.fromkeys(named))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _detail(outcome: Outcome, values: Mapping[str, Any]) -> str | None:
    if outcome is Outcome.PASS:
        return None
    named = values.get("detail")
    return str(named) if named is not None else None


def _escalation(rule: Rule, outcome: Outcome, wanted: object) -> str | None:
    """Why the result is escalated; None: it is not.

    Args:
        rule: The rule, which may give a reason; an empty one means never.
        outcome: A failure is escalated unless that is declined, a warning only if it is asked for, nothing else ever.
        wanted: The rule's value `escalate`: True or False, or a text that replaces the rule's reason, of which an empty
            one is False; None: none given.
    """
    wanted = False if wanted == "" or rule.escalate == "" else wanted
    reason = wanted if isinstance(wanted, str) else rule.escalate
    is_escalated = wanted is not False if outcome is Outcome.FAIL else wanted is True or isinstance(wanted, str)
    return reason if is_escalated and outcome in (Outcome.FAIL, Outcome.WARN) else None


def _numbered(reason: str | None, values: Mapping[str, Any]) -> str | None:
    """The reason with the values that it names; what is none of them, or null, stays as it is written."""

    def value_of(match: re.Match[str]) -> str:
        value = values.get(match[1])
        return match[0] if value is None else str(value)

    return reason and PLACEHOLDER.sub(value_of, reason)


def _issue(rule: Rule, wanted: object) -> str:
    """The issue that the result is; the rule's value `issue` replaces that of its entry."""
    if wanted is None:
        return rule.issue
    if wanted not in ISSUES:
        raise RuleError(f"the rule names the issue {wanted!r}")
    return str(wanted)


def _first(references: Sequence[str], reasons: Mapping[str, str]) -> str | None:
    """The first reason that applies to one of `references`: to the column itself or to its whole table."""
    for reference in references:
        table = ".".join(reference.split(".")[:2])
        found = reasons.get(reference) or reasons.get(table)
        if found:
            return found
    return None


def _switched_off(rule: Rule, why: str) -> Check:
    """Never better than what the rule could have found: without a rule that can fail, the verdict is unknown."""
    could_fail = BY_SEVERITY[rule.severity] is Outcome.FAIL
    return make_check(rule, Outcome.ERROR if could_fail else Outcome.WARN, f"Not evaluated: switched off by {why}")


def _unevaluated(rule: Rule, reason: str) -> Check:
    return make_check(rule, Outcome.ERROR, f"Not evaluated: {reason}")


def make_check(rule: Rule, outcome: Outcome, message: str, **results: Any) -> Check:
    """Build the check of a rule from the rule's metadata and its results."""
    return Check(
        id=rule.id,
        name=rule.title,
        category=rule.category,
        severity=rule.severity,
        outcome=outcome,
        message=message,
        description=rule.description,
        guidance=rule.guidance,
        source=rule.source,
        overrides=rule.overrides,
        explains=rule.explains,
        **{"issue": rule.issue, **results},
    )


def fill(template: str, values: Mapping[str, Any]) -> str:
    """Replace each `{name}` in `template` by its value.

    Raises:
        RuleError: The template names a value that the rule does not provide, or that is null.
    """

    def value_of(match: re.Match[str]) -> str:
        value = values.get(match[1])
        if value is None:
            raise RuleError(f"the message names {{{match[1]}}}, which the rule's values lack")
        return str(value)

    return PLACEHOLDER.sub(value_of, template)
