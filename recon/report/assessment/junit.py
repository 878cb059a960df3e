"""An assessment as JUnit XML: one suite per part, one case per check."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement

from recon.model import Outcome, Verdict
from recon.report.junit import add_case, add_verdict, count_cases, xml_text
from recon.report.text import checks_line, printable

if TYPE_CHECKING:
    from recon.model import Assessment


def render(assessment: Assessment) -> str:
    """The complete report; a warning is a case that passed and is mentioned in its output."""
    return _document(assessment, {Outcome.FAIL})


def render_strictly(assessment: Assessment) -> str:
    """The complete report; a warning is a failure."""
    return _document(assessment, {Outcome.FAIL, Outcome.WARN})


def _document(a: Assessment, failing: set[Outcome]) -> str:
    suites = Element("testsuites", {"name": a.title})
    for number, part in enumerate(a.parts, 1):
        suite = SubElement(suites, "testsuite", {"name": part.title})
        properties = SubElement(suite, "properties")
        for fact in part.facts:
            about = {"name": fact.label.lower().replace(" ", "_"), "value": printable(fact.value)}
            SubElement(properties, "property", about)
        for check in part.checks:
            add_case(suite, check, failing)
        if number == len(a.parts) and a.verdict is Verdict.INCOMPLETE:
            sentence = f"{a.title} {a.verdict}: {checks_line(a.summary)}"
            add_verdict(suite, sentence, "; ".join(a.next_steps) or "Do what the checks in error say, and ask again")
        count_cases(suite, a.started_at, part.duration_ms)
    return xml_text(suites, a.duration_ms)
