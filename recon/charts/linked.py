"""A chart of how many rows have each value, to be selected in: bars of all rows, and of those that are shown."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import altair as alt

from recon.charts.bars import Bar, bars
from recon.charts.figure import Figure
from recon.charts.measure import cut
from recon.charts.theme import BACK, DATA, STRONG, config

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PICKED, COUNTS = "picked", "shown_counts"
NONE = "(none)"
STEP = 26
# The width of the chart with the names beside its bars.
WIDTH = 540
# As SVG a bar has a name for screen readers; the menu would lead to a page on the network.
EMBEDDED = {"renderer": "svg", "actions": False}


class LinkedChart:
    """Counts of values; a selection in it names values, and it shows how many rows are left.

    Attributes:
        title: What is counted.
        counts: value (None: none), number in all rows, number in those that are shown; at least one.
        on_pick: Called with the values that are selected; none: the selection was removed.
    """

    def __init__(self, on_pick: Callable[[list[str | None]], None]) -> None:
        self.on_pick, self.title = on_pick, ""
        self.counts: Sequence[tuple[str | None, int, int]] = ()
        self._widget: Any = None
        self._is_picked = False

    def show(self, title: str, counts: Sequence[tuple[str | None, int, int]], *, is_picked: bool = False) -> None:
        """Show other counts.

        Args:
            title: What is counted.
            counts: See `counts`.
            is_picked: Rows are shown by what is selected here; otherwise the selection is removed.
        """
        is_left = self._is_picked and not is_picked
        same = (
            not is_left and title == self.title and [each[:2] for each in counts] == [each[:2] for each in self.counts]
        )
        self.title, self.counts = title, counts
        if self._widget is None:
            return
        if not same:
            self._is_picked = False
            self._widget.chart = self._chart()
            self._listen()
        setattr(self._widget.params, COUNTS, self._shown)

    @property
    def widget(self) -> Any:
        """The chart in a browser, drawn without a network."""
        if self._widget is None:
            prepare()
            self._widget = alt.JupyterChart(self._chart(), embed_options=EMBEDDED)
            self._listen()
        return self._widget

    def figure(self) -> Figure:
        """The same as a static picture."""
        rows = [Bar(_name(value), shown, f"{shown:,} of {every:,}") for value, every, shown in self.counts]
        numbers = "; ".join(f"{row.name} {row.words}" for row in rows)
        return Figure("rows-by-value", self.title, "Bar: rows that are shown", numbers, partial(bars, rows))

    @property
    def _shown(self) -> list[int]:
        return [shown for _, _, shown in self.counts]

    def _listen(self) -> None:
        self._widget.selections.observe(self._picked, [PICKED])

    def _picked(self, change: Any) -> None:
        places = [int(each["place"]) for each in change["new"].value or () if "place" in each]
        self._is_picked = bool(places)
        self.on_pick([self.counts[place][0] for place in places if place < len(self.counts)])

    def _chart(self) -> Any:
        # Values go by their place: what they are is data, and never part of an expression.
        values = [
            {"place": place, "value": _name(value), "all": every} for place, (value, every, _) in enumerate(self.counts)
        ]
        base = alt.Chart(alt.InlineData(values=values))
        picked = alt.selection_point(name=PICKED, fields=["place"])
        counts = alt.param(name=COUNTS, value=self._shown)
        order = alt.Y("value:N", sort=None, title=None, axis=alt.Axis(labelLimit=220, ticks=False))
        scale = alt.Scale(domainMin=0, nice=False)
        dim = alt.condition(picked, alt.value(1), alt.value(0.35))
        every = base.mark_bar(style=BACK, aria=False).encode(
            y=order, x=alt.X("all:Q", scale=scale, axis=None), opacity=dim
        )
        shown = base.mark_bar(style=DATA, height=12, aria=False).encode(y=order, x="shown:Q", opacity=dim)
        words = base.mark_text(align="left", dx=4, style=STRONG, aria=False).encode(y=order, x="all:Q", text="words:N")
        # A row is selected wherever it is clicked, a short bar too.
        rows = base.mark_bar(fillOpacity=0, cursor="pointer", clip=False).encode(
            y=order, x=alt.value(0), x2=alt.value(WIDTH), description="label:N", tooltip="label:N"
        )
        left = f"datum.place < length({COUNTS}) ? {COUNTS}[datum.place] : 0"
        chart: Any = (
            alt.layer(every, shown, words, rows.add_params(picked))
            .transform_calculate(shown=left)
            .transform_calculate(words="format(datum.shown, ',') + ' of ' + format(datum.all, ',')")
            .transform_calculate(label="datum.value + ': ' + datum.words")
            .add_params(counts)
            .properties(width=WIDTH - 150, height=alt.Step(STEP), title=self.title)
        )
        chart.config = alt.Config.from_dict(config())
        return chart


def prepare() -> None:
    """Bundle what draws charts in a browser, which takes seconds, once; nothing is fetched."""
    alt.JupyterChart.enable_offline()


def _name(value: str | None) -> str:
    return cut(value) if value else NONE
