"""Settles how times are read where one value alone does not tell: by all values of their column, once loaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from recon.bundle.columns import COLUMNS
from recon.bundle.formats import REPORT
from recon.model import ENTITIES
from recon.sql import literal, named_statements, quote
from recon.warehouse.load_column import IN_CALENDAR, STAMPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from recon.warehouse.reads import TableRead
    from recon.warehouse.session import Warehouse

STATEMENTS = named_statements(Path(__file__).with_name("times.sql"))
UNITS_US = {"seconds": 1_000_000, "milliseconds": 1000, "microseconds": 1}
SINCE = "{unit} since 1970"
BY_PROOF, BY_DOTS = "day-first dates", "day-first dates, by their dots"
EPOCH = "as_time_since_1970(value, {unit_us})"
DAY_FIRST = "case when day_first_parts(value).rest <> '' then as_day_first(value) end"
DAY_FIRST_OF_DOTS = "case when day_first_parts(value).dot <> '' then as_day_first(value) end"
# The form in which most reports write times, so that equal times have equal digests.
AS_WRITTEN = """
case when s.instant between timestamp '0001-01-01' and timestamp '9999-12-31 23:59:59.999999'
       then case when epoch_us(s.instant) % 1000 = 0 then strftime(s.instant, '%Y-%m-%dT%H:%M:%S.%gZ')
                 else strftime(s.instant, '%Y-%m-%dT%H:%M:%S.%fZ') end
     else cast(s.instant as varchar) end"""
LATER, EARLIER = "years past 9999", "years before 1"


class TimeColumn(Struct, frozen=True):
    """A column with values that could not be read alone.

    Attributes:
        name: The table in the warehouse, "target.members".
        table_name, column_name: The application's names, or those of the bundle.
        numbers: Numbers among those values, and `seconds` and so on how many are likely times in that unit.
        dates: Dates that begin with a day or a month, `dotted` of them with dots; `day_first` cannot begin with a
            month, `month_first` not with a day.
    """

    name: str
    field: str
    table_name: str
    column_name: str
    numbers: int
    seconds: int
    milliseconds: int
    microseconds: int
    dates: int
    dotted: int
    day_first: int
    month_first: int

    @property
    def is_bundle(self) -> bool:
        """Whether the bundle has it, not the database."""
        return self.name.startswith("source.")

    @property
    def parts(self) -> dict[str, str]:
        """Its quoted names, for statements."""
        return {"table": quote(*self.name.split(".")), "column": quote(self.field)}

    def unit(self, milliseconds: int, others: int) -> str | None:
        """Return the unit of its numbers: the likeliest one of most, milliseconds where that is not known.

        Args:
            milliseconds: Other numbers of the column, which can only be milliseconds.
            others: Its values that are no numbers; None is returned where these are not the fewer.
        """
        if not self.numbers or self.numbers + milliseconds <= others:
            return None
        likely = {"milliseconds": self.milliseconds + milliseconds}
        likely |= {unit: getattr(self, unit) for unit in UNITS_US if unit not in likely}
        return max(likely, key=lambda unit: likely[unit])

    @property
    def order(self) -> tuple[str, str] | None:
        """How its dates are read, and the SQL that does so; None: they do not say what comes first."""
        if self.month_first or not self.dates:
            return None
        if self.day_first:
            return BY_PROOF, DAY_FIRST
        return (BY_DOTS, DAY_FIRST_OF_DOTS) if self.dotted else None


def settle_database_times(warehouse: Warehouse, reads: Iterable[TableRead]) -> None:
    """Read what is left of the times of the tables that were loaded, and note how, in `target.readings`.

    What still cannot be read stays in `target.unreadable_values`, and is copied to `target.raw_values`.
    """
    names = {
        (read.name, field.name): (read.query.table, field.source_name)
        for read in reads
        for field in read.fields
        if field.type == "timestamp" and field.is_selected
    }
    _settle(warehouse, names)
    _note_years(warehouse, names)
    warehouse.execute(STATEMENTS["raw"])
    warehouse.execute(STATEMENTS["close"])


def settle_bundle_times(warehouse: Warehouse) -> None:
    """Rewrite the times of the report's records that are read by their whole column; of exports, this is declared.

    They are noted in `source.readings`; what still cannot be read is left as it is, for the ledger.
    """
    names = dict(_unusual(warehouse))
    for (name, field), (table_name, column_name) in names.items():
        parts = {"table": quote(*name.split(".")), "column": quote(field)}
        located = {"name": literal(name), "field": literal(field), "column_name": literal(column_name)}
        warehouse.execute(STATEMENTS["unread"].format(**parts, **located), {"table_name": table_name})
        warehouse.milliseconds[name, field] = _number(warehouse, "milliseconds", parts)
    if names:
        _settle(warehouse, names)
        warehouse.execute(STATEMENTS["close"])


def _unusual(warehouse: Warehouse) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """Yield the columns of records in which a time is not written as usual, with the names of their place."""
    places = {
        (f"source.{entity}", column.name): (REPORT, f"{entity}.{column.key}")
        for entity in ENTITIES
        if f"source.{entity}" in warehouse.row_counts and f"source.{entity}" not in warehouse.origins
        for column in COLUMNS[entity]
        if column.is_time
    }
    for place in _of_each(warehouse, "unusual", places):
        if place["n"]:
            found = (place["name"], place["field"])
            yield found, places[found]


def _settle(warehouse: Warehouse, names: Mapping[tuple[str, str], tuple[str, str]]) -> None:
    milliseconds = {place: n for place, n in warehouse.milliseconds.items() if n and place in names}
    found: dict[tuple[str, str, str], int] = {}
    if _number(warehouse, "any", {}):
        warehouse.execute(STATEMENTS["setup"])
        for row in warehouse.rows(STATEMENTS["columns"]):
            column = TimeColumn(**row)
            for reading, instant in _readings(warehouse, column, milliseconds.get((column.name, column.field), 0)):
                if n := _read(warehouse, column, instant):
                    found[column.name, column.field, reading] = n
    for (name, field), n in milliseconds.items():
        reading = SINCE.format(unit="milliseconds")
        found[name, field, reading] = found.get((name, field, reading), 0) + n
    for (name, field, reading), n in found.items():
        _note(warehouse, name, names[name, field], reading, n)


def _readings(warehouse: Warehouse, column: TimeColumn, milliseconds: int) -> Iterator[tuple[str, str]]:
    """Yield how the values of the column are to be read, with the SQL of their instants."""
    read = _number(warehouse, "read" if column.is_bundle else "stored", column.parts)
    unit = column.unit(milliseconds, read - milliseconds + column.dates)
    if unit:
        yield SINCE.format(unit=unit), EPOCH.format(unit_us=UNITS_US[unit])
    if column.order:
        yield column.order


def _read(warehouse: Warehouse, column: TimeColumn, instant: str) -> int:
    """Store the instants of the values that the SQL `instant` reads, and return how many these are."""
    place = {"name": column.name, "field": column.field}
    stored = AS_WRITTEN if column.is_bundle else "s.instant"
    if column.field in STAMPS:
        stored = IN_CALENDAR.format(value=stored)
    warehouse.execute(STATEMENTS["settle"].format(instant=instant), place)
    warehouse.execute(STATEMENTS["update"].format(**column.parts, stored=stored))
    if not column.is_bundle:
        known = {"table_name": column.table_name, "column_name": column.column_name}
        warehouse.execute(STATEMENTS["known"], known)
    warehouse.execute(STATEMENTS["forget"], place)
    return _number(warehouse, "count", {})


def _note_years(warehouse: Warehouse, names: Mapping[tuple[str, str], tuple[str, str]]) -> None:
    """Note the columns with times beyond the calendar."""
    for row in _of_each(warehouse, "beyond", [place for place in names if place[1] not in STAMPS]):
        for reading, n in ((LATER, row["later"]), (EARLIER, row["earlier"])):
            if n:
                _note(warehouse, row["name"], names[row["name"], row["field"]], reading, n)


def _note(warehouse: Warehouse, name: str, place: tuple[str, str], reading: str, n: int) -> None:
    values: dict[str, Any] = {"table_name": place[0], "column_name": place[1], "reading": reading, "row_count": n}
    warehouse.execute(STATEMENTS["note"].format(side=quote(name.partition(".")[0])), values)


def _of_each(warehouse: Warehouse, statement: str, places: Iterable[tuple[str, str]]) -> Sequence[Mapping[str, Any]]:
    """Return what a statement says of each column, asked at once."""
    queries = [
        STATEMENTS[statement].format(
            name=literal(name), field=literal(field), table=quote(*name.split(".")), column=quote(field)
        )
        for name, field in places
    ]
    return warehouse.rows(" union all ".join(queries)) if queries else ()


def _number(warehouse: Warehouse, statement: str, parts: Mapping[str, str]) -> int:
    (row,) = warehouse.rows(STATEMENTS[statement].format(**parts))
    return int(row["n"])
