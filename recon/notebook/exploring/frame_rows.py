"""The rows of a frame in a closed DuckDB session, to be paged, sorted, filtered and searched through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from recon.sql import quote
from recon.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from recon.notebook.exploring.requests import PageRequest

# Columns go by their place: names are anybody's, and may differ in case alone.
COLUMN = "c{}"
ENTERING = "entering"
CREATE = "create temp table rows as select * from entering"
FOLDED = "lower(nfc_normalize(cast({} as varchar)))"
SHOW = "create or replace temp table shown as select r.rowid as id from rows r where {conditions} order by {order}"
PAGE = """
select s.id, {cells} from (select id, rowid as place from shown where rowid >= $first and rowid < $end) s
join rows r on r.rowid = s.id order by s.place"""
# A letter and its marks stay together.
CELL = "if(length(cast({0} as varchar)) > {1}, left_grapheme(cast({0} as varchar), {1}) || '…', cast({0} as varchar))"
TALLY = """
select cast(r.{column} as varchar) as value, count(*) as of_all, count(s.id) as of_shown
from rows r left join shown s on s.id = r.rowid group by value order by of_all desc, value limit {most}"""
WHOLE = "select r.* from rows r join (select unnest($ids) as id) w on r.rowid = w.id order by r.rowid"
CELL_LENGTH = 120
MANY_ROWS = 200_000


class FrameRows:
    """Rows as they may be seen: the frame is masked by the code that makes it.

    Attributes:
        names: The names of the columns.
        kinds: Of each column: "number" or "text".
        total: The number of rows.
        shown: The number of rows that search and filters leave.
    """

    def __init__(self, frame: pl.DataFrame) -> None:
        self.names, self.total = tuple(frame.columns), frame.height
        self.kinds = tuple("number" if kind.is_numeric() else "text" for kind in frame.dtypes)
        self._is_text = tuple(kind == pl.String for kind in frame.dtypes)
        self.shown = self.total
        self._session = Warehouse()
        self._fill(frame)

    def close(self) -> None:
        """Close the session; what it spilled to disk is removed."""
        self._session.close()

    def show(self, wanted: PageRequest, only: tuple[int, Collection[str | None]] | None = None) -> None:
        """Determine which rows are shown, and their order.

        Args:
            wanted: Search, filters and order; columns that there are not are left out.
            only: The place of a column and the values, as text, of which it has to have one; None: any.
        """
        conditions, values = ["true"], {}
        if wanted.search:
            conditions.append(f"({' or '.join(map(self._containing('sought'), self._columns))})")
            values["sought"] = wanted.search
        for place, text in wanted.filters.items():
            if text and place < len(self.names):
                conditions.append(self._condition(place, text, values))
        if only is not None:
            conditions.append(self._among(*only, values))
        sql = SHOW.format(conditions=" and ".join(conditions), order=", ".join(self._order(wanted)))
        self._session.execute(sql, values)
        ((self.shown,),) = self._session.execute("select count(*) from shown").fetchall()

    def page(self, first: int, limit: int, places: Sequence[int]) -> list[tuple[int, list[str | None]]]:
        """Return the rows of one page: the id of each, and its values as texts that are cut where they are long.

        Args:
            first: How many of the shown rows are before it.
            limit: How many rows it has at most.
            places: The columns.
        """
        cells = ", ".join(CELL.format(f"r.{quote(COLUMN.format(place))}", CELL_LENGTH) for place in places)
        found = self._session.execute(PAGE.format(cells=cells or "1"), {"first": first, "end": first + limit})
        return [(row[0], list(row[1:]) if places else []) for row in found.fetchall()]

    def tally(self, name: str, most: int) -> list[tuple[str | None, int, int]]:
        """Count a column's values: value, number in all rows, number in those shown; the most frequent first."""
        column = quote(COLUMN.format(self.names.index(name)))
        return self._session.execute(TALLY.format(column=column, most=most)).fetchall()

    def ids_shown(self) -> set[int]:
        """The ids of all rows that are shown, on every page."""
        return {each for (each,) in self._session.execute("select id from shown").fetchall()}

    def whole(self, ids: Collection[int]) -> pl.DataFrame:
        """Return rows by id, with all of their columns, uncut; in the rows' own order."""
        found = self._session.connection.sql(WHOLE, params={"ids": sorted(ids)})
        frame = pl.DataFrame(pl.from_arrow(found.to_arrow_table()))
        return frame.rename(dict(zip(frame.columns, self.names, strict=True))) if self.names else pl.DataFrame()

    def _fill(self, frame: pl.DataFrame) -> None:
        connection = self._session.connection
        named = frame.rename({name: COLUMN.format(place) for place, name in enumerate(frame.columns)})
        # What is no text, number or truth is compared and sorted as what people read.
        texts = [name for name, kind in named.schema.items() if kind.is_temporal() or kind == pl.Object]
        named = named.with_columns(pl.col(texts).cast(pl.String)) if texts else named
        if self.total > MANY_ROWS:
            self._session.use_all_cores()
        connection.register(ENTERING, (named if self.names else pl.DataFrame({"none": []})).to_arrow())
        connection.execute(CREATE)
        connection.unregister(ENTERING)
        connection.execute("create temp table shown as select rowid as id from rows")

    @property
    def _columns(self) -> list[str]:
        return [f"r.{quote(COLUMN.format(place))}" for place in range(len(self.names))] or ["''"]

    @staticmethod
    def _containing(parameter: str) -> Any:
        return lambda column: f"contains({FOLDED.format(column)}, {FOLDED.format('$' + parameter)})"

    def _condition(self, place: int, text: str, values: dict[str, Any]) -> str:
        column, name = self._columns[place], f"f{place}"
        if text == "=":
            return f"({column} is null or cast({column} as varchar) = '')"
        is_exact = text.startswith("=")
        values[name] = text[1:] if is_exact else text
        if is_exact:
            return f"{FOLDED.format(column)} = {FOLDED.format('$' + name)}"
        return str(self._containing(name)(column))

    def _among(self, place: int, wanted: Collection[str | None], values: dict[str, Any]) -> str:
        column = self._columns[place]
        values["only"] = [value for value in wanted if value is not None]
        empty = f" or {column} is null" if None in wanted else ""
        return f"(coalesce(list_contains(cast($only as varchar[]), cast({column} as varchar)), false){empty})"

    def _order(self, wanted: PageRequest) -> Iterator[str]:
        if wanted.sort is not None and wanted.sort < len(self.names):
            column, way = self._columns[wanted.sort], "desc" if wanted.descending else "asc"
            if self._is_text[wanted.sort]:
                yield f"lower({column}) {way} nulls last"
            yield f"{column} {way} nulls last"
        yield "r.rowid"
