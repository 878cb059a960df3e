"""Evaluates rules on the warehouse: the one place where a rule becomes a check."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb

from recon.model import Check, Outcome
from recon.suites import RULE_TYPE, Fallback, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from recon.warehouse import Warehouse

BY_SEVERITY = {"critical": Outcome.FAIL, "warning": Outcome.WARN, "info": Outcome.WARN}
PLACEHOLDER = re.compile(r"\{(\w+)\}")


class RuleError(Exception):
    """A rule that contradicts its own contract."""


def evaluate_all(rules: Sequence[Rule], warehouse: Warehouse, evidence_rows: int) -> Iterator[Check]:
    """Evaluate rule by rule, in their order."""
    for rule in rules:
        yield evaluate(rule, warehouse, evidence_rows)


def evaluate(rule: Rule, warehouse: Warehouse, evidence_rows: int = 1000) -> Check:
    """Evaluate one rule; whatever goes wrong on the way is an ERROR, never a pass.

    Args:
        rule: The rule.
        warehouse: Holds what the rule reads.
        evidence_rows: At most so many violating rows are kept; their number is exact all the same.
    """
    if rule.type != RULE_TYPE:
        return _unevaluated(rule, f"The expectation type {rule.type!r} is not evaluated by recon")
    refused = _first(rule.requires, warehouse.unreadable)
    if refused:
        return _unevaluated(rule, f"Not evaluated: {refused}")
    missing = _first(rule.requires, warehouse.missing)
    if missing:
        return _fall_back(rule, rule.when_missing, missing)
    try:
        return _judge(rule, warehouse, evidence_rows)
    except (duckdb.Error, RuleError, KeyError) as error:
        reason = " ".join(str(error).split())
        return _unevaluated(rule, f"Not evaluated: {reason}")


def _judge(rule: Rule, warehouse: Warehouse, evidence_rows: int) -> Check:
    violations, count = warehouse.evidence(rule.sql, rule.parameters, evidence_rows)
    values = {**_values(rule, warehouse), "violations": count}
    outcome, message = _outcome(rule, warehouse, values)
    return _check(
        rule,
        outcome,
        message or fill(rule.messages["pass" if outcome is Outcome.PASS else "fail"], values),
        detail=_detail(outcome, values),
        expected=values.get("expected"),
        actual=values.get("actual"),
        violations=violations,
        violation_count=count,
        escalate=rule.escalate if _escalates(outcome, values) else None,
    )


def _outcome(rule: Rule, warehouse: Warehouse, values: Mapping[str, Any]) -> tuple[Outcome, str | None]:
    """The outcome, and the sentence that goes with it where the rule's own message does not."""
    named = values.get("outcome")
    violated = values["violations"] > 0
    if named is not None:
        outcome = _named_outcome(named)
        if violated and outcome is Outcome.PASS:
            raise RuleError(f"the rule names the outcome PASS beside {values['violations']} violations")
        return outcome, values.get("reason")
    if violated:
        return BY_SEVERITY[rule.severity], values.get("reason")
    empty = rule.when_empty
    if empty and warehouse.row_count(empty.table) == 0:
        return empty.outcome, empty.message
    return _without_evidence(rule, warehouse) or (Outcome.PASS, None)


def _without_evidence(rule: Rule, warehouse: Warehouse) -> tuple[Outcome, str] | None:
    """What a rule without violations comes to when something that it uses is not there."""
    refused = _first(rule.uses, warehouse.unreadable)
    if refused:
        return Outcome.ERROR, f"Not evaluated: {refused}"
    missing = _first(rule.uses, warehouse.missing)
    if not missing:
        return None
    if rule.when_missing is None:
        return Outcome.ERROR, f"Not evaluated: {missing}"
    return rule.when_missing.outcome, fill(rule.when_missing.message, {"missing": missing})


def _named_outcome(name: str) -> Outcome:
    try:
        return Outcome(name)
    except ValueError:
        raise RuleError(f"the rule names the outcome {name!r}") from None


def _values(rule: Rule, warehouse: Warehouse) -> dict[str, Any]:
    if rule.values_sql is None:
        return {}
    rows = warehouse.rows(rule.values_sql, rule.parameters, limit=2)
    if len(rows) != 1:
        raise RuleError(f"the rule's values query gave {'no row' if not rows else 'several rows'}, not exactly one")
    values = {name: _plain(value) for name, value in rows[0].items()}
    nulls = [name for name in ("expected", "actual") if name in values and values[name] is None]
    if nulls and values.get("outcome") is None:
        raise RuleError(f"the rule's value {nulls[0]!r} is null: there is nothing to compare")
    return values


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _detail(outcome: Outcome, values: Mapping[str, Any]) -> str | None:
    if outcome is Outcome.PASS:
        return None
    named = values.get("detail")
    return str(named) if named is not None else None


def _escalates(outcome: Outcome, values: Mapping[str, Any]) -> bool:
    return outcome is Outcome.FAIL and values.get("escalate") is not False


def _first(references: Sequence[str], reasons: Mapping[str, str]) -> str | None:
    """The first reason that touches one of `references`: of the column itself or of its whole table."""
    for reference in references:
        table = ".".join(reference.split(".")[:2])
        found = reasons.get(reference) or reasons.get(table)
        if found:
            return found
    return None


def _fall_back(rule: Rule, fallback: Fallback | None, missing: str) -> Check:
    if fallback is None:
        return _unevaluated(rule, f"Not evaluated: {missing}")
    return _check(rule, fallback.outcome, fill(fallback.message, {"missing": missing}))


def _unevaluated(rule: Rule, message: str) -> Check:
    return _check(rule, Outcome.ERROR, message)


def _check(rule: Rule, outcome: Outcome, message: str, **results: Any) -> Check:
    return Check(
        id=rule.id,
        name=rule.title,
        category=rule.category,
        severity=rule.severity,
        outcome=outcome,
        message=message,
        description=rule.description,
        guidance=rule.guidance,
        **results,
    )


def fill(template: str, values: Mapping[str, Any]) -> str:
    """`template` with each `{name}` replaced by its value.

    Raises:
        RuleError: The template names a value that the rule does not give, or that is null.
    """

    def value_of(match: re.Match[str]) -> str:
        value = values.get(match[1])
        if value is None:
            raise RuleError(f"the message names {{{match[1]}}}, which the rule's values lack")
        return str(value)

    return PLACEHOLDER.sub(value_of, template)
