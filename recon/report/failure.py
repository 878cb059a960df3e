"""A run that ended without a verdict, in every report format: what went wrong stands where the report is looked for."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import StringIO
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from recon.errors import ReportError
from recon.report.text import advice_of, escalation_document, markdown, printable, timestamp

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recon.model import Escalation

HEADING = "Post-Migration Verification"
OUTCOME = "error"
SCHEMA_VERSION = "1.0"
WITHOUT_VERDICT = "The run ended with an error and without a verdict"
NO_VERDICT = "No verdict was reached: nothing is known about the migration."


@dataclass(frozen=True)
class Failure:
    """Why there is no verdict.

    Attributes:
        title: The kind of error: "Bundle error", "Interrupted".
        message: What went wrong, without secrets; contains text from data.
        exit_code: 2, or 130 for an interrupt.
        bundle: The bundle as the user wrote it; empty: not known.
        heading: What would have been reported.
        escalation: Whom to escalate to, and what to do; None: the runbook says nothing of such an error.
    """

    title: str
    message: str
    exit_code: int = 2
    bundle: str = ""
    heading: str = HEADING
    escalation: Escalation | None = None
    occurred_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def subject(self) -> str:
        """What has no verdict, in a word or two."""
        return "Verification" if self.heading == HEADING else self.heading

    @property
    def sentence(self) -> str:
        """Kind and message on one line."""
        return f"{self.title}: {self.message}"

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """The facts of the run, as label and value."""
        named = (("Bundle", self.bundle),) if self.bundle else ()
        advised = advice_of(self.escalation) if self.escalation else ()
        return (*advised, *named, ("Ended at", timestamp(self.occurred_at)), ("Exit code", str(self.exit_code)))


def without_verdict(path: Path | str, found: str) -> ReportError:
    """The error for the report of a run that ended without a verdict."""
    return ReportError(WITHOUT_VERDICT, where=str(path)[:300], found=found[:500])


def as_json(failure: Failure) -> str:
    """The error as JSON, conforming to verification.schema.json."""
    document: dict[str, Any] = {
        "schemaVersion": SCHEMA_VERSION,
        "outcome": OUTCOME,
        "passed": False,
        "error": failure.title,
        "message": printable(failure.message),
        "exitCode": failure.exit_code,
        "bundlePath": printable(failure.bundle),
        "verifiedAt": timestamp(failure.occurred_at),
    }
    if failure.escalation:
        document["escalation"] = escalation_document(failure.escalation)
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_markdown(failure: Failure) -> str:
    """The error as Markdown."""
    return "\n".join((f"# {failure.heading}", "", *lines(failure), ""))


def lines(failure: Failure) -> list[str]:
    """The lines of Markdown below the heading."""
    facts = [f"- {label}: {markdown(value)}" for label, value in failure.facts]
    return [
        f"**{failure.subject} ERROR** — {NO_VERDICT}",
        "",
        f"> **{failure.title}**: {markdown(failure.message)}",
        "",
        *facts,
    ]


def as_junit(failure: Failure) -> str:
    """The error as JUnit XML: one case, which is in error."""
    count = {"tests": "1", "failures": "0", "errors": "1"}
    suites = Element("testsuites", {"name": failure.heading, **count, "time": "0.000"})
    moment = failure.occurred_at.astimezone(UTC).isoformat(timespec="seconds").removesuffix("+00:00")
    about = {"name": failure.heading, **count, "skipped": "0", "time": "0.000", "timestamp": moment}
    suite = SubElement(suites, "testsuite", about)
    properties = SubElement(suite, "properties")
    for label, value in failure.facts:
        SubElement(properties, "property", {"name": label.lower().replace(" ", "_"), "value": printable(value)})
    case = SubElement(suite, "testcase", {"classname": "verdict", "name": "Verdict"})
    message = printable(failure.sentence)
    SubElement(case, "error", {"type": failure.title, "message": message}).text = f"{message}\n{NO_VERDICT}"
    indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(suites, encoding="unicode")}\n'


def as_html(failure: Failure) -> str:
    """The error as one self-contained page."""
    # No other format needs a template engine.
    from recon.report.page.frame import PageFrame, page_template  # noqa: PLC0415 - a heavy import

    return PageFrame().render(page_template("failure.html.jinja"), failure=failure, no_verdict=NO_VERDICT)


def as_csv(failure: Failure) -> str:
    """The error as CSV, in the columns of the report."""
    from recon.report.csv import BYTE_ORDER_MARK, HEADER, fact  # noqa: PLC0415 - no other format needs it

    text = StringIO()
    text.write(BYTE_ORDER_MARK)
    writer = csv.writer(text)
    writer.writerow(HEADER)
    for label, value in (("Verdict", "ERROR"), ("Error", failure.sentence), *failure.facts):
        writer.writerow(fact(label, value))
    return text.getvalue()


RENDERERS: dict[str, Callable[[Failure], str]] = {
    "markdown": as_markdown,
    "json": as_json,
    "junit": as_junit,
    "html": as_html,
    "csv-long": as_csv,
}
"""The renderer of a failure, by the format's name."""
