"""The sections of a Verification that notebooks show, each as HTML, as Markdown and as plain text."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from recon.charts import draw, write_charts
from recon.errors import OutputError, VerificationFailedError
from recon.model import ENTITIES, Outcome, Verdict
from recon.report.formats import FORMATS
from recon.report.html import failed, page_title, passed, section, warned
from recon.report.ledger.phrases import left_out
from recon.report.markdown import head, unpassed_check
from recon.report.markdown import section as markdown_section
from recon.report.text import (
    accounted_line,
    checks_line,
    connection,
    escalation_sentence,
    markdown,
    not_checked,
    plural,
    printable,
)
from recon.verification import parameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recon.charts import Figure
    from recon.model import Check, Verification

LIBRARIES = ("recon", "polars", "duckdb", "altair", "great-expectations", "papermill")
# The series that each chart is drawn from, where it may be missing.
SERIES = {
    "tier-expected": "expected_tiers",
    "registrations-by-month": "registrations_by_month",
    "registrations-by-status": "registrations_by_status",
}
Lines = list[tuple[str, str]]


@dataclass(frozen=True)
class Section:
    """Something to show; a notebook displays the richest form that it supports.

    Attributes:
        html: All text from data is escaped.
        text: As Markdown, which is readable as plain text, too.
        title: The title of the page that contains it; None where it sets none.
    """

    html: str
    text: str
    title: str | None = None

    def _repr_html_(self) -> str:
        return self.html

    def _repr_markdown_(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        shown = {"text/html": self.html, "text/markdown": self.text, "text/plain": self.text}
        return shown, {"recon": {"title": self.title}} if self.title else {}


def verdict(verification: Verification) -> Section:
    """The verdict in one sentence, what did not pass, and whether to escalate."""
    v = verification
    html = section("head", v) + "\n" + section("short", v)
    return Section(html, "\n".join(head(v)), printable(page_title(v)))


def scope(verification: Verification) -> Section:
    """What was checked and what was not."""
    checked, unchecked = _checked(verification), list(_unchecked(verification))
    text = ["**Checked**", "", *_items(checked), "", "**Not checked**", ""]
    text += _items(unchecked) or ["- Nothing that recon knows of was left out."]
    return Section(section("scope", checked, unchecked), "\n".join(text))


def checks(verification: Verification) -> Section:
    """Every check with its message."""
    return _report(verification, "checks", "Verification Checks")


def counts(verification: Verification) -> Section:
    """The counts expected from the bundle beside those in the database."""
    return _report(verification, "counts", "Count Comparison")


def ledger(verification: Verification) -> Section:
    """What happened to every record and every row, and why they differ."""
    return Section(section("ledger", verification), _markdown(verification, "Record Ledger"))


def tiers(verification: Verification) -> Section:
    """Members by tier as a table."""
    return _report(verification, "tiers", "Tier Distribution", bars=False)


def policies(verification: Verification) -> Section:
    """The policies that the bundle declares."""
    return _report(verification, "policies", "Policy Verification")


def failures(verification: Verification, rows: int = 50) -> Section:
    """The meaning, the action, the escalation and violating rows of each check that failed or could not be evaluated.

    Args:
        verification: The judgement.
        rows: How many rows of each are shown at most; a page shows at most 50.
    """
    text = _findings(verification, failed(verification)) or "Nothing: no check failed, and every one was evaluated."
    return Section(section("failures", verification, rows), text)


def warnings(verification: Verification, rows: int = 50) -> Section:
    """The same of each check that warns."""
    text = _findings(verification, warned(verification)) or "None."
    return Section(section("warnings", verification, rows), text)


def passes(verification: Verification) -> Section:
    """The checks that passed, with their messages."""
    found = passed(verification)
    text = "\n".join(_items([(check.name, check.message) for check in found])) or "None."
    return Section(section("passes", verification), text)


def chart(verification: Verification, name: str) -> Figure | Section:
    """One chart of `recon.charts`, or a sentence that says why there is none."""
    return draw(verification, name).get(name) or _note(_why_no_chart(verification, name))


def environment(verification: Verification) -> Section:
    """Versions, the snapshot's guarantee, and durations."""
    v = verification
    facts = [
        ("Run ID", v.run_id),
        ("Database", v.snapshot.database),
        ("Snapshot", v.snapshot.guarantee),
        *connection(v.snapshot),
        ("Verified at", f"{v.verified_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("Duration", f"{v.duration_ms} ms"),
        *((step.capitalize(), f"{ms} ms") for step, ms in v.timings_ms.items()),
        ("Python", platform.python_version()),
        *((name, version(name)) for name in LIBRARIES),
    ]
    return Section(section("summary", facts), "\n".join(_items(facts)))


def files(verification: Verification, folder: Path | str | None) -> Section:
    """Write verification.json, verification-report.md and charts/ into `folder`; nothing where it is empty or None.

    Raises:
        OutputError: They cannot be written.
    """
    given = parameters.optional_text("outputs", folder)
    if given is None:
        return _note("No files were asked for.")
    home = Path(given)
    from recon.report.markdown import render_with_charts  # noqa: PLC0415 - needed only here

    words = {name: figure.alt for name, figure in write_charts(verification, home / "charts").items()}
    texts = {
        "verification.json": FORMATS["json"].render(verification),
        "verification-report.md": render_with_charts(verification, "charts", words),
    }
    try:
        for name, text in texts.items():
            (home / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError("The reports cannot be written", where=str(home)[:300], found=error.strerror) from error
    return _note(f"Written: {', '.join([*texts, 'charts'])}")


def conclude(verification: Verification, *, raise_on_failure: bool) -> Section:
    """Show the final sentence, and report a verdict other than PASSED to the caller as an error if asked to.

    Raises:
        VerificationFailedError: The verdict is not PASSED, and `raise_on_failure`.
    """
    sentence = f"Verification {verification.verdict} — {checks_line(verification.summary)}"
    if parameters.truth("raise_on_failure", raise_on_failure) and verification.verdict is not Verdict.PASSED:
        raise VerificationFailedError(sentence)
    return _note(sentence)


def _findings(v: Verification, found: Sequence[Check]) -> str:
    return "\n".join(line for check in found for line in (*unpassed_check(check, escalation_sentence(check, v)), ""))


def _report(v: Verification, name: str, heading: str, **options: Any) -> Section:
    """A section of the report, with its heading as a label for screen readers."""
    return Section(section(name, v, Markup('aria-label="{}"').format(heading), **options), _markdown(v, heading))


def _markdown(v: Verification, heading: str) -> str:
    """A section of the report without its heading, which is in the notebook."""
    return "\n".join(markdown_section(v, heading))


def _note(text: str) -> Section:
    return Section(section("note", text), markdown(text))


def _items(lines: Sequence[tuple[str, str]]) -> list[str]:
    return [f"- **{markdown(label)}**: {markdown(text)}" for label, text in lines]


def _checked(v: Verification) -> Lines:
    evaluated = [check for check in v.checks if check.violation_count is not None]
    present = ", ".join(f"{v.counts_database[entity]:,} {entity}" for entity in ENTITIES)
    return [
        ("Rules", f"{plural(len(evaluated), 'check')} of {len(v.checks)}: {checks_line(v.summary)}"),
        ("Database", f"{v.snapshot.database}: {present}"),
        ("Consistency", v.snapshot.guarantee),
        *connection(v.snapshot),
        ("Accounted for", accounted_line(v.ledger)),
    ]


def _unchecked(v: Verification) -> Iterator[tuple[str, str]]:
    yield from ((check.name, check.message) for check in v.checks if check.violation_count is None)
    yield from v.snapshot.not_read.items()
    yield from left_out(v.ledger) if v.ledger else ()
    yield from not_checked(v)
    uncompared = [policy for policy in v.policies if not policy.compared]
    if uncompared:
        yield "Policies", f"{len(uncompared)} of {len(v.policies)} are declared by the bundle and were not compared"
    yield from ((check.name, check.overrides) for check in v.checks if check.overrides)
    for check in v.checks:
        if check.outcome is not Outcome.PASS and check.violations.height < (check.violation_count or 0):
            kept = check.violations.height
            were = "was" if kept == 1 else "were"
            yield check.name, f"of {plural(check.violation_count or 0, 'violating row')}, {kept:,} {were} kept"
    if v.dry_run:
        yield "Dry run", "what an import wrote: the bundle is of a dry run, which wrote nothing"
    if v.masked:
        yield "Personal data", "names, e-mail addresses and phone numbers were compared, but are shown masked"


def _why_no_chart(v: Verification, name: str) -> str:
    if name == "record-ledger":
        return f"No chart: {accounted_line(v.ledger)}"
    known = v.distributions.not_known if v.distributions else {}
    reason = known.get(SERIES.get(name, ""))
    return f"No chart: {reason}" if reason else "No chart: there is nothing to show."
