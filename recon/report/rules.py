"""Rules in readable form: the list of all, one in full, and the results of their rehearsals."""

from __future__ import annotations

import json
from collections import Counter
from textwrap import fill, indent
from typing import TYPE_CHECKING, Any

from recon.report.text import plural, printable
from recon.rules import entry_of
from recon.rules.rule import ISSUES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from recon.rules import Fallback, Rule
    from recon.rules.testing.trials import Rehearsal, Trial

WIDTH = 80
MARGIN = " " * 7
KINDS = ("added", "replaced", "changed", "switched off")
COUNTED = "in numbers, what was looked at and found"
DOCUMENTED = (
    *("order", "id", "title", "category", "severity", "description", "meaning", "source", "overrides", "switched_off"),
    *("requires", "uses", "type", "sql", "values_sql", "parameters", "messages", "when_missing", "when_empty"),
    *("right_when_empty", "action", "diagnosis", "resolution", "escalate", "issue"),
)
WITHOUT_FALLBACK = "ERROR: Not evaluated: {missing}"


def own_rules(rules: Iterable[Rule]) -> str:
    """How many rules differ from the shipped ones: "1 added, 2 changed"; empty where none does."""
    kinds = Counter(_kind(rule) for rule in rules)
    return ", ".join(f"{kinds[kind]} {kind}" for kind in KINDS if kinds[kind])


def list_rules(rules: Sequence[Rule]) -> str:
    """Every rule in the order of its check, with what it requires, what its absence means, and where it is written."""
    widths = _widths(rules)
    lines = [_row(("order", "id", "title", "category", "severity"), widths), ""]
    lines += [line for rule in rules for line in (*_listed(rule, widths), "")]
    changes = own_rules(rules)
    return "\n".join([*lines, f"{plural(len(rules), 'check')}{f' ({changes})' if changes else ''}", ""])


def show_rule(rule: Rule) -> str:
    """One rule in full: what it reads, its SQL, and its message in each case."""
    return "\n".join(line for section in _sections(rule) for line in (*section, "") if section)


def show_rehearsals(rehearsals: Sequence[Rehearsal]) -> str:
    """The result of each rule in each situation, then the problems of all."""
    width = max(len(trial.situation) for rehearsal in rehearsals for trial in rehearsal.trials)
    lines = [line for rehearsal in rehearsals for line in (*_rehearsed(rehearsal, width), "")]
    problems = [(rehearsal.rule, problem) for rehearsal in rehearsals for problem in rehearsal.problems]
    for rule, problem in problems:
        lines += _wrapped(f"{rule.title} ({rule.source}) {problem}", "  - ", "    ")
    return "\n".join([*lines, *([""] if problems else []), _conclusion(rehearsals), ""])


def rules_document(rules: Iterable[Rule]) -> str:
    """The rules as JSON: a list of objects, each complete."""
    return _dump([_document(rule) for rule in rules])


def rehearsals_document(rehearsals: Iterable[Rehearsal]) -> str:
    """The rehearsals as JSON: a list of objects, one per rule."""
    return _dump(
        [
            {
                "id": r.rule.id,
                "source": r.rule.source,
                "problems": list(r.problems),
                "situations": [_trial_document(trial) for trial in r.trials],
            }
            for r in rehearsals
        ]
    )


def _kind(rule: Rule) -> str | None:
    if rule.switched_off:
        return "switched off"
    if rule.is_shipped:
        return "changed" if rule.overrides else None
    return "replaced" if rule.overrides else "added"


def _listed(rule: Rule, widths: Sequence[int]) -> Iterator[str]:
    yield _row(_cells(rule), widths)
    yield from _wrapped(rule.description, MARGIN)
    if rule.guidance.meaning:
        yield from _wrapped(f"If not: {rule.guidance.meaning}", MARGIN)
    yield from _wrapped(f"Rule: {rule.source}", MARGIN)
    if rule.overrides:
        yield from _wrapped(f"Own: {rule.overrides}", MARGIN)


def _cells(rule: Rule) -> tuple[str, ...]:
    return (str(rule.order), printable(rule.id), printable(rule.title), printable(rule.category), _severity(rule))


def _widths(rules: Iterable[Rule]) -> list[int]:
    return [max(map(len, column)) for column in zip(*map(_cells, rules), strict=True)]


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    order, *others = cells
    padded = (f"{cell:<{width}}" for cell, width in zip(others, widths[1:], strict=True))
    return f"{order:>5}  {'  '.join(padded)}".rstrip()


def _severity(rule: Rule) -> str:
    return "switched off" if rule.switched_off else rule.severity


def _sections(rule: Rule) -> Iterator[list[str]]:
    yield [
        printable(f"{rule.title} ({rule.id})"),
        *_wrapped(rule.description),
        *_facts(
            ("Category", rule.category), ("Severity", _severity(rule)), ("Rule", rule.source), ("Own", rule.overrides)
        ),
    ]
    yield ["Reads", *_facts(*((name, "") for name in rule.requires), *((name, "if there") for name in rule.uses))]
    yield _asks(rule)
    yield ["Values of the messages", *_sql(rule.values_sql)] if rule.values_sql else []
    yield ["Parameters", *_facts(*rule.parameters.items())] if rule.parameters else []
    yield ["Says", *_cases(rule)]
    yield ["What to do", *_guidance(rule)]


def _asks(rule: Rule) -> list[str]:
    if rule.is_gx_native:
        return ["Judged by Great Expectations", *_facts((rule.type, ""))]
    return ["Violations (no row: the rule holds)", *_sql(rule.sql)]


def _cases(rule: Rule) -> Iterator[str]:
    failed = "FAIL" if rule.severity == "critical" else "WARN"
    yield from _wrapped(f"PASS: {rule.messages.get('pass', COUNTED)}", "  ", "    ")
    yield from _wrapped(f"{failed}: {rule.messages.get('fail', COUNTED)}", "  ", "    ")
    missing = _fallback(rule.when_missing) if rule.when_missing else WITHOUT_FALLBACK
    yield from _wrapped(f"If what it reads is missing: {missing}", "  ", "    ")
    if rule.when_empty:
        yield from _wrapped(f"If {rule.when_empty.table} is empty: {_fallback(rule.when_empty)}", "  ", "    ")
    for table, why in rule.right_when_empty.items():
        yield from _wrapped(f"If {table} is empty it may pass: {why}", "  ", "    ")


def _fallback(fallback: Fallback) -> str:
    return f"{fallback.outcome}: {fallback.message}"


def _guidance(rule: Rule) -> Iterator[str]:
    guidance = rule.guidance
    issue = rule.issue if rule.escalate and rule.issue != ISSUES[0] else None
    yield from _facts(("Meaning", guidance.meaning), ("Action", guidance.action))
    yield from _facts(("Escalate", rule.escalate), ("Issue", issue))
    for title, steps in (("Diagnosis", guidance.diagnosis), ("Resolution", guidance.resolution)):
        if steps:
            yield f"  {title}:"
            for number, step in enumerate(steps, 1):
                yield from _wrapped(step, f"    {number}. ", "       ")


def _facts(*facts: tuple[str, Any]) -> Iterator[str]:
    """One line for each name and its value; none where the value is None."""
    for name, value in facts:
        if value is not None:
            yield from _wrapped(f"{name}: {value}" if value != "" else name, "  ", "    ")


def _sql(query: str) -> list[str]:
    return [printable(line) for line in indent(query.rstrip(), "  ").splitlines()]


def _rehearsed(rehearsal: Rehearsal, width: int) -> Iterator[str]:
    rule = rehearsal.rule
    yield printable(f"{rule.title} ({rule.id}), {rule.source}")
    for trial in rehearsal.trials:
        mark = "  <- vacuous" if trial.is_vacuous else ""
        yield f"  {trial.situation:<{width}}  {trial.outcome}{mark}"
        if trial.excuse:
            yield from _wrapped(f"right: {trial.excuse}", "    ", "    ")


def _conclusion(rehearsals: Sequence[Rehearsal]) -> str:
    wrong = sum(bool(rehearsal.problems) for rehearsal in rehearsals)
    situations = sum(len(rehearsal.trials) for rehearsal in rehearsals)
    if wrong:
        return f"{wrong} of {plural(len(rehearsals), 'check')} cannot be relied on."
    return f"{plural(len(rehearsals), 'check')} in {plural(situations, 'situation')}: none can pass vacuously."


def _wrapped(text: str, first: str = "", others: str | None = None) -> list[str]:
    return fill(
        printable(text),
        WIDTH,
        initial_indent=first,
        subsequent_indent=first if others is None else others,
        break_long_words=False,
        break_on_hyphens=False,
    ).splitlines()


def _document(rule: Rule) -> dict[str, Any]:
    """The rule's entry without its levels, and where it is from."""
    entry = entry_of(rule)
    given = {"source": rule.source, "overrides": rule.overrides, "switched_off": rule.switched_off}
    named = {**entry, **entry["kwargs"], **entry["meta"], **given}
    return {_camel(name): named[name] for name in DOCUMENTED}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.title, others))


def _trial_document(trial: Trial) -> dict[str, Any]:
    return {
        "situation": trial.situation,
        "outcome": str(trial.outcome),
        "message": trial.message,
        "vacuous": trial.is_vacuous,
        "right": trial.excuse,
    }


def _dump(document: list[dict[str, Any]]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n"
