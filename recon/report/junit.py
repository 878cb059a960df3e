"""The report as JUnit XML, in the dialect that Jenkins and GitLab read: one case per check.

Checks that could not be evaluated are skipped; since servers show a suite of skipped cases in green, an additional
case, "Verdict", is in error when the verdict is INCOMPLETE.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from recon.model import Outcome, Verdict
from recon.report.text import checks_line, escalation_sentence, facts, guidance, notices, printable, shown_of

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        _add_case(suite, check, v, failing)
    if v.verdict is Verdict.INCOMPLETE:
        _add_verdict(suite, v)
    if notices(v):
        SubElement(suite, "system-out").text = "\n".join(map(printable, notices(v)))
    _count(suites, suite, v)
    indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(suites, encoding="unicode")}\n'


def _properties(v: Verification) -> Iterator[tuple[str, str]]:
    """What to know first, the facts of the run, the policies that the bundle declares, and what was not checked."""
    yield from (("notice", notice) for notice in notices(v))
    for label, value in (("Verdict", str(v.verdict)), *facts(v)):
        yield label.lower().replace(" ", "_"), value
    yield from ((f"policy.{policy.key}", policy.expected) for policy in v.policies)
    yield from ((f"not_checked.{name}", reason) for name, reason in v.not_checked.items())


def _add_case(suite: Element, check: Check, v: Verification, failing: set[Outcome]) -> None:
    names = {"classname": printable(check.category), "name": printable(check.name)}
    case, message = SubElement(suite, "testcase", names), printable(check.message)
    if check.outcome in failing:
        failure = SubElement(case, "failure", {"type": str(check.outcome), "message": message})
        failure.text = "\n".join(_lines(check, v))
    elif check.outcome is Outcome.ERROR:
        SubElement(case, "skipped", {"message": f"not evaluated: {message}"})
    elif check.outcome is Outcome.WARN:
        SubElement(case, "system-out").text = "\n".join(("Passed with a warning", *_lines(check, v))[:MOST_LINES])


def _add_verdict(suite: Element, v: Verification) -> None:
    message = f"Verification {v.verdict}: {checks_line(v.summary)}"
    case = SubElement(suite, "testcase", {"classname": "verdict", "name": "Verdict"})
    error = SubElement(case, "error", {"type": str(v.verdict), "message": message})
    error.text = f"Next step: {printable(v.escalation.action)}"


def _count(suites: Element, suite: Element, v: Verification) -> None:
    """Set the attributes that repeat what the cases say; servers show these instead of counting themselves."""
    count = {kind: str(len(list(suite.iter(tag)))) for kind, tag in COUNTED.items()}
    # Without a zone: the schema's pattern has none, and readers take the time as UTC.
    moment = v.started_at.astimezone(UTC).isoformat(timespec="seconds").removesuffix("+00:00")
    time = {"time": f"{v.duration_ms / 1000:.3f}"}
    suite.attrib |= count | time | {"timestamp": moment}
    suites.attrib |= {kind: value for kind, value in count.items() if kind != "skipped"} | time


def _lines(check: Check, v: Verification) -> Iterator[str]:
    """What to know about a check that did not pass: a limited number of lines, each of limited length."""
    lines = [
        printable(check.message),
        *_labelled("Detail", check.detail),
        *_labelled("Meaning", guidance(check).meaning),
        *_labelled("Action", guidance(check).action),
        f"Escalate: {printable(escalation_sentence(check, v))}",
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
