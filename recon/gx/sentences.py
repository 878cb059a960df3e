"""The result of an expectation in plain words, which contain no value of a row."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from recon.report.text import plural
from recon.rules.foreign import COLUMN_KEYS, columns_of

if TYPE_CHECKING:
    from recon.rules import Rule

PREFIX = "expect_"
SHOWN = 200


def row_sentence(rule: Rule, unexpected: int, evaluated: int) -> str:
    """For an expectation about every row: "3 of 60 values of members.email do not match regex (regex: …)"."""
    looked_at = f"{unexpected:,} of {evaluated:,} {_things(rule)}"
    sentence = f"{looked_at} {_found(rule, holds=False, one=unexpected == 1)}{_expected(rule)}"
    if not unexpected:
        return f"All {evaluated:,} {_things(rule)} {_found(rule, holds=True, one=False)}{_expected(rule)}"
    return f"{sentence}; {mostly(rule):.15g} of all must" if mostly(rule) < 1 else sentence


def whole_sentence(rule: Rule, observed: object, *, holds: bool) -> str:
    """For an expectation about a whole column or table: "column mean of events.capacity is 12, …"."""
    subject = rule.type.removeprefix(PREFIX).partition("_to_")[0].replace("_", " ")
    number = f" is {_number(observed)}" if isinstance(observed, Real) else ""
    verdict = "as expected" if holds else "not as expected"
    wanted = _verb(rule)
    return f"{subject.capitalize()} of {_places(rule)}{number}, {verdict}: to {wanted}{_expected(rule)}"


def nothing_sentence(rule: Rule, rows: int) -> str:
    """Why nothing was looked at."""
    if rows:
        return f"Nothing to look at: in all {plural(rows, 'row')} {_places(rule)} is null"
    return f"Nothing to look at: {rule.table} has no row"


def _number(value: Real) -> str:
    return f"{int(value):,}" if isinstance(value, Integral) else f"{float(value):,.6g}"


def mostly(rule: Rule) -> float:
    """The share of the rows that must satisfy the expectation."""
    return float(rule.parameters.get("mostly", 1))


def _things(rule: Rule) -> str:
    return f"{'values' if len(columns_of(rule)) == 1 else 'rows'} of {_places(rule)}"


def _places(rule: Rule) -> str:
    table = rule.table.partition(".")[2] if rule.table.startswith("target.") else rule.table
    return " and ".join(f"{table}.{column}" for column in columns_of(rule)) or table


def _verb(rule: Rule) -> str:
    return rule.type.partition("_to_")[2].replace("_", " ") or rule.type


def _found(rule: Rule, *, holds: bool, one: bool) -> str:
    """What was found about the rows: "are unique", "do not match regex", "is null"."""
    verb = _verb(rule)
    is_negative = verb.startswith("not ")
    verb = verb.removeprefix("not ")
    negation = "not " if is_negative == holds else ""
    if verb.startswith("be "):
        return f"{'is' if one else 'are'} {negation}{verb.removeprefix('be ')}"
    if negation:
        return f"{'does' if one else 'do'} not {verb}"
    first, _, rest = verb.partition(" ")
    return f"{first}{'es' if first.endswith('ch') else 's'} {rest}" if one else verb


def _expected(rule: Rule) -> str:
    """The kwargs that say what is expected, as their author wrote them."""
    kwargs = {name: value for name, value in rule.parameters.items() if name not in (*COLUMN_KEYS, "mostly")}
    words = _verb(rule).split()
    text = ", ".join(_short(value) if name in words else f"{name}: {_short(value)}" for name, value in kwargs.items())
    return f" ({text})" if text else ""


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
