"""The review of a dry run: shows what it would do and what changed, asks, and records who reviewed it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from recon.errors import UsageError
from recon.model import Check, Fact, Probe, Summary
from recon.preflight.assessing import Step, Unheard, assess
from recon.preflight.decisions import Seen, decider, decisions_file, read_decisions, record_decision
from recon.preflight.dry_run import DryRunOptions, ask_dry_run
from recon.preflight.people import REVIEW
from recon.preflight.wording import counted, utc_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from recon.model import Assessment
    from recon.preflight.assessing import AssessmentListener
    from recon.preflight.decisions import Decision

    Confirm = Callable[[str], bool]

# These are new in each dry run.
IDENTIFYING = ("Run ID", "Completed", "SHA-256", "Database")
RECORDED = Probe(
    "review_recorded",
    "Review",
    "review",
    "Somebody reviewed the dry run, and it is recorded.",
    "The runbook (1.1) asks for a reviewed dry run before a migration",
    "Mend what did not pass and do the dry run again; or record the review with --despite REASON",
)


@dataclass(frozen=True)
class ReviewOptions:
    """What to review, and where to record it.

    Attributes:
        dry_run: The dry run, and what it is compared with.
        outputs: The folder of runs, which holds the file of decisions.
        by: Who reviews; None: the account.
        despite: Why it is recorded as reviewed although checks failed or could not be evaluated.
    """

    dry_run: DryRunOptions
    outputs: Path | str = "outputs"
    by: str | None = None
    despite: str | None = None


@dataclass
class _Listening:
    """Passes on what is found, and keeps it for the review."""

    listener: AssessmentListener
    facts: dict[str, str] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)

    def assessment_starting(self, title: str, started_at: datetime) -> None:
        self.listener.assessment_starting(title, started_at)

    def part_starting(self, number: int, total: int, title: str) -> None:
        self.listener.part_starting(number, total, title)

    def found(self, finding: Fact | Check) -> None:
        if isinstance(finding, Fact):
            self.facts[finding.label] = finding.value
        else:
            self.checks.append(finding)
        self.listener.found(finding)


def review(options: ReviewOptions, confirm: Confirm, listener: AssessmentListener | None = None) -> Assessment:
    """Judge the dry run, say what changed since the last review, ask, and record the review.

    Args:
        options: What to review.
        confirm: Asked with the question once everything is shown; whether the answer is yes.
        listener: Receives what is found as it is found; None: nobody does.

    Raises:
        UsageError: Nobody is named who reviews, or the reason is blank.
        DecisionError: The file of decisions is not as it was written.
    """
    who = decider(options.by)
    if options.despite is not None and not options.despite.strip():
        raise UsageError("No reason is given", where="--despite", expected="why it is reviewed all the same")
    last = read_decisions(decisions_file(options.outputs)).last(REVIEW)
    heard = _Listening(listener or Unheard())
    steps = (
        Step("dry-run", "Dry Run", partial(ask_dry_run, options.dry_run)),
        Step("review", "Review", lambda: _ask(options, confirm, heard, (who, last))),
    )
    return assess(REVIEW, "Dry-Run Review", steps, heard)


def _ask(
    options: ReviewOptions, confirm: Confirm, heard: _Listening, people: tuple[tuple[str, str | None], Decision | None]
) -> Iterator[Fact | Check]:
    who, last = people
    facts, checks = dict(heard.facts), tuple(heard.checks)
    yield from _changes(last, facts, _outcomes(checks))
    summary = Summary.of(checks)
    if "SHA-256" not in facts:
        yield RECORDED.not_evaluated("Not recorded: the bundle of the dry run cannot be used")
        return
    if summary.verdict != "PASSED" and not options.despite:
        bad = summary.failed + summary.errors
        yield RECORDED.failed(f"Not recorded: {counted(bad, 'check')} failed or could not be evaluated")
        return
    if not confirm(f"Dry run {summary.verdict}. Reviewed?"):
        yield RECORDED.failed("Not recorded: the answer was no")
        return
    path = decisions_file(options.outputs)
    seen = Seen(str(options.dry_run.bundle), facts["Run ID"], facts["SHA-256"])
    despite = options.despite if summary.verdict != "PASSED" else None
    answers = {"verdict": str(summary.verdict), "despite": despite, "facts": facts, "checks": _outcomes(checks)}
    decision = record_decision(path, REVIEW, who, answers, seen)
    message = f"Recorded in {path}: reviewed by {decision.by} at {utc_text(decision.at)}, SHA-256 {decision.sha256}"
    yield RECORDED.warned(f"{message}; despite {summary.verdict}: {despite}") if despite else RECORDED.passed(message)


def _outcomes(checks: tuple[Check, ...]) -> dict[str, str]:
    return {check.name: str(check.outcome) for check in checks}


def _changes(last: Decision | None, facts: Mapping[str, str], outcomes: Mapping[str, str]) -> Iterator[Fact]:
    """What is other than in the last dry run that was reviewed."""
    if last is None:
        yield Fact("Last review", "none")
        return
    is_same = last.seen is not None and last.seen.sha256 == facts.get("SHA-256")
    which = "of the same bundle" if is_same else f"of {last.seen.run_id if last.seen else 'another bundle'}"
    yield Fact("Last review", f"{which}, by {last.by} at {utc_text(last.at)}")
    before = {key: value for key, value in last.answers.get("facts", {}).items() if key not in IDENTIFYING}
    after = {key: value for key, value in facts.items() if key not in IDENTIFYING}
    changes = [*_differences(before, after), *_differences(last.answers.get("checks", {}), outcomes)]
    yield from changes
    if not changes:
        yield Fact("Changed since", "nothing")


def _differences(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Fact]:
    for name in dict.fromkeys([*after, *before]):
        if before.get(name) != after.get(name):
            yield Fact(f"Changed: {name}", f"{before.get(name, 'none')} → {after.get(name, 'none')}")
