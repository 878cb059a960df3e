from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from recon.database import UNDECODED, Query
from recon.warehouse import LoadColumn, Warehouse
from recon.warehouse.reads import TableRead
from recon.warehouse.times import settle_database_times

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NAME = "target.events"
# What a column holds → the instants that are read, how many and how; null: it is unreadable.
Column = tuple[list[str | None], list[str | None], dict[str, int]]
SECONDS, MILLISECONDS, MICROSECONDS = (f"{unit} since 1970" for unit in ("seconds", "milliseconds", "microseconds"))
T = "2024-01-15 10:00:00"
COLUMNS: dict[str, Column] = {
    "seconds": (["1705312800", "0", "-86400"], [T, "1970-01-01 00:00:00", "1969-12-31 00:00:00"], {SECONDS: 3}),
    "real_seconds": (["1705312800.5", "1705312800.0", None], [f"{T}.5", T, None], {SECONDS: 2}),
    "milliseconds": (
        ["0", "-86400000", "-62135596800000"],
        ["1970-01-01 00:00:00", "1969-12-31 00:00:00", "0001-01-01 00:00:00"],
        {MILLISECONDS: 3},
    ),
    "usual_milliseconds": (
        ["1705312800000", "0", "86400000"],
        [T, "1970-01-01 00:00:00", "1970-01-02 00:00:00"],
        {MILLISECONDS: 3},
    ),
    "real_milliseconds": (["1705312800000.0", "1705312800250.5", None], [T, f"{T}.2505", None], {MILLISECONDS: 2}),
    "ambiguous": (
        ["0", "-86400000", "1"],
        ["1970-01-01 00:00:00", "1969-12-31 00:00:00", "1970-01-01 00:00:00.001"],
        {MILLISECONDS: 3},
    ),
    "microseconds": (
        ["1705312800000000", "0", "-62135596800000000"],
        [T, "1970-01-01 00:00:00", "0001-01-01 00:00:00"],
        {MICROSECONDS: 3},
    ),
    "exponents": (["1.7053128e+15", "1.7053128E15", None], [T, T, None], {MICROSECONDS: 2}),
    "one_of_another_unit": (
        ["1705312800", "1705312801", "1705312800000"],
        [T, "2024-01-15 10:00:01", T],
        {SECONDS: 2, MILLISECONDS: 1},
    ),
    "one_number": (["2024-01-15", "1705312800", None], ["2024-01-15 00:00:00", None, None], {}),
    "without_separators": (["20240115", "20240115100000", None], [None, None, None], {}),
    "too_large": (["1705312800000", "99999999999999999", "x"], [T, None, None], {MILLISECONDS: 1}),
    "proven": (
        ["13/02/2021", "06/02/2021 10:20", "6/3/2021 10:20:30.5"],
        ["2021-02-13 00:00:00", "2021-02-06 10:20:00", "2021-03-06 10:20:30.5"],
        {"day-first dates": 3},
    ),
    "not_proven": (["06/02/2021", "07/02/2021", None], [None, None, None], {}),
    "contradicted": (["13/02/2021", "06/13/2021", "06.02.2021"], [None, None, None], {}),
    "dots": (
        ["06.02.2021", "7.3.2021 08:30", "1. 2. 2021"],
        ["2021-02-06 00:00:00", "2021-03-07 08:30:00", "2021-02-01 00:00:00"],
        {"day-first dates, by their dots": 3},
    ),
    "dots_and_slashes": (
        ["06.02.2021", "07/02/2021", "2021-02-08"],
        ["2021-02-06 00:00:00", None, "2021-02-08 00:00:00"],
        {"day-first dates, by their dots": 1},
    ),
    "no_days": (
        ["31.02.2021", "32.01.2021", "13-02-2021"],
        [None, None, "2021-02-13 00:00:00"],
        {"day-first dates": 1},
    ),
    "far_away": (
        ["+202403-03-01T18:00:00.000Z", T, "-000043-03-15T12:00:00Z"],
        ["202403-03-01 18:00:00", T, "0044-03-15 (BC) 12:00:00"],
        {"years past 9999": 1, "years before 1": 1},
    ),
    "created_at": (["+202403-03-01T18:00:00.000Z", T, None], ["9999-12-31 23:59:59.999", T, None], {}),
}


@pytest.fixture(scope="module")
def settled() -> Iterator[Warehouse]:
    """A warehouse with a column of each kind, whose rows came in two batches."""
    fields = (LoadColumn("id", "key", "id"), *(LoadColumn(name, "timestamp", f"at {name}") for name in COLUMNS))
    with Warehouse() as warehouse:
        _fill(warehouse, fields)
        settle_database_times(warehouse, [TableRead(NAME, Query("Event", ()), fields)])
        yield warehouse


def _fill(warehouse: Warehouse, fields: tuple[LoadColumn, ...]) -> None:
    warehouse.create(NAME, fields)
    for rows in ([0, 1], [2]):
        values: dict[str, Sequence[object]] = {"id": [f"e{row}" for row in rows]}
        values |= {name: [written[row] for row in rows] for name, (written, _, _) in COLUMNS.items()}
        schema = dict.fromkeys(("id", *COLUMNS), pl.String)
        warehouse.append(NAME, pl.DataFrame(values, schema=schema), fields, "Event")


@pytest.mark.parametrize("name", COLUMNS)
def test_a_time_is_read_by_the_whole_of_its_column(name: str, settled: Warehouse) -> None:
    written, expected, readings = COLUMNS[name]
    at = f"at {name}"
    rows = settled.rows(f'select cast("{name}" as varchar) as read from {NAME} order by id')
    noted = settled.rows("select reading, row_count from target.readings where column_name = $at", {"at": at})
    unread = settled.rows("select value from target.unreadable_values where column_name = $at", {"at": at})
    raw = settled.rows("select value from target.raw_values where field = $name", {"name": name})
    assert [row["read"] for row in rows] == expected
    assert {row["reading"]: row["row_count"] for row in noted} == readings
    lost = sorted(text for text, instant in zip(written, expected, strict=True) if text and instant is None)
    assert sorted(row["value"] for row in unread) == sorted(row["value"] for row in raw) == lost


def test_text_that_is_not_utf8_is_kept_as_sent_and_reported_without_its_letters() -> None:
    fields = (LoadColumn("id", "key", "id"), LoadColumn("title", "text", "name"))
    sent = pl.DataFrame({"id": ["e1", "e2"], "title": [r"Caf\xe9", "Bar"], f"title{UNDECODED}": [True, False]})
    with Warehouse() as warehouse:
        warehouse.create(NAME, fields)
        warehouse.append(NAME, sent, fields, "Event")
        settle_database_times(warehouse, [])
        assert warehouse.rows(f"select title from {NAME} order by id") == [{"title": r"Caf\xe9"}, {"title": "Bar"}]
        (found,) = warehouse.rows("select * from target.unreadable_values")
    assert tuple(found.values()) == ("Event", "name", "e1", r"C*** with \xe9", "UTF-8 text")


UUID = "0f0e0d0c-0b0a-4908-8706-0504030201aa"


@pytest.mark.parametrize(
    "expected, spellings",
    [
        (UUID, [UUID, UUID.upper(), UUID.replace("-", ""), f"{{{UUID}}}", f"{{{UUID.upper()}}}"]),
        (UUID, [f"urn:uuid:{UUID}", f"URN:UUID:{UUID.upper()}", "\\x" + UUID.replace("-", "")]),
        # 32 digits are a uuid even if all of them are decimal; the same number is the same key on both sides.
        ("11111111-1111-4111-8111-000000000001", ["11111111111141118111000000000001"]),
        ("17", ["17", "17.0", "17.000"]),
        ("-17", ["-17", "-17.0"]),
        ("9007199254740993", ["9007199254740993", "9007199254740993.0"]),
        ("9007199254740992", ["9007199254740992"]),
        ("017", ["017"]),
        ("17.5", ["17.5"]),
        ("017.0", ["017.0"]),
        ("WA017.0", ["WA017.0"]),
        ("0f0e0d0c0b0a4908870605040302010z", ["0f0e0d0c0b0a4908870605040302010z"]),
        # A blank makes it another key for the database too.
        (f"{UUID} ", [f"{UUID} "]),
        ("", [""]),
    ],
)
def test_a_key_has_one_spelling(expected: str, spellings: list[str], settled: Warehouse) -> None:
    sql = "select distinct as_key(spelling) as key from unnest($spellings) as given(spelling)"
    assert settled.rows(sql, {"spellings": spellings}) == [{"key": expected}]
