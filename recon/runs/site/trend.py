"""A chart of the runs: verdicts, failed checks and tier coverage, the oldest run on the left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recon.model import Verdict
from recon.report.text import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.runs.run_summary import RunSummary
    from recon.runs.site.entries import ListedRun

GOAL = 95.0
"""The percentage of members with a tier that the runbook requires (3.5)."""
LEFT, RIGHT = 46, 58
BARS_TOP, BARS_BOTTOM = 94.0, 132.0
LINE_TOP, LINE_BOTTOM = 178.0, 238.0
STEP = 180.0
DATE_WIDTH, HOUR_WIDTH = 76.0, 44.0
LINE_HEIGHT = 12.0


@dataclass(frozen=True)
class Label:
    """A text at a position."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Mark:
    """The column of one run.

    Attributes:
        x: Its centre.
        words: The run in words.
        bar: Where the bar of failed checks begins, as y; it ends at `BARS_BOTTOM`.
        point: The coverage, as y; None where it is not recorded.
    """

    x: float
    verdict: Verdict
    words: str
    failed: int
    bar: float
    point: float | None


@dataclass(frozen=True)
class Trend:
    """A chart for one screen width; all numbers are units of its view box."""

    name: str
    width: int
    size: float
    marks: tuple[Mark, ...]
    lines: tuple[str, ...]
    times: tuple[Label, ...]
    grid: tuple[Label, ...]
    newest: tuple[Label, ...]
    summary: str

    @property
    def bars_bottom(self) -> float:
        """Where bars end."""
        return BARS_BOTTOM

    @property
    def right(self) -> int:
        """Where the columns end."""
        return self.width - RIGHT

    @property
    def labelled(self) -> bool:
        """Whether each bar has room for its number."""
        return self.size >= 9


def draw_trend(entries: Sequence[ListedRun]) -> list[Trend]:
    """The charts for wide and for narrow screens; none where fewer than two runs can be read."""
    runs = [(entry, entry.run_summary) for entry in reversed(entries) if entry.run_summary is not None]
    if len(runs) < 2:
        return []
    return [_draw("wide", 960, runs[-60:], len(runs)), _draw("narrow", 360, runs[-14:], len(runs))]


def _draw(name: str, width: int, runs: Sequence[tuple[ListedRun, RunSummary]], total: int) -> Trend:
    step = min(STEP, (width - LEFT - RIGHT) / len(runs))
    most = max(1, *(judgement.summary.failed for _, judgement in runs))
    least = _floor([judgement.coverage for _, judgement in runs])
    marks = tuple(
        Mark(
            x=round(LEFT + step * (number + 0.5), 1),
            verdict=judgement.verdict,
            words=_words(entry, judgement),
            failed=judgement.summary.failed,
            bar=round(BARS_BOTTOM - (BARS_BOTTOM - BARS_TOP) * judgement.summary.failed / most, 1),
            point=None if judgement.coverage is None else _height(judgement.coverage, least),
        )
        for number, (entry, judgement) in enumerate(runs)
    )
    return Trend(
        name=name,
        width=width,
        size=round(min(9.0, step * 0.42), 1),
        marks=marks,
        lines=_lines(marks),
        times=_times(runs, marks),
        grid=_grid(least),
        newest=_newest(runs[-1], marks[-1]),
        summary=_summary(runs, total),
    )


def _floor(found: Sequence[float | None]) -> float:
    """Where the axis of the coverage begins: a multiple of ten, not above any value, and at most 80."""
    return min(80.0, *(value // 10 * 10 for value in found if value is not None), 80.0)


def _height(coverage: float, least: float) -> float:
    return round(LINE_BOTTOM - (LINE_BOTTOM - LINE_TOP) * (coverage - least) / (100 - least), 1)


def _lines(marks: Sequence[Mark]) -> tuple[str, ...]:
    """The points of each uninterrupted series of runs whose coverage is recorded."""
    stretches: list[list[str]] = [[]]
    for mark in marks:
        if mark.point is None:
            stretches.append([])
        else:
            stretches[-1].append(f"{mark.x},{mark.point}")
    return tuple(" ".join(points) for points in stretches if len(points) > 1)


def _grid(least: float) -> tuple[Label, ...]:
    """The grid lines of the coverage; a label that the goal's would overlap is omitted."""
    goal = _height(GOAL, least)
    top = "100 %" if goal - LINE_TOP >= LINE_HEIGHT else ""
    return (
        Label(LEFT, LINE_TOP, top),
        Label(LEFT, goal, f"{GOAL:.0f} %"),
        Label(LEFT, LINE_BOTTOM, f"{least:.0f} %"),
    )


def _times(runs: Sequence[tuple[ListedRun, RunSummary]], marks: Sequence[Mark]) -> tuple[Label, ...]:
    """The times of the first run and of those after it for which there is room; within one day, the hours."""
    of_one_day = len({entry.time[:10] for entry, _ in runs}) == 1
    room = HOUR_WIDTH if of_one_day else DATE_WIDTH
    labels: list[Label] = []
    for (entry, _), mark in zip(runs, marks, strict=True):
        if not labels or mark.x - labels[-1].x >= room:
            labels.append(Label(mark.x, LINE_BOTTOM + 20, entry.time[11:16] if of_one_day else entry.time[:10]))
    return tuple(labels)


def _newest(run: tuple[ListedRun, RunSummary], mark: Mark) -> tuple[Label, ...]:
    """The newest run's numbers, beside its column."""
    entry, judgement = run
    x = mark.x + 14
    failed = Label(x, BARS_BOTTOM - 4, f"{judgement.summary.failed} failed")
    return (failed,) if mark.point is None else (failed, Label(x, mark.point + 4, entry.coverage))


def _words(entry: ListedRun, judgement: RunSummary) -> str:
    coverage = f", tier coverage {entry.coverage}"
    return f"{entry.time} UTC: {judgement.verdict}, {judgement.summary.failed} failed{coverage}"


def _summary(runs: Sequence[tuple[ListedRun, RunSummary]], total: int) -> str:
    """The chart in words."""
    verdicts = [judgement.verdict for _, judgement in runs]
    counted = ", ".join(f"{verdicts.count(verdict)} {verdict.lower()}" for verdict in Verdict if verdict in verdicts)
    which = f"The newest {len(runs)} of {plural(total, 'run')}" if len(runs) < total else f"All {plural(total, 'run')}"
    (first, _), (_, before), (last, newest) = runs[0], runs[-2], runs[-1]
    when = f"on {last.time[:10]}" if first.time[:10] == last.time[:10] else f"{first.time[:10]} to {last.time[:10]}"
    return (
        f"The newest run {newest.verdict.lower()}, with {plural(newest.summary.failed, 'failed check')}, "
        f"{_beside(newest.summary.failed, before.summary.failed)} the one before, and tier coverage {last.coverage}. "
        f"{which}, {when}: {counted}."
    )


def _beside(failed: int, before: int) -> str:
    """How a number of failed checks compares with that of the run before."""
    if failed == before:
        return "as many as"
    return f"{abs(failed - before)} {'more' if failed > before else 'fewer'} than"
