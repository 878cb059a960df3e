"""A ledger as tables of text, the same in every format; the text may come from data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.model import SOURCE_OUTCOMES, TARGET_OUTCOMES
from recon.report.ledger.phrases import group, place, quoted, standing
from recon.report.table import ReportTable
from recon.report.text import shown_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recon.model import Cause, Example, Ledger, LevelTiers

MOST_ROWS = 50
OUTCOMES = {
    "landed": "Landed",
    "landed_altered": "Altered",
    "merged": "Merged",
    "skipped": "Skipped",
    "rejected": "Rejected",
    "missing_in_target": "Missing",
    "claimed": "Claimed",
    "preexisting": "Preexisting",
    "foreign_run": "Foreign run",
    "unexpected": "Unexpected",
}
LED_BY = {"mapping": "the mapping", "default": "the default"}
SEEDED = {True: "yes", False: "no", None: ""}


def sources(ledger: Ledger) -> ReportTable:
    """What happened to the source records, one row per entity."""
    rows = (
        _numbers(a.entity, a.records, *(a.outcomes[o] for o in SOURCE_OUTCOMES), a.unexplained_records)
        for a in ledger.entities
    )
    header = ("Entity", "Records", *(OUTCOMES[o] for o in SOURCE_OUTCOMES), "Unexplained")
    return ReportTable("Source records by what became of them", header, tuple(rows), numbers=8, alarms=1)


def targets(ledger: Ledger) -> ReportTable:
    """Where the rows in the database come from, one row per entity."""
    rows = (
        _numbers(a.entity, a.rows, *(a.rows_by_outcome[o] for o in TARGET_OUTCOMES), a.unexplained_rows)
        for a in ledger.entities
    )
    header = ("Entity", "Rows", *(OUTCOMES[o] for o in TARGET_OUTCOMES), "Unexplained")
    return ReportTable("Rows in the database by where they come from", header, tuple(rows), numbers=6, alarms=1)


def accounts(ledger: Ledger) -> tuple[ReportTable, ReportTable]:
    """Both sides of every entity that was evaluated."""
    return sources(ledger), targets(ledger)


def causes(ledger: Ledger) -> ReportTable:
    """Why records and rows differ, in the ledger's order."""
    rows = tuple(
        (str(rank), place(c), c.title, standing(c), c.action, f"{c.count:,}", share(c))
        for rank, c in enumerate(ledger.causes[:MOST_ROWS], 1)
    )
    header = ("Rank", "Where", "Cause", "Standing", "What to do", "Count", "Share")
    return ReportTable(f"Unexplained ones first, harmless ones last{_which(ledger.causes)}", header, rows, numbers=2)


def share(cause: Cause) -> str:
    """The percentage of the entity's records or rows; never shown as 0 where there are any."""
    return "under 0.1 %" if cause.count and cause.share < 0.1 else f"{cause.share:.1f} %"


def examples(cause: Cause) -> ReportTable:
    """At most three records or rows that show a cause; a column that is empty in all of them is omitted."""
    columns = [column for column in _columns(cause) if any(column[1:])]
    header, *rows = zip(*columns, strict=True) if columns else ((),)
    return ReportTable("Examples", tuple(header), tuple(rows))


def _columns(cause: Cause) -> Iterator[tuple[str, ...]]:
    """The columns, each starting with its name."""
    shown = cause.examples
    yield ("Source row", *("" if e.source_row is None else str(e.source_row) for e in shown))
    yield ("Wild Apricot id", *(e.wa_id or "" for e in shown))
    yield ("Target id", *(e.target_id or "" for e in shown))
    if cause.field is not None or any(map(_has_value, shown)):
        yield ("Source", *(quoted(e.source) for e in shown))
        yield ("Database", *(quoted(e.target) for e in shown))
    yield ("Remark", *(e.remark for e in shown))


def _has_value(example: Example) -> bool:
    return example.source is not None or example.target is not None


def associations(ledger: Ledger) -> ReportTable:
    """What the unexplained have in common, in the ledger's order."""
    rows = tuple((group(a), a.field, a.sentence, f"{a.p_value:.1g}") for a in ledger.associations[:MOST_ROWS])
    caption = f"At most 1 in 20 runs shows any of it by chance{_which(ledger.associations)}"
    return ReportTable(caption, ("Unexplained", "Field", "In common", "By chance"), rows, numbers=1)


def key_hints(ledger: Ledger) -> ReportTable:
    """Keys that would pair missing records with unexpected rows after one normaliser."""
    rows = tuple((hint.entity, hint.key, hint.sentence, hint.line or "") for hint in ledger.key_hints[:MOST_ROWS])
    caption = f"Write the line into the profile where two such keys are meant to be equal{_which(ledger.key_hints)}"
    return ReportTable(caption, ("Entity", "Key", "Would pair", "Line of the profile"), rows)


def duplicate_keys(ledger: Ledger) -> ReportTable:
    """Keys that pair nothing, because they do not identify records or rows."""
    rows = tuple(
        (d.entity.capitalize(), d.key, d.matched_by, f"{d.source_count:,}", f"{d.target_count:,}")
        for d in ledger.duplicate_keys[:MOST_ROWS]
    )
    caption = f"Keys that pair nothing, as they are not unique{_which(ledger.duplicate_keys)}"
    return ReportTable(caption, ("Entity", "Key", "Kind", "Records", "Rows"), rows, numbers=2)


def levels(ledger: Ledger) -> ReportTable:
    """Which tier each membership level maps to, and which tiers its members have."""
    header = ("Membership level", "Expected tier", "By", "Tier seeded", "Members", "With it", "Without", "With another")
    rows = tuple(_level(level) for level in ledger.levels[:MOST_ROWS])
    caption = f"Landed members by membership level and tier{_which(ledger.levels)}"
    return ReportTable(caption, header, rows, numbers=4, alarms=2)


def _level(level: LevelTiers) -> tuple[str, ...]:
    numbers = (level.members, level.matching, level.without, level.other)
    return (
        "(no level)" if level.level is None else level.level,
        "(none)" if level.expected is None else level.expected,
        LED_BY.get(level.by, "no mapping"),
        SEEDED[level.is_seeded],
        *(f"{number:,}" for number in numbers),
    )


def _numbers(entity: str, *numbers: int) -> tuple[str, ...]:
    return (entity.capitalize(), *(f"{number:,}" for number in numbers))


def _which(listed: Sequence[object]) -> str:
    return shown_of(min(MOST_ROWS, len(listed)), len(listed))
