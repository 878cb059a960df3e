"""The home page: the newest verdict in large type, the trend of the runs, and every run with its links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recon.model import ENTITIES, Outcome, Verdict
from recon.report.changes.kinds import KINDS
from recon.report.migration.words import moment
from recon.report.page.frame import PageFrame, page_template
from recon.report.templates import VERDICT_MARKS, environment
from recon.report.text import checks_line, cut, cut_within, deadline, difference, plural, timestamp
from recon.runs.site.trend import draw_trend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.model import Summary
    from recon.report.page.in_short import InShort
    from recon.runs.evidence.record import BrokenRecord
    from recon.runs.run_summary import RunSummary
    from recon.runs.site.assessment_entries import ListedAssessment
    from recon.runs.site.entries import ListedRun
    from recon.runs.site.migration_entries import ListedMigration
    from recon.runs.site.since_last import DatabaseRuns

SHOWN_FAILURES = 5
ROLLBACK = "rollback"


@dataclass(frozen=True)
class SiteLists:
    """What the home page lists.

    Attributes:
        entries: Every run, the newest first.
        assessments: Every assessment, the newest first.
        databases: The runs that can be read by database, that of the newest run first.
        notified: Who is to be notified of the newest verdict; None: nobody.
        migrations: Every guided migration, open ones first.
        broken: What is wrong with the record of runs; None: nothing.
        short: The newest verdict in plain language; None: there is none, or it cannot be read as far as that takes.
    """

    entries: Sequence[ListedRun]
    assessments: Sequence[ListedAssessment]
    databases: Sequence[DatabaseRuns]
    notified: str | None = None
    migrations: Sequence[ListedMigration] = ()
    broken: BrokenRecord | None = None
    short: InShort | None = None


def render(listed: SiteLists) -> str:
    """The complete page."""
    entries, assessments = listed.entries, listed.assessments
    templates = environment("runs/site")
    tiles = environment("report/changes").get_template("since.css.jinja").render()
    styles = ["index", *["migrations"][: len(listed.migrations)]]
    own = "".join(templates.get_template(f"{name}.css.jinja").render() for name in styles)
    clubs = {entry.run_summary.club for entry in entries if entry.run_summary is not None}
    newest = next((entry for entry in entries if entry.run_summary is not None), None)
    return PageFrame(tiles + own).render(
        page_template("index.html.jinja", "runs/site"),
        clubs=clubs,
        identity=_identity,
        entries=entries,
        listed={
            "Rollbacks": [each for each in assessments if each.is_rollback],
            "Before the Migration": [each for each in assessments if not each.is_rollback],
        },
        migrations=listed.migrations,
        notified=listed.notified,
        broken=listed.broken,
        short=listed.short,
        rolled_back=_rolled_back(newest, assessments),
        newest=newest,
        unread_since=entries[: entries.index(newest)] if newest else entries,
        databases=listed.databases,
        trends={runs.database: draw_trend(runs.entries) for runs in listed.databases},
        kinds=KINDS,
        tally=_tally(entries),
        entities=ENTITIES,
        verdict_marks=VERDICT_MARKS,
        checks_line=checks_line,
        counted=_counted,
        difference=difference,
        sentence=verdict_sentence,
        checks_of=_unpassed,
        failures=_failures,
        cut=cut,
        cut_within=cut_within,
        deadline=deadline,
        timestamp=timestamp,
        instant=moment,
    )


def _identity(judgement: RunSummary) -> list[tuple[str, str]]:
    """What the newest run is about, as label and value."""
    club = [("Club", judgement.club)] if judgement.club else []
    return [
        *club,
        ("Database", judgement.snapshot.database),
        ("Bundle", judgement.bundle_path),
        ("Run", judgement.run_id),
    ]


def _rolled_back(newest: ListedRun | None, assessments: Sequence[ListedAssessment]) -> ListedAssessment | None:
    """The rollback of the newest run, if that is what became of it; None where it was put back."""
    if newest is None or newest.run_summary is None:
        return None
    run_id, judged_at = newest.run_summary.run_id, newest.started_at
    for entry in assessments:
        if entry.found is None or not entry.is_rollback or not entry.found.title.endswith(f" of {run_id}"):
            continue
        is_later = judged_at is None or entry.found.started_at > judged_at
        return entry if is_later and entry.found.kind == ROLLBACK and entry.found.verdict == Verdict.PASSED else None
    return None


def verdict_sentence(judgement: RunSummary) -> str:
    """The meaning of the verdict, in one sentence."""
    if judgement.dry_run:
        return "This verdict says nothing about a migration: its bundle is of a dry run, which wrote nothing."
    found = judgement.summary
    checks = plural(found.total, "check")
    if found.failed:
        unsure = f", and {found.errors} could not be evaluated" if found.errors else ""
        return f"{found.failed} of {checks} failed{unsure}: the database does not hold what the migration promised."
    if found.errors or not found.total:
        return f"{found.errors} of {checks} could not be evaluated, so it is unknown whether the migration is right."
    if found.warnings:
        return f"No check failed; read {plural(found.warnings, 'warning')} before calling the migration complete."
    return f"All {checks} passed: the database holds what the migration promised."


def _tally(entries: Sequence[ListedRun]) -> str:
    """How many runs there are, in total and of each verdict."""
    verdicts = [entry.run_summary.verdict for entry in entries if entry.run_summary is not None]
    words = [f"{verdicts.count(verdict)} {verdict.lower()}" for verdict in Verdict if verdict in verdicts]
    failed = sum(entry.is_failed for entry in entries)
    unread = len(entries) - len(verdicts) - failed
    words += [f"{count} {what}" for count, what in ((failed, "without a verdict"), (unread, "cannot be read")) if count]
    return f"{plural(len(entries), 'run')}: " + ", ".join(words)


def _counted(found: Summary) -> list[str]:
    """How many checks passed, and how many have each worse outcome that occurs."""
    worse = {"failed": found.failed, "warned": found.warnings, "not evaluated": found.errors}
    return [f"{found.passed} passed", *(f"{count} {word}" for word, count in worse.items() if count)]


def _unpassed(judgement: RunSummary) -> list[Any]:
    """The checks whose outcome is not PASS, worst first."""
    return [check for outcome in (Outcome.FAIL, Outcome.ERROR, Outcome.WARN) for check in judgement.named(outcome)]


def _failures(judgement: RunSummary) -> dict[str, Any]:
    """The checks that failed or could not be evaluated: the first of them, and how many more there are."""
    found = judgement.named(Outcome.FAIL) + judgement.named(Outcome.ERROR)
    return {"shown": found[:SHOWN_FAILURES], "more": max(0, len(found) - SHOWN_FAILURES)}
