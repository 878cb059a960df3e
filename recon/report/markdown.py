"""The report as Markdown: the sections that the runbook describes, then what failed and what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from recon.model import ENTITIES, Outcome
from recon.report.ledger.markdown import ledger_section
from recon.report.policies import policy_result, policy_values, shown_policies, unshown_policies
from recon.report.table import markdown_table
from recon.report.text import (
    accounted_line,
    checks_line,
    deadline,
    difference,
    escalation_sentence,
    facts,
    guidance,
    has_next_step,
    markdown,
    not_checked,
    notices,
    printable,
    shown_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from recon.model import Check, Escalation, Verification
    from recon.report.commands import ShowCommand

SHOWN_ROWS = 10
FAILED = "What Failed"
CHARTS = {
    "Count Comparison": ("counts",),
    "Record Ledger": ("record-ledger",),
    "Tier Distribution": (
        "tier-distribution",
        "tier-expected",
        "tier-coverage",
        "registrations-by-month",
        "registrations-by-status",
    ),
}
MARKS = {Outcome.PASS: "PASS", Outcome.WARN: "**WARN**", Outcome.FAIL: "**FAIL**", Outcome.ERROR: "**ERROR**"}


def render(verification: Verification, command: ShowCommand | None = None) -> str:
    """The complete report; `command`: as of `render_with_charts`."""
    return render_with_charts(verification, "", {}, command)


def render_with_charts(
    verification: Verification, folder: str, charts: Mapping[str, str], command: ShowCommand | None = None
) -> str:
    """The complete report, with each chart at the end of the section that it belongs to.

    Args:
        verification: What to render.
        folder: The folder beside the report that holds the charts, as <name>.svg.
        charts: The names of the charts, and what they show in words.
        command: What shows the rows of a check that are left out; None: nothing does.
    """
    lines = [*head(verification), ""]
    for heading in SECTIONS:
        lines += [f"## {heading}", "", *section(verification, heading, command), ""]
        for name in CHARTS.get(heading, ()):
            if name in charts:
                lines += [f"![{markdown(charts[name])}]({folder}/{name}.svg)", ""]
    return "\n".join(lines)


def section(verification: Verification, heading: str, command: ShowCommand | None = None) -> Iterator[str]:
    """The lines of one of `SECTIONS`, without its heading; `command`: as of `render_with_charts`."""
    return _failures(verification, command) if heading == FAILED else SECTIONS[heading](verification)


def head(v: Verification) -> Iterator[str]:
    """The lines above the first section: notices, the verdict, what did not pass, and whether to escalate."""
    yield "# Post-Migration Verification"
    yield ""
    for notice in notices(v):
        yield f"> **{markdown(notice)}**"
        yield ""
    yield f"**Verification {v.verdict}** — Checks: {checks_line(v.summary)}"
    yield ""
    yield f"Accounted for: {markdown(accounted_line(v.ledger))}"
    if v.unpassed:
        yield ""
        yield from (f"- {MARKS[c.outcome]} {markdown(c.name)}: {markdown(c.message)}" for c in v.unpassed)
    if v.unpassed or has_next_step(v):
        yield ""
        yield markdown(f"Next step: {v.escalation.situation} — {v.escalation.action}")
        yield from advice_lines(v.escalation)
    yield from escalation_lines(v.escalation)


def advice_lines(escalation: Escalation) -> Iterator[str]:
    """The commands for the next step, as a block of code, and when it has to be decided."""
    if escalation.commands:
        yield from ("", *_code_block(escalation.commands))
    if escalation.decide_by:
        yield from ("", f"Decide by: {deadline(escalation.decide_by)}")


def _code_block(lines: Iterable[str]) -> list[str]:
    """The lines as they are, between fences that none of them can close."""
    shown = [printable(line) for line in lines]
    fence = "`" * max(3, *(len(run) + 1 for line in shown for run in re.findall("`+", line)), 3)
    return [fence, *shown, fence]


def escalation_lines(escalation: Escalation) -> Iterator[str]:
    """Whom to escalate to and why, and what must not be done meanwhile."""
    for issue in escalation.raised:
        yield ""
        yield f"> **Escalate to: {markdown(issue.contact)}** (priority: {markdown(issue.priority)})"
        yield from (f"> - {markdown(reason)}" for reason in issue.reasons)
    if escalation.caution:
        yield ""
        yield f"> **{markdown(escalation.caution)}**"


def _summary(v: Verification) -> Iterator[str]:
    yield from markdown_table(("", "Value"), [(label, markdown(value)) for label, value in facts(v)])
    if v.snapshot.not_read:
        yield ""
        yield "Not in the database, or not readable:"
        yield ""
        yield from (f"- {markdown(name)}: {markdown(reason)}" for name, reason in v.snapshot.not_read.items())
    if v.not_checked:
        yield ""
        yield "Not checked:"
        yield ""
        yield from (f"- {markdown(why)}: {markdown(names)}" for why, names in not_checked(v))


def _counts(v: Verification) -> Iterator[str]:
    rows = [(e, v.counts_bundle[e], v.counts_database[e]) for e in ENTITIES]
    yield from markdown_table(
        ("Entity", "Bundle (created + updated)", "Database", "Difference"),
        [(e.capitalize(), f"{b:,}", f"{d:,}", difference(b, d)) for e, b, d in rows],
        numbers=3,
    )


def _tiers(v: Verification) -> Iterator[str]:
    if not v.tiers:
        yield "Not recorded: the database has no tiers that could be read."
        return
    yield from markdown_table(
        ("Tier", "Name", "Members", "Share"),
        [(markdown(t.code), markdown(t.name), f"{t.count:,}", f"{t.percentage:.1f} %") for t in v.tiers],
        numbers=2,
    )


def _checks(v: Verification) -> Iterator[str]:
    yield from markdown_table(
        ("Outcome", "Check", "Category", "Message", "Rule"),
        [
            (MARKS[c.outcome], markdown(c.name), markdown(c.category), markdown(c.message), markdown(c.source))
            for c in v.checks
        ],
    )
    overridden = [check for check in v.checks if check.overrides]
    if overridden:
        yield ""
        yield "Rules that are not as they were shipped:"
        yield ""
        yield from (f"- {markdown(check.name)}: {markdown(check.overrides)}" for check in overridden)


def _policies(v: Verification) -> Iterator[str]:
    if not v.policies:
        yield "The bundle declares no policies."
        return
    shown = shown_policies(v)
    if shown:
        yield from markdown_table(
            ("Policy", "Result", "Expected", "Actual", "Where", "Source", "Required"),
            [
                (
                    markdown(p.key),
                    markdown(policy_result(p)),
                    *map(markdown, policy_values(p)),
                    markdown(p.where or ""),
                    markdown(p.source),
                    "yes" if p.required else "no",
                )
                for p in shown
            ],
        )
        yield ""
    yield from (markdown(sentence).replace("not compared", "**not compared**", 1) for sentence in unshown_policies(v))


def _failures(v: Verification, command: ShowCommand | None = None) -> Iterator[str]:
    if not v.unpassed:
        yield "Nothing: every check passed without remark."
        return
    for check in v.unpassed:
        yield from unpassed_check(check, escalation_sentence(check, v), command)
        yield ""


def unpassed_check(check: Check, escalation: str | None = None, command: ShowCommand | None = None) -> Iterator[str]:
    """The lines about a check that did not pass.

    Args:
        check: Whose outcome is not PASS.
        escalation: Whether it is to be escalated, to whom and why; None where that is not decided by the runbook.
        command: What shows the rows that are left out; None: nothing does.
    """
    yield f"### {check.outcome}: {markdown(check.name)}"
    yield ""
    yield markdown(check.message)
    yield ""
    if check.detail:
        yield f"- **Detail**: {markdown(check.detail)}"
    advice = guidance(check)
    if advice.meaning:
        yield f"- **Meaning**: {markdown(advice.meaning)}"
    if advice.action:
        yield f"- **Action**: {markdown(advice.action)}"
    if escalation:
        yield f"- **Escalate**: {markdown(escalation)}"
    yield from _steps("Diagnosis", advice.diagnosis)
    yield from _steps("Resolution", advice.resolution)
    if check.violations.height:
        yield ""
        yield from _violations(check)
        yield from _rest(command.rest_of(check, SHOWN_ROWS) if command else None)


def _steps(title: str, steps: Sequence[str]) -> Iterator[str]:
    if steps:
        yield f"- **{title}**:"
        yield from (f"  {number}. {markdown(step)}" for number, step in enumerate(steps, 1))


def _violations(check: Check) -> Iterator[str]:
    shown = check.violations.head(SHOWN_ROWS)
    yield f"Violating rows{shown_of(shown.height, check.violation_count or 0)}:"
    yield ""
    rows = ([markdown(value) for value in row] for row in shown.iter_rows())
    yield from markdown_table([markdown(name) for name in shown.columns], rows)


def _rest(rest: tuple[str, str] | None) -> Iterator[str]:
    if rest:
        words, line = rest
        yield from ("", f"{words}:", "", *_code_block([line]))


def _ledger(v: Verification) -> Iterator[str]:
    return ledger_section(v.ledger)


SECTIONS: dict[str, Callable[[Verification], Iterator[str]]] = {
    "Summary": _summary,
    "Count Comparison": _counts,
    "Record Ledger": _ledger,
    "Tier Distribution": _tiers,
    "Verification Checks": _checks,
    "Policy Verification": _policies,
    FAILED: _failures,
}
"""The content below each heading, in the runbook's order."""
