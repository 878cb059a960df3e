"""Compares two runs: findings as sets, checks and ledgers by their numbers, inputs and rules by digests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import polars as pl
from msgspec.structs import replace

from recon.errors import ReportError, UsageError
from recon.masking import mask_text
from recon.masking.frames import mask_frame
from recon.model.changes import RECORDS, CheckChange, CountChange, FindingTally, RunComparison
from recon.report.text import plural, timestamp
from recon.runs.comparing.attached import NEWER, OLDER, attached
from recon.runs.comparing.checks import check_changes, known_checks
from recon.runs.comparing.inputs import input_changes, rule_changes
from recon.runs.comparing.listing import last_two, run_named
from recon.runs.comparing.read_run import read_run
from recon.runs.comparing.words import with_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from recon.runs.comparing.attached import AttachedRuns
    from recon.runs.comparing.read_run import ReadRun
    from recon.runs.folder import RunFolder
    from recon.runs.run_summary import Accounted

SIDES = {OLDER: "older", NEWER: "newer"}


def diff_runs(
    older: Path | str, newer: Path | str, *, outputs: Path | str = "outputs", show_pii: bool = False
) -> RunComparison:
    """Compare two runs: what is fixed, new, changed, still open, accepted and re-opened, and what differs otherwise.

    Args:
        older: The folder of the run that was before, or its name in `outputs`.
        newer: The folder of the run that came after it, or its name in `outputs`.
        outputs: The folder of runs.
        show_pii: Do not mask names and e-mail addresses.

    Raises:
        UsageError: There is no such run, or both are the same.
        ReportError: The judgement of a run cannot be read, or it has none.
    """
    return compared(run_named(older, outputs), run_named(newer, outputs), show_pii=show_pii)


def diff_last_runs(outputs: Path | str = "outputs", *, show_pii: bool = False) -> RunComparison:
    """Compare the two newest runs of the same database, that of the newest run, as `diff_runs` does.

    Raises:
        UsageError: There is no such folder, or there is only one run of that database.
    """
    older, newer, unread = last_two(outputs)
    found = compared(older, newer, show_pii=show_pii)
    return replace(found, notices=(*unread, *found.notices))


def compared(older: RunFolder, newer: RunFolder, *, show_pii: bool = False, most: int | None = None) -> RunComparison:
    """Compare two runs as `diff_runs` does; `most`: list at most this many records of each check and change.

    Raises:
        UsageError: Both are the same.
        ReportError: The judgement of a run cannot be read, there is none, or the findings cannot be compared.
    """
    if older.path.samefile(newer.path):
        raise UsageError("A run cannot be compared with itself", where=str(newer.path)[:300], expected="two runs")
    was, now = read_run(older), read_run(newer)
    try:
        with attached(older, newer) as runs:
            findings = ComparedFindings(runs, was, now)
            records = findings.records(most)
    except duckdb.Error as error:
        raise ReportError(
            "The findings of the runs cannot be compared",
            where=f"{older.part('snapshot')}, {newer.part('snapshot')}"[:300],
            found=" ".join(str(error).split())[:300],
        ) from error
    if records.height:
        masked = records if show_pii else mask_frame(records, {})
        records = with_words(masked, older, newer, show_pii=show_pii)
    rules = tuple(rule_changes(was, now))
    checks = tuple(check_changes(was, now, findings.tallies, findings.listed, rules))
    return RunComparison(
        older=was.shown(findings.without.get(OLDER, "")),
        newer=now.shown(findings.without.get(NEWER, "")),
        database=now.summary.database,
        notices=tuple(_notices(was, now, checks)),
        findings=findings.total,
        without_findings=findings.sentence,
        checks=checks if show_pii else tuple(map(_masked, checks)),
        rules=rules,
        rules_known=bool(was.inputs and now.inputs),
        inputs=tuple(input_changes(was, now)),
        outcomes=tuple(_outcomes(was.ledger, now.ledger)),
        unexplained=CountChange("", "unexplained", was.unexplained, now.unexplained),
        causes=tuple(_causes(was.ledger, now.ledger)),
        masked=not show_pii,
        records=records,
    )


class ComparedFindings:
    """The findings of two runs, compared as far as both have them.

    Attributes:
        without: Why they are not known, by run; without those that are.
        listed: How many violations they stand for, by run and check.
        tallies: How many became what, by check; None: not known.
    """

    def __init__(self, runs: AttachedRuns, older: ReadRun, newer: ReadRun) -> None:
        self._runs = runs
        self._order = list(newer.checks | older.checks)
        self.without = runs.without
        self.listed: dict[str, Mapping[str, int]] = {}
        self.tallies: dict[str, FindingTally] | None = None
        if not self.without:
            self.listed = {name: runs.listed(name) for name in (OLDER, NEWER)}
            known = known_checks(newer, self.listed[NEWER])
            self.tallies = {check: _tally(counts) for check, counts in runs.compare(known).items()}

    def records(self, most: int | None) -> pl.DataFrame:
        """Return them, at most `most` of each check and change; none where they are not known."""
        return pl.DataFrame(schema=RECORDS) if self.tallies is None else self._runs.records(self._order, most)

    @property
    def total(self) -> FindingTally | None:
        """How many became what; None: not known."""
        if self.tallies is None:
            return None
        return _tally(
            {change: sum(t.by_change[change] for t in self.tallies.values()) for change in FindingTally().by_change}
        )

    @property
    def sentence(self) -> str:
        """Why they are not compared; empty: they are."""
        if not self.without:
            return ""
        whys = "; ".join(f"of the {SIDES[name]} run they are not known: {why}" for name, why in self.without.items())
        return f"Findings are not compared, only checks and the ledger's numbers: {whys}"


def _tally(counts: Mapping[str, int]) -> FindingTally:
    return FindingTally(*(counts.get(change, 0) for change in FindingTally().by_change))


def _masked(check: CheckChange) -> CheckChange:
    return replace(check, message_before=mask_text(check.message_before), message_after=mask_text(check.message_after))


def _notices(older: ReadRun, newer: ReadRun, checks: Sequence[CheckChange]) -> Iterator[str]:
    was, now = older.summary, newer.summary
    if was.database != now.database:
        yield (
            f"The runs are of different databases, {was.database or 'not recorded'} and "
            f"{now.database or 'not recorded'}: what differs may be theirs, not a change"
        )
    if was.started_at > now.started_at:
        yield (
            f"The order looks reversed: the run named first started at {timestamp(was.started_at)}, after the other "
            f"({timestamp(now.started_at)}); what is called new was there before"
        )
    dry = [name for name, run in (("older", was), ("newer", now)) if run.dry_run]
    if dry:
        yield f"Of a dry run, which wrote nothing to the database: the {' and the '.join(dry)} run"
    unsure = sum(check.findings.new for check in checks if check.findings and check.violations_before is None)
    if unsure:
        yield (
            f"Whether {plural(unsure, 'finding')} of those called new were there before is not known: the older run "
            "did not have or could not evaluate their checks"
        )


def _outcomes(older: Accounted | None, newer: Accounted | None) -> Iterator[CountChange]:
    """Yield the number of records and rows by entity and outcome; None where a run has no account of the entity."""
    before, after = (
        {
            account.entity: {**account.outcomes, **account.rows_by_outcome}
            for account in (ledger.entities if ledger else ())
        }
        for ledger in (older, newer)
    )
    for entity in dict.fromkeys([*after, *before]):
        was, now = before.get(entity), after.get(entity)
        for outcome in dict.fromkeys([*(now or ()), *(was or ())]):
            counts = (None if side is None else side.get(outcome, 0) for side in (was, now))
            yield CountChange(entity, outcome, *counts)


def _causes(older: Accounted | None, newer: Accounted | None) -> Iterator[CountChange]:
    """Yield how many records or rows each cause concerns; None where a run has no ledger."""
    before, after = (
        {(cause.entity, cause.title): cause.count for cause in (ledger.causes if ledger else ())}
        for ledger in (older, newer)
    )
    for entity, title in dict.fromkeys([*after, *before]):
        was = None if older is None else before.get((entity, title), 0)
        now = None if newer is None else after.get((entity, title), 0)
        yield CountChange(entity, title, was, now)
