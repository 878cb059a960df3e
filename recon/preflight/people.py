"""What people have to have done before a migration: reviewed the dry run, notified the stakeholders, set the hours."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from recon.bundle import open_bundle
from recon.errors import BundleError, DecisionError
from recon.masking import mask_text
from recon.model import Fact, Findings, Outcome, Probe
from recon.preflight.decisions import Decisions, decisions_file, read_decisions
from recon.preflight.dry_run.bundle import bundle_digest
from recon.preflight.windows import recorded_window
from recon.preflight.wording import counted, span_words, utc_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recon.model import Check
    from recon.preflight.decisions import Decision

CATEGORY = "people"
REVIEW, SIGNOFF = "review", "signoff"
DECISIONS = Probe(
    "people_decisions",
    "File of Decisions",
    CATEGORY,
    "What people decided is kept as it was written.",
    "A decision was changed or removed, or its writer was killed",
    "Compare the file with a copy of it, and ask those that it names",
)
REVIEWED = Probe(
    "people_reviewed",
    "Dry Run Reviewed",
    CATEGORY,
    "Somebody reviewed exactly this dry run.",
    "Nobody looked at what the import would do",
    "Review it with recon review BUNDLE",
)
NOTIFIED = Probe(
    "people_notified",
    "Stakeholders Notified",
    CATEGORY,
    "The stakeholders were notified of the migration.",
    "People may work with the system while it is migrated",
    "Tell them, and record it with recon signoff --notified NAMES",
)
WINDOW = Probe(
    "people_window",
    "Maintenance Window",
    CATEGORY,
    "The maintenance window is open now, or none is needed.",
    "The migration would run outside the hours that were announced",
    "Wait for the window, or agree on another and record it with recon signoff --window",
)
HOURS = Probe(
    "execution_hours",
    "Hours of the Execution",
    CATEGORY,
    "The import is executed within the signed maintenance window, or none is needed.",
    "Nothing is executed outside the hours that were announced",
    "Wait for the window, or agree on another and record it with recon signoff --window",
)
PROBES = (DECISIONS, REVIEWED, NOTIFIED, WINDOW)
# What another part of preflight judges, by its name in `judged`, and how the runbook (1.1) words it.
JUDGED_ELSEWHERE = {"backup": "Backup created and verified", "policies": "Policy bundle validated"}


@dataclass(frozen=True)
class PeopleOptions:
    """Whose decisions are asked for.

    Attributes:
        outputs: The folder of runs, which holds the file of decisions.
        bundle: The dry run that is to have been reviewed; None: any.
        judged: The outcomes of "backup" and "policies", for the checklist; absent: not known here.
        now: What counts as now; None: the clock.
        is_before_dry_run: Nothing can have been reviewed yet, so that is not asked.
    """

    outputs: Path | str = "outputs"
    bundle: Path | str | None = None
    judged: Mapping[str, Outcome] = field(default_factory=dict)
    now: datetime | None = None
    is_before_dry_run: bool = False

    @property
    def moment(self) -> datetime:
        """What counts as now."""
        return self.now or datetime.now(UTC)


def ask_people(options: PeopleOptions) -> Iterator[Fact | Check]:
    """Ask whether people did what the runbook (1.1) asks of them; its checklist follows as facts."""
    path = decisions_file(options.outputs)
    try:
        decisions = read_decisions(path)
    except DecisionError as error:
        yield DECISIONS.not_evaluated(error.message)
        yield from (probe.not_evaluated("The file of decisions cannot be relied on") for probe in PROBES[1:])
        return
    yield Fact("Decisions", _file_words(decisions))
    if options.is_before_dry_run:
        yield from (_is_whole(decisions), _notified(decisions), _window(decisions, options.moment))
        return
    checks = (
        _is_whole(decisions),
        _reviewed_bundle(decisions, options.bundle),
        _notified(decisions),
        _window(decisions, options.moment),
    )
    yield from checks
    yield from _checklist(checks, options.judged)


def checklist(outputs: Path | str, now: datetime | None = None) -> tuple[Fact, ...]:
    """The runbook's checklist (1.1), as far as recorded decisions answer it: "[x] …" is done, "[ ] …" is open.

    Raises:
        DecisionError: The file of decisions is not as it was written.
    """
    decisions = read_decisions(decisions_file(outputs))
    checks = (_reviewed(decisions, None), _notified(decisions), _window(decisions, now or datetime.now(UTC)))
    return tuple(_checklist(checks, {}))


def review_of(outputs: Path | str, digest: str) -> Decision | None:
    """The newest review of exactly the bundle with that digest, see `bundle_digest`; None: there is none.

    Raises:
        DecisionError: The file of decisions is not as it was written.
    """
    entries = read_decisions(decisions_file(outputs)).entries
    reviews = (one for one in reversed(entries) if one.kind == REVIEW and one.seen)
    return next((one for one in reviews if one.seen and one.seen.sha256 == digest), None)


def ask_hours(outputs: Path | str, *, is_production: bool, now: datetime | None = None) -> Check:
    """Judge whether an import may be executed at this moment, by the newest sign-off.

    Args:
        outputs: The folder of runs, which holds the file of decisions.
        is_production: Without a sign-off that says something on the hours, nothing is executed.
        now: What counts as now; None: the clock.
    """
    moment = now or datetime.now(UTC)
    try:
        decisions = read_decisions(decisions_file(outputs))
    except DecisionError as error:
        return HOURS.not_evaluated(error.message)
    found = decisions.last(SIGNOFF, "window")
    if found is None:
        words = "No maintenance window is recorded; if none is needed: recon signoff --no-window"
        return HOURS.failed(words) if is_production else HOURS.warned(words)
    window = recorded_window(found.answers["window"])
    if window is None:
        return HOURS.passed("No maintenance window is needed")
    if moment < window.start:
        return HOURS.failed(f"The window opens in {span_words(window.start - moment)}: {window.words}")
    if moment > window.end:
        return HOURS.failed(f"The window ended {span_words(moment - window.end)} ago: {window.words}")
    return HOURS.passed(f"Open for another {span_words(window.end - moment)}: {window.words}")


def stakeholders(outputs: Path | str) -> tuple[str, ...]:
    """Those whom the newest sign-off names as notified, who are to be notified of the outcome; none where nobody is.

    Raises:
        DecisionError: The file of decisions is not as it was written.
    """
    found = read_decisions(decisions_file(outputs)).last(SIGNOFF, "notified")
    return tuple(found.answers["notified"]) if found else ()


def _file_words(decisions: Decisions) -> str:
    if decisions.head is None:
        return f"{decisions.path}: none"
    return f"{decisions.path}: {counted(len(decisions.entries), 'decision')}, the last one's SHA-256 {decisions.head}"


def _is_whole(decisions: Decisions) -> Check:
    if decisions.torn:
        lines = ", ".join(map(str, decisions.torn))
        return DECISIONS.warned(
            f"Line {lines} of {decisions.path} is cut off: its writer was killed, and it counts for nothing",
            Findings(detail="Decide again what it was to record; the next line names it, and it stays where it is"),
        )
    if not decisions.entries:
        return DECISIONS.warned(f"No decision is recorded in {decisions.path}")
    return DECISIONS.passed(f"{counted(len(decisions.entries), 'decision')}, each as it was written")


def _reviewed_bundle(decisions: Decisions, path: Path | str | None) -> Check:
    if path is None:
        return _reviewed(decisions, None)
    try:
        with open_bundle(Path(path)) as bundle:
            return _reviewed(decisions, bundle_digest(bundle))
    except BundleError as error:
        return REVIEWED.not_evaluated(mask_text(error.message))


def _reviewed(decisions: Decisions, digest: str | None) -> Check:
    reviews = [one for one in reversed(decisions.entries) if one.kind == REVIEW and one.seen]
    if not reviews:
        return REVIEWED.failed("No dry run was reviewed")
    found = next((one for one in reviews if digest is None or (one.seen and one.seen.sha256 == digest)), None)
    if found is None:
        last = _review_words(reviews[0])
        return REVIEWED.failed(f"This dry run was not reviewed; the last review is of another: {last}")
    if found.answers.get("despite"):
        despite = f"despite {found.answers.get('verdict')}: {found.answers['despite']}"
        return REVIEWED.warned(f"{_review_words(found)}, {mask_text(despite)}")
    if digest is None:
        return REVIEWED.warned(f"{_review_words(found)}; not compared with a bundle, because none was named")
    return REVIEWED.passed(_review_words(found))


def _review_words(review: Decision) -> str:
    run_id = review.seen.run_id if review.seen else "?"
    return mask_text(f"{run_id} reviewed by {review.by} at {utc_text(review.at)}")


def _notified(decisions: Decisions) -> Check:
    found = decisions.last(SIGNOFF, "notified")
    if found is None:
        return NOTIFIED.failed("Nobody is recorded as notified")
    names = ", ".join(found.answers["notified"])
    return NOTIFIED.passed(mask_text(f"{names}; recorded by {found.by} at {utc_text(found.at)}"))


def _window(decisions: Decisions, now: datetime) -> Check:
    found = decisions.last(SIGNOFF, "window")
    if found is None:
        return WINDOW.warned("No maintenance window is recorded; if none is needed: recon signoff --no-window")
    window = recorded_window(found.answers["window"])
    who = mask_text(f"recorded by {found.by} at {utc_text(found.at)}")
    if window is None:
        return WINDOW.passed(f"None is needed; {who}")
    if now > window.end:
        return WINDOW.failed(f"The window ended {span_words(now - window.end)} ago: {window.words}; {who}")
    if now < window.start:
        return WINDOW.warned(f"The window opens in {span_words(window.start - now)}: {window.words}; {who}")
    return WINDOW.passed(f"Open for another {span_words(window.end - now)}: {window.words}; {who}")


def _checklist(checks: tuple[Check, ...], judged: Mapping[str, Outcome]) -> Iterator[Fact]:
    """The five items of the runbook, in its order."""
    by_id = {check.id: check for check in checks}
    yield _elsewhere("backup", judged)
    yield _item("Dry run completed and reviewed", by_id[REVIEWED.id])
    yield _elsewhere("policies", judged)
    yield _item("Stakeholders notified", by_id[NOTIFIED.id])
    yield _window_item(by_id[WINDOW.id])


def _item(text: str, check: Check) -> Fact:
    is_done = bool(check.outcome.passed)
    return Fact(f"[{'x' if is_done else ' '}] {text}", check.message if is_done else f"open: {check.message}")


def _window_item(check: Check) -> Fact:
    """A window that has yet to open is scheduled; one that nobody recorded is not."""
    is_done = bool(check.outcome.passed) and not check.message.startswith("No maintenance")
    return Fact(
        f"[{'x' if is_done else ' '}] Maintenance window scheduled (if applicable)",
        check.message if is_done else f"open: {check.message}",
    )


def _elsewhere(name: str, judged: Mapping[str, Outcome]) -> Fact:
    if name not in judged:
        return Fact(f"[ ] {JUDGED_ELSEWHERE[name]}", f"open: not judged here; recon preflight asks for the {name}")
    is_done = bool(judged[name].passed)
    return Fact(f"[{'x' if is_done else ' '}] {JUDGED_ELSEWHERE[name]}", str(judged[name]) if is_done else "open")
