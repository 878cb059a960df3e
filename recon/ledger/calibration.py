"""Whether the time stamps of an entity's rows tell when the run wrote: compared with the run's times, never trusted."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from recon.sql import named_statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from recon.warehouse import Warehouse

STATEMENTS = named_statements(Path(__file__).with_name("calibration.sql"))
SAMPLE = 10_000
# The share of the rows that the run wrote whose stamps must lie within it; people may have edited the others since.
MOST = 0.75
# From so few rows no other clock can be read: they can only confirm one.
FEW = 3
TOLERANCE = timedelta(minutes=1)
NONE = timedelta()
FIRST, LAST = datetime.min, datetime.max  # noqa: DTZ901 - UTC without zone, like all stamps
# The nearest first: of several that fit, the first is taken.
QUARTER_HOURS = [timedelta(minutes=sign * minutes) for minutes in range(15, 14 * 60 + 1, 15) for sign in (1, -1)]


class RunTimes(Struct, frozen=True):
    """When the run started and ended, in UTC without zone; None: the report does not state it."""

    started_at: datetime | None
    ended_at: datetime | None


class Clock(Struct, frozen=True):
    """What the stamps in one column say about the run.

    Attributes:
        offset: How far the clock that wrote them is ahead of the run's; None: they do not lie within the run.
        earliest: The earliest of those within the run; None: there is none.
        rows: Number of rows that were looked at.
    """

    offset: timedelta | None = None
    earliest: datetime | None = None
    rows: int = 0


class Calibration(Struct, frozen=True):
    """How the stamps of one entity's rows are to be read.

    Attributes:
        run: When the run started and ended.
        created, updated: What created_at and updated_at say about it.
    """

    run: RunTimes
    created: Clock
    updated: Clock

    @property
    def judged_by(self) -> str:
        """The column that shows whether a row is older than the run; empty: none does."""
        if self.created.offset is not None:
            return "created_at"
        return "updated_at" if self.updated.offset is not None else ""

    @property
    def older_than(self) -> datetime | None:
        """The instant, by the database's clock, before which a row is older than the run; None: it is unknown."""
        clock = self.created if self.judged_by == "created_at" else self.updated
        started = _moved(self.run.started_at, clock)
        return started and min(started, clock.earliest or started)

    @property
    def ended_at(self) -> datetime | None:
        """The end of the run by the clock of the judging column; None: it is unknown."""
        return _moved(self.run.ended_at, self.created if self.judged_by == "created_at" else self.updated)

    @property
    def written(self) -> tuple[datetime | None, datetime | None]:
        """The span in which the run wrote, by the clock of updated_at; (None, None): that column does not tell."""
        if self.judged_by != "created_at" or self.updated.offset is None:
            return None, None
        started, ended = _moved(self.run.started_at, self.updated), _moved(self.run.ended_at, self.updated)
        return (started, _later(ended, TOLERANCE)) if started and ended else (None, None)

    @property
    def edited_after(self) -> datetime | None:
        """The instant, by the database's clock, after which a row was edited; None: nothing shows an edit."""
        ended = _moved(self.run.ended_at, self.updated) or _moved(self.run.ended_at, self.created)
        return ended and _later(ended, TOLERANCE)

    @property
    def remark(self) -> str:
        """What a reader has to know about the stamps; empty: they lie within the run."""
        if not self.judged_by:
            return "neither created_at nor updated_at lies within the run: they excuse no row and no difference"
        if self.judged_by == "updated_at":
            shift = _shift(self.updated)
            return "created_at does not lie within the run, so rows are judged by updated_at" + (shift and f"; {shift}")
        return _shift(self.created)


def calibrate(entities: Iterable[str], warehouse: Warehouse, run: Mapping[str, Any]) -> dict[str, Calibration]:
    """Calibrate the stamps of every entity on the rows that the run's records claim.

    A constant offset is measured, because the server's clock or its zone may be another than the importer's. Where the
    run created no row, nothing contradicts created_at, and it is read by the clock of the other columns.

    Args:
        entities: Entities whose `ledger.<entity>` is paired.
        warehouse: Holds them and their rows.
        run: The run's started_at and completed_at, in UTC without zone.

    Returns:
        Calibration by entity.
    """
    times = RunTimes(run["started_at"], run["completed_at"])
    stamps = {entity: _stamps(entity, warehouse, times) for entity in entities}
    # The clock is the server's, so it is measured on all tables together, where the stamps span the whole run.
    of_all = [_clock(sorted(chain(*columns)), times).offset for columns in zip(*stamps.values(), strict=True)]
    known = sorted({offset for offset in of_all if offset is not None}, key=abs)
    return {entity: _calibration(created, updated, times, known) for entity, (created, updated) in stamps.items()}


def _calibration(
    created: Sequence[datetime], updated: Sequence[datetime], times: RunTimes, known: Sequence[timedelta]
) -> Calibration:
    by_created = _clock(created, times, known)
    if by_created.offset is None:
        by_updated = _clock(updated, times, known)
    else:
        # The same clock wrote both: another offset is that of a script which stamped the rows later.
        by_updated = _clock(updated, times, [by_created.offset], can_measure=False)
    if not created:
        by_created = Clock(by_updated.offset if updated else next(iter(known), NONE))
    return Calibration(times, by_created, by_updated)


def _stamps(entity: str, warehouse: Warehouse, times: RunTimes) -> tuple[list[datetime], list[datetime]]:
    """Return created_at of rows that the run created and updated_at of rows that it wrote, each in order."""
    spans = warehouse.rows(STATEMENTS["spans"].format(entity=entity))[0]
    created, updated = spans["created"], spans["updated"]
    if all(_count(span, times, NONE) == len(span) for span in (created, updated)):
        return created, updated
    step = 1 + warehouse.row_count(f"source.{entity}") // SAMPLE
    rows = warehouse.rows(STATEMENTS["sample"].format(entity=entity), {"step": step})
    return (
        sorted(row["created_at"] for row in rows if row["created_at"] and row["is_created"]),
        sorted(row["updated_at"] for row in rows if row["updated_at"]),
    )


def _clock(
    stamps: Sequence[datetime], times: RunTimes, known: Sequence[timedelta] = (), *, can_measure: bool = True
) -> Clock:
    """Find by how much the clock is ahead: not at all, by a `known` offset, or by what enough stamps measure."""
    candidates = [NONE, *known]
    if can_measure and len(stamps) >= FEW:
        candidates += [*QUARTER_HOURS, *_any_offset(stamps, times)]
    best = max(candidates, key=lambda offset: _count(stamps, times, offset))
    if _count(stamps, times, NONE) >= MOST * len(stamps):
        best = NONE
    first, last = _within(stamps, times, best)
    if first == last or last - first < MOST * len(stamps):
        return Clock(rows=len(stamps))
    return Clock(best, stamps[first], len(stamps))


def _any_offset(stamps: Sequence[datetime], times: RunTimes) -> Iterator[timedelta]:
    """Yield the offset of a clock that is simply wrong; one instant alone would be a constant as well as a clock."""
    if times.started_at and times.ended_at and stamps[0] != stamps[-1]:
        middle = times.started_at + (times.ended_at - times.started_at) / 2
        rough = _middle(stamps[len(stamps) // 10 : len(stamps) - len(stamps) // 10]) - middle
        first, last = _within(stamps, times, rough)
        if first < last:
            yield _middle(stamps[first:last]) - middle


def _middle(stamps: Sequence[datetime]) -> datetime:
    return stamps[0] + (stamps[-1] - stamps[0]) / 2


def _count(stamps: Sequence[datetime], times: RunTimes, offset: timedelta) -> int:
    """Return how many of the stamps lie within the run by a clock that is `offset` ahead."""
    first, last = _within(stamps, times, offset)
    return last - first


def _within(stamps: Sequence[datetime], times: RunTimes, offset: timedelta) -> tuple[int, int]:
    if times.started_at is None:
        return 0, 0
    last = len(stamps)
    if times.ended_at:
        last = bisect_right(stamps, _later(times.ended_at, offset + TOLERANCE))
    return bisect_left(stamps, _later(times.started_at, offset - TOLERANCE)), last


def _moved(moment: datetime | None, clock: Clock) -> datetime | None:
    return None if moment is None or clock.offset is None else _later(moment, clock.offset)


def _later(moment: datetime, span: timedelta) -> datetime:
    """Return the moment that is `span` later; at the ends of the calendar, its first or last moment."""
    try:
        return moment + span
    except OverflowError:
        return FIRST if span < NONE else LAST


def _shift(clock: Clock) -> str:
    if not clock.offset:
        return ""
    direction = "ahead of" if clock.offset > NONE else "behind"
    return f"the database's clock is {_text(abs(clock.offset))} {direction} the run's, which is subtracted"


def _text(span: timedelta) -> str:
    """Return a span in the unit that fits it: "8 h", "5:30 h", "37 min", "3 days"."""
    if span >= timedelta(days=2):
        return f"{span / timedelta(days=1):.1f} days"
    hours, seconds = divmod(round(span.total_seconds()), 3600)
    if hours:
        return f"{hours}:{seconds // 60:02} h" if seconds >= 60 else f"{hours} h"
    return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"
