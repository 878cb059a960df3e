"""The report as JUnit XML, in the dialect that Jenkins and GitLab read: one case per check.

Checks that could not be evaluated are skipped; since servers show a suite of skipped cases in green, an additional
case, "Verdict", is in error when the verdict is INCOMPLETE.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from recon.model import Outcome, Verdict
from recon.report.text import (
    advice_facts,
    checks_line,
    escalation_sentence,
    facts,
    guidance,
    notices,
    printable,
    shown_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from recon.model import Check, Verification

TITLE = "Post-Migration Verification"
MOST_LINES = 20
LONGEST_LINE = 500
# The attributes that hold the number of elements of a kind.
COUNTED = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}


def render(verification: Verification) -> str:
    """The complete report; a warning is a case that passed and is mentioned in its output."""
    return _document(verification, {Outcome.FAIL})


def render_strictly(verification: Verification) -> str:
    """The complete report; a warning is a failure."""
    return _document(verification, {Outcome.FAIL, Outcome.WARN})


def _document(v: Verification, failing: set[Outcome]) -> str:
    suites = Element("testsuites", {"name": TITLE})
    suite = SubElement(suites, "testsuite", {"name": TITLE})
    properties = SubElement(suite, "properties")
    for name, value in _properties(v):
        SubElement(properties, "property", {"name": printable(name), "value": printable(value)})
    for check in v.checks:
        add_case(suite, check, failing, escalation_sentence(check, v))
    if Outcome.WARN in failing and v.accepted_differences and v.accepted_differences.problems:
        _add_problems(suite, v.accepted_differences.problems)
    if v.verdict is Verdict.INCOMPLETE:
        add_verdict(suite, f"Verification {v.verdict}: {checks_line(v.summary)}", v.escalation.action)
    if notices(v):
        SubElement(suite, "system-out").text = "\n".join(map(printable, notices(v)))
    count_cases(suite, v.started_at, v.duration_ms)
    return xml_text(suites, v.duration_ms)


def xml_text(suites: Element, duration_ms: int) -> str:
    """The document, with the numbers of all its suites as attributes."""
    _add_counts(suites, duration_ms)
    del suites.attrib["skipped"]
    indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(suites, encoding="unicode")}\n'


def _properties(v: Verification) -> Iterator[tuple[str, str]]:
    """What to know first, the facts of the run, the policies that the bundle declares, and what was not checked."""
    yield from (("notice", notice) for notice in notices(v))
    for label, value in (("Verdict", str(v.verdict)), *advice_facts(v), *facts(v)):
        yield label.lower().replace(" ", "_"), value
    for policy in v.policies:
        yield f"policy.{policy.key}", policy.expected
        if policy.compared:
            yield f"policy_found.{policy.key}", policy.actual or "(none)"
        if policy.problem:
            yield f"policy_problem.{policy.key}", policy.problem
    yield from ((f"not_checked.{name}", reason) for name, reason in v.not_checked.items())


def add_case(suite: Element, check: Check, failing: set[Outcome], escalation: str | None = None) -> None:
    """Add the case of one check to a suite.

    Args:
        suite: Where to add it.
        check: Its category is the class, its name the name.
        failing: The outcomes that are failures.
        escalation: Whether it is to be escalated, to whom and why; None where that is not decided by the runbook.
    """
    names = {"classname": printable(check.category), "name": printable(check.name)}
    case, message = SubElement(suite, "testcase", names), printable(check.message)
    if check.outcome in failing:
        failure = SubElement(case, "failure", {"type": str(check.outcome), "message": message})
        failure.text = "\n".join(_lines(check, escalation))
    elif check.outcome is Outcome.ERROR:
        SubElement(case, "skipped", {"message": f"not evaluated: {message}"})
    elif check.outcome is Outcome.WARN:
        SubElement(case, "system-out").text = "\n".join(
            ("Passed with a warning", *_lines(check, escalation))[:MOST_LINES]
        )


def _add_problems(suite: Element, problems: Sequence[str]) -> None:
    """Add a failed case for what warns without being a check: accepted differences that somebody has to see to."""
    case = SubElement(suite, "testcase", {"classname": "acceptance", "name": "Accepted Differences"})
    failure = SubElement(case, "failure", {"type": str(Outcome.WARN), "message": printable(problems[0])})
    failure.text = "\n".join(map(printable, problems))


def add_verdict(suite: Element, message: str, next_step: str) -> None:
    """Add a case in error, without which servers would show a verdict of INCOMPLETE in green."""
    case = SubElement(suite, "testcase", {"classname": "verdict", "name": "Verdict"})
    error = SubElement(case, "error", {"type": str(Verdict.INCOMPLETE), "message": message})
    error.text = f"Next step: {printable(next_step)}"


def count_cases(suite: Element, started_at: datetime, duration_ms: int) -> None:
    """Set the attributes that repeat what the cases say; servers show these instead of counting themselves."""
    _add_counts(suite, duration_ms)
    # Without a zone: the schema's pattern has none, and readers take the time as UTC.
    suite.set("timestamp", started_at.astimezone(UTC).isoformat(timespec="seconds").removesuffix("+00:00"))


def _add_counts(element: Element, duration_ms: int) -> None:
    count = {kind: str(len(list(element.iter(tag)))) for kind, tag in COUNTED.items()}
    element.attrib |= count | {"time": f"{duration_ms / 1000:.3f}"}


def _lines(check: Check, escalation: str | None) -> Iterator[str]:
    """What to know about a check that did not pass: a limited number of lines, each of limited length."""
    lines = [
        printable(check.message),
        *_labelled("Detail", check.detail),
        *_labelled("Meaning", guidance(check).meaning),
        *_labelled("Action", guidance(check).action),
        *_labelled("Escalate", escalation),
    ]
    shown = check.violations.head(MOST_LINES - len(lines) - 2)
    if shown.height:
        lines.append(f"Violating rows{shown_of(shown.height, check.violation_count or 0)}:")
        lines += [", ".join(f"{printable(k)}={_value(x)}" for k, x in row.items()) for row in shown.to_dicts()]
    return (line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}…" for line in lines)


def _labelled(label: str, text: str | None) -> list[str]:
    return [f"{label}: {printable(text)}"] if text else []


def _value(value: object) -> str:
    return "null" if value is None else printable(value)
