"""What every format says of a comparison, as sections of sentences and tables of plain text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from recon.model import Outcome
from recon.model.changes import CHANGES
from recon.report.table import ReportTable
from recon.report.text import plural, shown_of, timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from recon.model.changes import CheckChange, ComparedRun, CountChange, FindingTally, RunComparison

TITLES = {
    "new": "New",
    "re-opened": "Re-opened",
    "changed": "Changed",
    "still open": "Still Open",
    "accepted": "Accepted",
    "fixed": "Fixed",
    "not known": "Not Known",
}
MEANINGS = {
    "new": "Findings of the newer run that the older one does not have.",
    "re-opened": "Accepted before, and no more.",
    "changed": "Still open, but about other values than before.",
    "still open": "The same findings as before.",
    "accepted": "Accepted in the newer run.",
    "fixed": "Findings of the older run that the newer one looked for and does not have.",
    "not known": "Findings of the older run whose checks did not look in the newer one.",
}
# The order of a headline: what got better, what got worse, what is as it was.
HEADLINE = ("fixed", "new", "changed", "still open", "accepted", "re-opened", "not known")
ONLY_IF_ANY = {"changed", "not known"}
COLUMNS = {
    "entity": "Entity",
    "key": "Key",
    "name": "Name",
    "email": "E-mail",
    "title": "Title",
    "field": "Field",
    "cause": "Cause",
}
ARROW = "→"
RANKS = (Outcome.PASS, Outcome.WARN, Outcome.ERROR, Outcome.FAIL)
NOT_RECORDED = "not recorded"


@dataclass(frozen=True)
class ChangeSection:
    """A section of the report.

    Attributes:
        name: Identifies it within a page.
        is_folded: Whether a page shows only its title until it is opened.
    """

    name: str
    title: str
    sentences: tuple[str, ...]
    tables: tuple[ReportTable, ...] = ()
    is_folded: bool = False


def headline(tally: FindingTally) -> list[tuple[int, str]]:
    """Return the numbers of a comparison by change, what got better first."""
    numbers = tally.by_change
    return [(numbers[name], name) for name in HEADLINE if numbers[name] or name not in ONLY_IF_ANY]


def headline_text(c: RunComparison) -> str:
    """Return the result in one line: "fixed 3, new 0, still open 12, accepted 0, re-opened 0"."""
    if c.findings is None:
        return f"Checks: {_moved(c.checks)}; findings are not compared"
    return ", ".join(f"{words} {count:,}" for count, words in headline(c.findings))


def sections(c: RunComparison, most: int) -> list[ChangeSection]:
    """Return all that there is to say, in order; `most`: records to list of each check and change."""
    return [
        ChangeSection("runs", "Runs", (), (_runs(c),)),
        _checks(c),
        *_records(c, most),
        _rules(c),
        _inputs(c),
        _ledger(c),
    ]


def _moved(checks: Iterable[CheckChange]) -> str:
    """Return how many checks have a better or a worse outcome than before."""
    both = [(RANKS.index(c.before), RANKS.index(c.after)) for c in checks if c.before and c.after]
    better, worse = sum(now < was for was, now in both), sum(now > was for was, now in both)
    return f"{better} better, {worse} worse, {len(both) - better - worse} as before"


def _runs(c: RunComparison) -> ReportTable:
    older, newer = _run_facts(c.older), _run_facts(c.newer)
    rows = tuple((label, older[label], newer[label]) for label in newer)
    return ReportTable("The two runs", ("", "Older", "Newer"), tuple(row for row in rows if any(row[1:])))


def _run_facts(run: ComparedRun) -> dict[str, str]:
    checks = f"{run.passed} passed, {run.failed} failed, {plural(run.warnings, 'warning')}"
    return {
        "Run": run.name,
        "Started": timestamp(run.started_at),
        "Import": run.run_id,
        "Database": run.database,
        "Verdict": str(run.verdict),
        "Checks": f"{checks}, {run.errors} not evaluated" if run.errors else checks,
        "Unexplained": _number(run.unexplained),
        "Findings": run.without_findings,
    }


def _checks(c: RunComparison) -> ChangeSection:
    shown = [check for check in c.checks if check.is_remarkable]
    left = len(c.checks) - len(shown)
    sentences = [f"{plural(left, 'check')} passed in both runs and {'is' if left == 1 else 'are'} not listed."]
    notes = [f"{check.name}: {note}." for check in shown for note in check.notes]
    tables = (_check_table(c, shown), _messages(shown))
    named = tuple(table for table in tables if table.rows)
    return ChangeSection("checks", "Checks", (*sentences[: 1 if left else 0], *notes), named)


def _check_table(c: RunComparison, shown: Iterable[CheckChange]) -> ReportTable:
    changes = [] if c.findings is None else [each for each in HEADLINE if c.findings.by_change[each]]
    rows = tuple(
        (
            check.name,
            _moves(check.before, check.after, "no check"),
            _moves(check.violations_before, check.violations_after, "not known"),
            *(f"{check.findings.by_change[each]:,}" if check.findings else "" for each in changes),
        )
        for check in shown
    )
    header = ("Check", "Outcome", "Violations", *(TITLES[each] for each in changes))
    return ReportTable(
        "Outcome and violations of each check, and what became of its findings", header, rows, len(changes)
    )


def _messages(shown: Iterable[CheckChange]) -> ReportTable:
    rows = tuple(
        (check.name, check.message_before, check.message_after)
        for check in shown
        if check.message_before != check.message_after
    )
    return ReportTable("What they said, where that differs", ("Check", "Older", "Newer"), rows)


def _moves(before: object, after: object, absent: str) -> str:
    """Return one value, or both where they differ; `absent` stands in the place of None."""
    was, now = (absent if each is None else _text(each) for each in (before, after))
    return now if was == now else f"{was} {ARROW} {now}"


def _text(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _records(c: RunComparison, most: int) -> Iterator[ChangeSection]:
    """Yield a section for each kind of change, or one that says why there is none."""
    if c.findings is None:
        yield ChangeSection("findings", "Findings", (f"{c.without_findings}.",))
        return
    names = {check.id: check for check in c.checks}
    shown = c.records.group_by("change", "check_id", maintain_order=True).head(most)
    parts = shown.partition_by("change", "check_id", as_dict=True, maintain_order=True)
    for change in CHANGES:
        total = c.findings.by_change[change]
        if not total:
            continue
        tables = tuple(
            _record_table(names[check_id], change, rows) for (kind, check_id), rows in parts.items() if kind == change
        )
        title = f"{TITLES[change]} ({total:,})"
        yield ChangeSection(change.replace(" ", "-"), title, (MEANINGS[change],), tables, change == "still open")


def _record_table(check: CheckChange, change: str, rows: pl.DataFrame) -> ReportTable:
    count = check.findings.by_change[change] if check.findings else rows.height
    columns = [name for name in COLUMNS if rows[name].null_count() < rows.height] or ["key"]
    texts = rows.select(pl.col(columns).fill_null(""))
    both = rows.select("violations_before", "violations_after")
    numbers = [_moves(before, after, "none") for before, after in both.iter_rows()]
    is_counted = any(number != "1" for number in numbers) and change in {"changed", "still open", "accepted"}
    cells = [(*row, number) if is_counted else row for row, number in zip(texts.iter_rows(), numbers, strict=True)]
    header = (*(COLUMNS[name] for name in columns), *(("Violations",) if is_counted else ()))
    caption = f"{check.name}: {plural(count, 'finding')}{shown_of(rows.height, count)}"
    return ReportTable(caption, header, tuple(cells), int(is_counted))


def _rules(c: RunComparison) -> ChangeSection:
    sentences = []
    if not c.rules:
        sentences.append("No rule is another than before." if c.rules_known else "No rule is known to be another.")
    if not c.rules_known:
        sentences.append(
            "What each rule says is not recorded by both runs: only rules added or removed, other severities and "
            "overrides are noticed."
        )
    rows = tuple((rule.name, rule.change, rule.detail) for rule in c.rules)
    tables = (ReportTable("Rules that are not as they were", ("Check", "Rule", "Detail"), rows),) if rows else ()
    return ChangeSection("rules", "What Changed about the Rules", tuple(sentences), tables)


def _inputs(c: RunComparison) -> ChangeSection:
    shown = [each for each in c.inputs if each.is_changed or not each.is_known]
    same = ", ".join(each.name for each in c.inputs if each.is_known and not each.is_changed)
    rows = tuple((each.name, _recorded(each.before), _recorded(each.after)) for each in shown)
    tables = (ReportTable("Inputs that changed, or that a run did not record", ("", "Older", "Newer"), rows),)
    sentences = (f"The same in both runs: {same}.",) if same else ()
    return ChangeSection("inputs", "What Changed about the Inputs", sentences, tables if rows else ())


def _recorded(value: str | None) -> str:
    return NOT_RECORDED if value is None else value


def _ledger(c: RunComparison) -> ChangeSection:
    outcomes = _count_table("Records and rows by outcome", "Outcome", [*c.outcomes, c.unexplained])
    causes = _count_table("Causes", "Cause", c.causes)
    tables = tuple(table for table in (outcomes, causes) if table.rows)
    sentences = () if tables else ("Every number is as before.",)
    return ChangeSection("ledger", "What Changed in the Ledger", sentences, tables)


def _count_table(caption: str, what: str, counts: Iterable[CountChange]) -> ReportTable:
    rows = tuple(
        (each.entity.capitalize() or "All", each.name, _number(each.before), _number(each.after), _difference(each))
        for each in counts
        if each.before != each.after
    )
    return ReportTable(caption, ("Entity", what, "Older", "Newer", "Difference"), rows, 3)


def _number(count: int | None) -> str:
    return NOT_RECORDED if count is None else f"{count:,}"


def _difference(count: CountChange) -> str:
    return "" if count.before is None or count.after is None else f"{count.after - count.before:+,}"
