"""A table of rows in a notebook: what is shown of it, what is chosen, and what a browser asks of it."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl
from msgspec import structs

from recon.errors import ReconError
from recon.notebook.exploring.frame_rows import FrameRows
from recon.notebook.exploring.live import is_live, require_widgets
from recon.notebook.exploring.opened import (
    NAME_LENGTH,
    OpenedRecord,
    cut,
    opened_row,
    record_html,
    record_of,
    static_table,
)
from recon.notebook.exploring.requests import (
    BackRequest,
    ChooseNoneRequest,
    ChooseRequest,
    ChooseShownRequest,
    ClearRequest,
    OpenRequest,
    PageRequest,
    RestRequest,
    request_of,
)
from recon.report.text import plural, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from recon.notebook.exploring.requests import BrowserRequest

PAGE_ROWS = 15
ALL = PageRequest()


@dataclass(frozen=True)
class Contents:
    """What a table shows.

    Attributes:
        frame: The rows, masked as was asked; of a lazy frame only the first page is read before it is shown.
        title: What they are.
        about: One more sentence.
        hidden: Columns that are kept and not shown.
        choosable: Whether rows can be chosen.
        opens: What opening a row does, as in "Enter shows the row".
        first: Returns the first rows of a lazy frame, as many as asked, sooner than it does; None: nothing does.
        whole: Returns the rows of a lazy frame, all of them, in the same way.
    """

    frame: pl.DataFrame | pl.LazyFrame
    title: str = "Rows"
    about: str = ""
    hidden: Collection[str] = ()
    choosable: bool = False
    opens: str = "shows the row"
    first: Callable[[int], pl.DataFrame] | None = None
    whole: Callable[[], pl.DataFrame] | None = None


class RowTable:
    """A table to page, sort, filter, search and choose in; where no browser can ask, its first page.

    Nothing but what a page shows leaves the kernel.

    Attributes:
        contents: What it shows.
        wanted: Search, filters, order and page.
        chosen: The ids of the chosen rows.
        only: The values of a column, by its name, that alone are shown (as chosen in a chart); None: any.
        on_open: Called with an opened row, column → value; returns what is shown of it, or None.
        on_back: Called when the reader goes back; None: there is nothing to go back to.
        on_painted: Called when a browser has painted the table for the first time.
        on_change: Called when other rows are shown.
    """

    def __init__(self, contents: Contents, rows_per_page: int = PAGE_ROWS) -> None:
        self.limit, self.number = rows_per_page, 0
        self.chosen: set[int] = set()
        self.only: tuple[str, tuple[str | None, ...]] | None = None
        self.on_open: Callable[[dict[str, Any]], OpenedRecord | None] = opened_row
        self.on_back: Callable[[], None] | None = None
        self.on_painted: Callable[[], None] = lambda: None
        self.on_change: Callable[[], None] = lambda: None
        self._widget: Any = None
        self._rows: FrameRows | None = None
        self.show(contents)

    def show(self, contents: Contents) -> None:
        """Show other rows."""
        self.contents, self.wanted, self.chosen, self.only = contents, ALL, set(), None
        self.problem, self.opened = "", OpenedRecord()
        is_lazy = isinstance(contents.frame, pl.LazyFrame)
        # Whether a lazy frame has more than one page is known once there is one more row.
        frame = _first(contents, self.limit + 1) if is_lazy else contents.frame.lazy().collect()
        self._is_whole = not is_lazy or frame.height <= self.limit
        self._replace_rows(frame)
        self._publish()
        self._publish_record()

    def read_rest(self) -> None:
        """Read the rows after the first page."""
        if not self._is_whole:
            self._is_whole = True
            whole = self.contents.whole or self.contents.frame.lazy().collect
            self._replace_rows(whole())
            self._show_wanted()

    @property
    def is_whole(self) -> bool:
        """Whether all rows are read, not the first page alone."""
        return self._is_whole

    @property
    def rows(self) -> FrameRows:
        """The rows, all of them."""
        self.read_rest()
        assert self._rows is not None  # noqa: S101 - `show` has set it
        return self._rows

    @property
    def page(self) -> dict[str, Any]:
        """All that a browser receives of the rows."""
        rows, wanted = self._loaded, self.wanted
        places = self._places
        found = rows.page(wanted.offset, self.limit, places)
        return {
            "number": self.number,
            "title": printable(self.contents.title)[:300],
            "about": cut(self.contents.about, 600),
            "columns": [{"name": cut(rows.names[p], NAME_LENGTH), "kind": rows.kinds[p]} for p in places],
            "rows": [
                {"id": row, "chosen": row in self.chosen, "cells": [None if c is None else printable(c) for c in cells]}
                for row, cells in found
            ],
            "query": {
                "offset": wanted.offset,
                "sort": _at(places, wanted.sort),
                "descending": wanted.descending,
                "search": wanted.search,
                "filters": {str(places.index(p)): text for p, text in wanted.filters.items() if p in places},
            },
            "limit": self.limit,
            "shown": rows.shown,
            "more": not self._is_whole,
            "choosable": self.contents.choosable,
            "opens": self.contents.opens,
            "back": self.on_back is not None,
            "status": self._status(len(found)),
        }

    @property
    def record(self) -> dict[str, Any]:
        """All that a browser receives of the opened row."""
        return record_of(self.opened)

    @property
    def chosen_rows(self) -> pl.DataFrame:
        """The chosen rows, with all of their columns."""
        return self.rows.whole(self.chosen)

    def ask(self, **changed: Any) -> None:
        """Change search ("search"), "filters", "sort" and "descending" (columns by name), or "offset".

        Raises:
            UsageError: There is no such column.
        """
        names = self._loaded.names
        if changed.get("sort") is not None:
            changed["sort"] = names.index(changed["sort"])
        if "filters" in changed:
            changed["filters"] = {names.index(name): text for name, text in changed["filters"].items()}
        self._page(structs.replace(self.wanted, **changed))

    def show_only(self, column: str, values: Collection[str | None]) -> None:
        """Show only the rows that have one of the values in the column, as texts; of no value: all rows."""
        only = (column, tuple(values)) if values else None
        if only == self.only:
            return
        self.only = only
        self.wanted = structs.replace(self.wanted, offset=0)
        self._show_wanted()

    def choose(self, ids: Collection[int], *, on: bool = True) -> None:
        """Choose rows by their ids, or no longer."""
        known = {each for each in ids if each < self.rows.total}
        self.chosen = self.chosen | known if on else self.chosen - known
        self._publish()

    def open(self, row: int) -> None:
        """Open a row by its id."""
        for values in self.rows.whole([row]).to_dicts():
            opened = self.on_open(values)
            if opened is not None:
                self.opened = opened
                self._publish_record()

    def hear(self, message: Any) -> None:
        """Do what a browser asks; what cannot be done is said in the table's status."""
        self.problem = ""
        try:
            self._do(request_of(message))
        except ReconError as error:
            self.problem = error.message
        except duckdb.Error as error:
            self.problem = f"This cannot be shown: {str(error).splitlines()[0]}"
        if self.problem:
            self._publish()

    def take_focus(self) -> None:
        """Move the browser's focus to the first row."""
        if self._widget is not None:
            self._widget.send({"do": "focus"})

    @property
    def widget(self) -> Any:
        """The widget of this table, made when it is first needed.

        Raises:
            UsageError: The extra `lab` is not installed.
        """
        if self._widget is None:
            require_widgets()
            from recon.notebook.exploring.widget import RowTableWidget  # noqa: PLC0415 - needs the extra `lab`

            self._widget = RowTableWidget(page=self.page, record=self.record)
            self._widget.on_msg(lambda _, content, __: self.hear(content))
        return self._widget

    def html(self) -> str:
        """The page that is shown as a static table, and the opened record."""
        page = self.page
        caption = f"<b>{escape(page['title'])}</b> {escape(page['about'])} {escape(page['status'])}"
        columns = [column["name"] for column in page["columns"]]
        table = static_table(caption, columns, [row["cells"] for row in page["rows"]])
        return table + record_html(self.record)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        if is_live():
            return self.widget._repr_mimebundle_(**options)
        return {"text/plain": f"<table {self.contents.title!r}>", "text/html": self.html()}

    def _do(self, asked: BrowserRequest) -> None:
        match asked:
            case PageRequest():
                places = self._places
                sort = places[asked.sort] if asked.sort is not None and asked.sort < len(places) else None
                filters = {places[place]: text for place, text in asked.filters.items() if place < len(places)}
                self._page(structs.replace(asked, sort=sort, filters=filters))
            case ClearRequest():
                self.only, self.wanted = None, structs.replace(self.wanted, offset=0, search="", filters={})
                self.read_rest()
                self._show_wanted()
            case RestRequest():
                self.read_rest()
                self.on_painted()
            case ChooseRequest(rows, on) if self.contents.choosable:
                self.choose(rows, on=on)
            case ChooseShownRequest(on) if self.contents.choosable:
                self.choose(self.rows.ids_shown(), on=on)
            case ChooseNoneRequest():
                self.chosen = set()
                self._publish()
            case OpenRequest(row):
                self.open(row)
            case BackRequest():
                if self.on_back:
                    self.on_back()

    def _page(self, wanted: PageRequest) -> None:
        is_other = structs.replace(wanted, offset=0) != structs.replace(self.wanted, offset=0)
        self.read_rest()
        self.wanted = wanted
        if is_other:
            self._show_wanted()
        else:
            self._turn()
            self._publish()

    def _show_wanted(self) -> None:
        only = self.only and (self._loaded.names.index(self.only[0]), self.only[1])
        self._loaded.show(self.wanted, only)
        self._turn()
        self._publish()
        self.on_change()

    def _turn(self) -> None:
        """Turn back to the last page where the wanted one is beyond it."""
        last = max(0, -(-self._loaded.shown // self.limit) - 1) * self.limit
        self.wanted = structs.replace(self.wanted, offset=min(self.wanted.offset, last))

    def _status(self, count: int) -> str:
        rows, offset = self._loaded, self.wanted.offset
        if not self._is_whole:
            return f"The first {plural(min(count, self.limit), 'row')}; reading the rest …"
        said = [f"Rows {offset + 1:,} to {offset + count:,} of {rows.shown:,}" if count else "No row"]
        if rows.shown != rows.total:
            said[0] += f" (of {rows.total:,} in all)"
        if self.only is not None:
            values = ", ".join(cut(value or "(none)", 40) for value in self.only[1][:5])
            said.append(f"only {cut(self.only[0], NAME_LENGTH)}: {values}")
        if self.chosen:
            said.append(f"{len(self.chosen):,} chosen")
        return "; ".join([*([self.problem] if self.problem else []), *said])

    @property
    def _loaded(self) -> FrameRows:
        assert self._rows is not None  # noqa: S101 - `show` has set it
        return self._rows

    @property
    def _places(self) -> list[int]:
        """The columns that are shown."""
        return [p for p, name in enumerate(self._loaded.names) if name not in self.contents.hidden]

    def _replace_rows(self, frame: pl.DataFrame) -> None:
        if self._rows is not None:
            self._rows.close()
        self._rows = FrameRows(frame)

    def _publish(self) -> None:
        self.number += 1
        if self._widget is not None:
            self._widget.page = self.page

    def _publish_record(self) -> None:
        if self._widget is not None:
            self._widget.record = self.record


def _first(contents: Contents, number: int) -> pl.DataFrame:
    return contents.first(number) if contents.first else contents.frame.lazy().head(number).collect()


def _at(places: Sequence[int], place: int | None) -> int | None:
    return places.index(place) if place is not None and place in places else None
