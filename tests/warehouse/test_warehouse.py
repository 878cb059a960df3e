from __future__ import annotations

import tempfile
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from soaking import examples

from recon.errors import DatabaseError
from recon.warehouse import LoadColumn, Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEMBERS = "target.members"
FIELDS = (
    LoadColumn("id", "key", "memberKey"),
    LoadColumn("age", "integer", "memberAge"),
    LoadColumn("joined_at", "timestamp", "memberSince"),
    LoadColumn("is_active", "boolean", "isActive"),
)


@pytest.fixture(scope="module")
def untouched() -> Iterator[Warehouse]:
    """A warehouse for tests that only ask."""
    with Warehouse() as opened:
        yield opened


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    with Warehouse() as opened:
        yield opened


def typed(warehouse: Warehouse, macro: str, text: str | None) -> str | None:
    (row,) = warehouse.rows(f"select cast({macro}($text) as varchar) as typed", {"text": text})
    value: str | None = row["typed"]
    return value


def frame(*rows: tuple[str | None, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys((f.name for f in FIELDS), pl.String), orient="row")


def findings(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in warehouse.rows("select * from target.unreadable_values order by all")]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("12", "12"),
        (" 12 ", "12"),
        ("+5", "5"),
        ("-7", "-7"),
        ("-0", "0"),
        ("007", "7"),
        ("12.0", "12"),
        ("12.000", "12"),
        ("9223372036854775807", "9223372036854775807"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("9007199254740993.0", "9007199254740993"),
        ("1.5", None),
        ("0.99", None),
        ("12.0000001", None),
        ("12.", None),
        (".5", None),
        ("1e3", None),
        ("9223372036854775808", None),
        ("99999999999999999999999999", None),
        ("1,000", None),
        ("1_000", None),
        ("0x10", None),
        ("--1", None),
        ("true", None),
        ("NaN", None),
        ("inf", None),
        ("١٢", None),
        ("", None),
        (" ", None),
        (None, None),
    ],
)
def test_text_is_an_integer_only_when_it_is_whole(text: str | None, expected: str | None, untouched: Warehouse) -> None:
    assert typed(untouched, "as_integer", text) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        *((text, "true") for text in ("1", "t", "true", "TRUE", "yes", "on", " True ", "Y", "y", "YES", "1.0", "1.00")),
        *((text, "false") for text in ("0", "f", "false", "FALSE", "no", "off", " Off ", "N", "n", "0.0", " F ")),
        *((text, None) for text in ("2", "-1", "", " ", "maybe", "null", "truth", "1.5", "0.10", "10.0", "ye", None)),
    ],
)
def test_text_is_a_truth_value_only_by_its_usual_words(
    text: str | None, expected: str | None, untouched: Warehouse
) -> None:
    assert typed(untouched, "as_boolean", text) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("2024-01-15", "2024-01-15 00:00:00"),
        ("2024-01-15 14:20:00", "2024-01-15 14:20:00"),
        ("2024-01-15T14:20:00", "2024-01-15 14:20:00"),
        ("2024-01-15T14:20:00.123Z", "2024-01-15 14:20:00.123"),
        ("2024-01-15T14:20:00.123456Z", "2024-01-15 14:20:00.123456"),
        ("2024-01-15 14:20:00.123", "2024-01-15 14:20:00.123"),
        ("2024-01-15 14:20:00.1+02", "2024-01-15 12:20:00.1"),
        ("2024-01-15 14:20+02", "2024-01-15 12:20:00"),
        *((f"2024-01-15 14:20:00{zone}", "2024-01-15 12:20:00") for zone in (" +02", " +0200", " +02:00", "+0200")),
        *(
            (f"2024-01-15 14:20:00.5{zone}", "2024-01-15 14:20:00.5")
            for zone in (" Z", "z", " UTC", "utc", " gmt", "+00")
        ),
        *((f"2024-01-15{sign}14:20:00,5Z", "2024-01-15 14:20:00.5") for sign in ("t", "T", " ")),
        ("2024-01-15 14:20 -0800", "2024-01-15 22:20:00"),
        ("2024-01-15T14:20:00.1234567Z", "2024-01-15 14:20:00.123456"),
        ("2024-01-15 14:20:00+02", "2024-01-15 12:20:00"),
        ("2024-01-15T14:20:00+05:30", "2024-01-15 08:50:00"),
        ("2024-01-15T14:20:00-0800", "2024-01-15 22:20:00"),
        ("2024-01-15T00:10:00+14:00", "2024-01-14 10:10:00"),
        ("2024-03-10 02:30:00", "2024-03-10 02:30:00"),
        ("1705328400000", "2024-01-15 14:20:00"),
        ("1705328400123", "2024-01-15 14:20:00.123"),
        (" 1705328400000 ", "2024-01-15 14:20:00"),
        ("-1705328400000", "1915-12-18 09:40:00"),
        ("0001-01-01", "0001-01-01 00:00:00"),
        ("9999-12-31 23:59:59.999", "9999-12-31 23:59:59.999"),
        ("0001-01-01T00:00:00+14:00", "0001-12-31 (BC) 10:00:00"),
        ("9999-12-31T23:59:59-14:00", "10000-01-01 13:59:59"),
        ("10000-01-01", "10000-01-01 00:00:00"),
        ("+010000-01-01T00:00:00.000Z", "10000-01-01 00:00:00"),
        ("+202403-03-01T18:00:00.000Z", "202403-03-01 18:00:00"),
        ("202403-03-01 18:00:00+00", "202403-03-01 18:00:00"),
        ("-000043-03-15T12:00:00.000Z", "0044-03-15 (BC) 12:00:00"),
        ("0044-03-15 12:00:00+00 BC", "0044-03-15 (BC) 12:00:00"),
        ("+275760-09-13T00:00:00.000Z", None),
        ("290000-01-01", None),
        ("999999999999999", None),
        ("-99999999999999", None),
        ("0044-03-15 (BC)", "0044-03-15 (BC) 00:00:00"),
        ("2024-02-30", None),
        ("2024-13-01", None),
        ("0000-00-00", None),
        ("15/01/2024", None),
        ("01/15/2024 14:20", None),
        ("14:20", None),
        ("yesterday", None),
        ("infinity", None),
        ("-infinity", None),
        ("20240115", None),
        ("", None),
        (None, None),
    ],
)
def test_text_is_a_time_in_utc_only_when_it_names_one(
    text: str | None, expected: str | None, untouched: Warehouse
) -> None:
    assert typed(untouched, "as_timestamp", text) == expected


USUAL_TIMES = ("2024-01-15 14:20:33", "2024-01-15T14:20:33", "2024-01-15T14:20:33.123Z", "2024-01-15 14:20:33.123")


@st.composite
def nearly_times(draw: st.DrawFn) -> str:
    """A time as most are written, of which a few characters are others."""
    characters = list(draw(st.sampled_from(USUAL_TIMES)))
    for place in draw(st.lists(st.integers(0, len(characters) - 1), max_size=3)):
        characters[place] = draw(st.sampled_from("059:.,-+ TZtz/é\t"))
    return "".join(characters)


@settings(max_examples=examples(30))
@given(st.lists(nearly_times(), min_size=50, max_size=200))
@example(["2024-01-15 14:20: -", "2024-01-15 14:2 :50", "2024-01-15 18:20:33.+23", "2024-01-15T14:20:33. 23Z"])
def test_a_time_in_the_usual_form_is_read_as_any_other(untouched: Warehouse, texts: list[str]) -> None:
    sql = """
        select text from unnest($texts) as given(text)
        where as_timestamp(text) is distinct from as_any_timestamp(text)"""
    assert untouched.rows(sql, {"texts": texts}) == []


def test_the_zone_of_the_machine_has_no_part_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    with Warehouse() as warehouse:
        assert typed(warehouse, "as_timestamp", "2024-01-15 14:20:00") == "2024-01-15 14:20:00"


@pytest.mark.parametrize(
    "rows, limit", [(0, "381.4 MiB"), (20_000, "381.4 MiB"), (4_000_000, "953.6 MiB"), (10**12, "7.9 GiB")]
)
def test_many_rows_get_more_memory_as_far_as_the_machine_has_it(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, rows: int, limit: str
) -> None:
    pages = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2**22}
    monkeypatch.setattr("os.sysconf", pages.__getitem__)
    warehouse.make_room(rows)
    (found,) = warehouse.rows("select current_setting('memory_limit') as found")
    assert found["found"] == limit


def test_values_that_are_of_their_type_are_stored_and_nothing_is_found(warehouse: Warehouse) -> None:
    warehouse.create(MEMBERS, FIELDS)
    warehouse.append(MEMBERS, frame(("m1", "30", "2024-01-15", "t"), ("m2", None, None, None)), FIELDS, "Member")
    kinds = warehouse.rows(
        "select typeof(age) as age, typeof(joined_at) as at, typeof(is_active) as is_active from target.members limit 1"
    )
    assert kinds == [{"age": "BIGINT", "at": "TIMESTAMP", "is_active": "BOOLEAN"}]
    assert [row["age"] for row in warehouse.rows("select age from target.members order by id")] == [30, None]
    assert findings(warehouse) == []


def test_values_that_are_not_of_their_type_are_null_and_found_with_their_row(warehouse: Warehouse) -> None:
    warehouse.create(MEMBERS, FIELDS)
    warehouse.append(
        MEMBERS,
        frame(("m1", "1.5", "soon", "maybe"), ("m2", "30", "2024-01-15", "t"), (None, "", None, None)),
        FIELDS,
        "Member",
    )
    assert warehouse.rows("select age, joined_at, is_active from target.members where id = 'm1'") == [
        {"age": None, "joined_at": None, "is_active": None}
    ]
    assert findings(warehouse) == [
        ("Member", "isActive", "m1", "maybe", "boolean"),
        ("Member", "memberAge", "m1", "1.5", "integer"),
        ("Member", "memberAge", None, "", "integer"),
        ("Member", "memberSince", "m1", "soon", "timestamp"),
    ]


def test_a_finding_names_a_uuid_as_people_write_it(warehouse: Warehouse) -> None:
    fields = (LoadColumn("id", "uuid", "id", source_type="uuid"), LoadColumn("age", "integer", "age"))
    uuid = "0f0e0d0c-0b0a-4908-8706-050403020100"
    rows = pl.DataFrame({"id": [bytes.fromhex(uuid.replace("-", ""))], "age": ["old"]})
    warehouse.create(MEMBERS, fields)
    warehouse.append(MEMBERS, rows, fields, "Member")
    assert str(warehouse.rows("select id from target.members")[0]["id"]) == uuid
    assert findings(warehouse) == [("Member", "age", uuid, "old", "integer")]


def test_what_arrives_typed_is_not_typed_again(warehouse: Warehouse) -> None:
    fields = (LoadColumn("id", "key", "id"), LoadColumn("age", "integer", "age", source_type="integer"))
    warehouse.create(MEMBERS, fields)
    warehouse.append(MEMBERS, pl.DataFrame({"id": ["m1"], "age": [30]}), fields, "Member")
    assert warehouse.rows("select id, age from target.members") == [{"id": "m1", "age": 30}]


def test_absent_and_constant_columns_need_nothing_to_arrive(warehouse: Warehouse) -> None:
    fields = (
        LoadColumn("id", "key", "id"),
        LoadColumn("joined_at", "timestamp", is_absent=True),
        LoadColumn("recorded_in", "text", constant="Log.payload"),
    )
    warehouse.create(MEMBERS, fields)
    warehouse.append(MEMBERS, pl.DataFrame({"id": ["m1", "m2"]}), fields, "Member")
    assert warehouse.rows("select distinct joined_at, recorded_in from target.members") == [
        {"joined_at": None, "recorded_in": "Log.payload"}
    ]
    assert findings(warehouse) == []


def test_an_empty_table_exists_with_its_types(warehouse: Warehouse) -> None:
    warehouse.create(MEMBERS, FIELDS)
    kinds = warehouse.rows("select column_name, column_type from (describe target.members)")
    assert [row["column_type"] for row in kinds] == ["VARCHAR", "BIGINT", "TIMESTAMP", "BOOLEAN"]
    assert warehouse.row_count(MEMBERS) == 0


def test_batches_of_a_table_add_up_even_after_an_empty_one(warehouse: Warehouse) -> None:
    warehouse.create(MEMBERS, FIELDS)
    large = pl.DataFrame({"id": map(str, range(200_000))}).with_columns(age="id", joined_at=None, is_active=None)
    for batch in (frame(), large.cast(pl.String), frame(), frame(("m1", "old", None, None))):
        warehouse.append(MEMBERS, batch, FIELDS, "Member")
    warehouse.verify_loads([MEMBERS])
    assert warehouse.row_count(MEMBERS) == 200_001
    assert warehouse.rows("select count(*) as n, sum(age) as ages from target.members") == [
        {"n": 200_001, "ages": sum(range(200_000))}
    ]
    assert [finding[2:4] for finding in findings(warehouse)] == [("m1", "old")]


@pytest.mark.parametrize(
    "behind", ["delete from target.members", "insert into target.members select * from target.members"]
)
def test_a_table_that_does_not_hold_what_was_loaded_is_an_error(behind: str, warehouse: Warehouse) -> None:
    warehouse.create(MEMBERS, FIELDS)
    warehouse.append(MEMBERS, frame(("m1", "30", None, None)), FIELDS, "Member")
    warehouse.connection.execute(behind)
    with pytest.raises(DatabaseError, match=r"target\.members cannot be read back.*expected 1 rows"):
        warehouse.verify_loads([MEMBERS])


def test_counting_the_rows_of_an_unknown_table_is_an_error(warehouse: Warehouse) -> None:
    with pytest.raises(KeyError):
        warehouse.row_count("target.nothing")


def test_the_bundle_lies_in_its_own_schema(warehouse: Warehouse) -> None:
    warehouse.load_source({"counts": pl.DataFrame({"entity": ["members", "events"], "expected": [3, None]})})
    assert warehouse.rows("select * from source.counts order by entity desc") == [
        {"entity": "members", "expected": 3},
        {"entity": "events", "expected": None},
    ]
    assert warehouse.row_count("source.counts") == 2


def test_only_the_parameters_that_a_query_names_are_bound(warehouse: Warehouse) -> None:
    parameters = {"wanted": 2, "unused": "x"}
    assert warehouse.rows("select $wanted as n", parameters) == [{"n": 2}]
    with warehouse.reading() as reading:
        assert reading.rows("select $wanted as n", parameters) == [{"n": 2}]
        kept, number = reading.evidence("select * from range(10) where range >= $wanted", parameters, 3)
    assert (kept["range"].to_list(), number) == ([2, 3, 4], 8)


def test_the_rows_of_a_query_can_be_limited(warehouse: Warehouse) -> None:
    assert [row["range"] for row in warehouse.rows("select * from range(10)", limit=2)] == [0, 1]
    assert warehouse.rows("select 1 as one where false", limit=2) == []


@pytest.mark.parametrize("number, limit, kept", [(0, 5, 0), (5, 5, 5), (25_000, 5, 5), (25_000, 12_345, 12_345)])
def test_evidence_counts_every_row_and_keeps_the_first(
    number: int, limit: int, kept: int, warehouse: Warehouse
) -> None:
    with warehouse.reading() as reading:
        frame, counted = reading.evidence(f"select range as n from range({number}) order by n", None, limit)
    assert (frame["n"].to_list(), counted) == (list(range(kept)), number)


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("select * from read_csv('{file}')", id="read a file"),
        pytest.param("select * from '{file}'", id="read a file by its name"),
        pytest.param("select * from read_text('{file}')", id="read a text"),
        pytest.param("select * from glob('{folder}/*')", id="list a folder"),
        pytest.param("copy (select 1) to '{folder}/written.csv'", id="write a file"),
        pytest.param("attach '{folder}/attached.db' as other", id="attach a database"),
        pytest.param("export database '{folder}/exported'", id="export"),
        pytest.param("install httpfs", id="install an extension"),
        pytest.param("load httpfs", id="load an extension"),
        pytest.param("select * from read_csv('http://127.0.0.1:9/x.csv')", id="reach the network"),
        pytest.param("set enable_external_access = true", id="open the doors again"),
    ],
)
def test_a_rule_cannot_reach_beyond_the_warehouse(statement: str, warehouse: Warehouse, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("id\n1\n", encoding="utf-8")
    with pytest.raises((duckdb.Error, ValueError)), warehouse.reading() as reading:
        reading.rows(statement.format(file=file, folder=tmp_path))
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-- nothing",
        "delete from target.unreadable_values",
        "create table target.planted (n int)",
        "select 1; delete from target.unreadable_values",
        "set memory_limit = '1GB'",
        "set variable planted = 1",
        "create temp table planted as select 1 as n",
        "explain analyze select 1",
    ],
)
def test_a_rule_is_one_select(text: str, warehouse: Warehouse) -> None:
    with warehouse.reading() as reading:
        for ask in (reading.rows, partial(reading.evidence, parameters=None, limit=10), warehouse.rows):
            with pytest.raises(ValueError, match="one select"):
                ask(text)


@pytest.fixture
def filled(warehouse: Warehouse) -> Warehouse:
    """Holds three members, and a temporary table of the session."""
    warehouse.create(MEMBERS, FIELDS[:2])
    warehouse.append(MEMBERS, pl.DataFrame({"id": ["m1", "m2", "m3"], "age": ["1", "2", "3"]}), FIELDS[:2])
    warehouse.execute("create temp table noted as select 1 as n")
    return warehouse


@pytest.mark.parametrize(
    "text",
    [
        "with x as (delete from target.members returning *) select * from x",
        "with x as (delete from target.members where false) select 1 as n",
        "with x as materialized (delete from target.members returning *) select 1 as n where false",
        "with x as (update target.members set age = 0 returning *) select * from x",
        "with x as (insert into target.members values ('m4', 4) returning *) select * from x",
        "with x as (insert into target.members from target.members returning id) select count(*) as n from x",
        "with y as (select 1 as n), x as (delete from target.members using y returning *) select * from x, y",
    ],
)
def test_a_rule_that_would_write_is_refused(text: str, filled: Warehouse) -> None:
    before = filled.rows("from target.members order by id")
    with filled.reading() as reading, pytest.raises(ValueError, match="only reads, and this would write"):
        reading.rows(text)
    with filled.reading() as reading, pytest.raises(ValueError, match="only reads, and this would write"):
        reading.evidence(text, None, 10)
    assert filled.rows("from target.members order by id") == before


@pytest.mark.parametrize(
    "text",
    [
        "with x as (merge into target.members m using (select 1) s on true when matched then delete) select 1",
        "with y as (with x as (delete from target.members returning *) select * from x) select * from y",
        "select * from (with x as (delete from target.members returning *) select * from x) y",
        "select * from query('delete from target.members')",
        # What the session keeps for itself is not there for a rule.
        "with x as (delete from noted returning *) select * from x",
    ],
)
def test_other_ways_to_write_are_no_query(text: str, filled: Warehouse) -> None:
    before = filled.rows("from target.members order by id")
    with filled.reading() as reading, pytest.raises(duckdb.Error):
        reading.rows(text)
    assert filled.rows("from target.members order by id") == before
    assert filled.rows("from noted") == [{"n": 1}]


@pytest.mark.parametrize(
    "text",
    [
        "select id from target.members",
        "select error('boom') as n",
        "select case when i = 90000 then error('boom') else i end as n from range(100000) t(i)",
        "with x as (delete from target.members returning *) select * from x",
    ],
    ids=["rows", "error", "late error", "write"],
)
def test_a_reading_is_over_however_it_ends(text: str, filled: Warehouse) -> None:
    with suppress(duckdb.Error, pa.ArrowInvalid, ValueError, OSError), filled.reading() as reading:
        reading.evidence(text, None, 1)

    with filled.reading() as reading:
        assert reading.rows("select count(*) as n from target.members") == [{"n": 3}]
    # Nothing holds the table any more, and no transaction is open.
    filled.execute("begin transaction")
    filled.execute("drop table target.members")
    filled.execute("commit")


def test_what_is_undone_is_seen_by_readings_until_then(filled: Warehouse) -> None:
    with filled.undone(), filled.reading() as reading:
        filled.execute("alter table target.members drop column age")
        assert reading.rows("from target.members limit 1") == [{"id": "m1"}]
    with suppress(duckdb.Error), filled.undone():
        filled.execute("drop table target.members")
        filled.execute("drop table target.nowhere")

    with filled.reading() as reading:
        assert reading.rows("from target.members limit 1") == [{"id": "m1", "age": 1}]


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, empty."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_what_does_not_fit_spills_to_a_private_folder_that_goes_on_close(private: Path) -> None:
    with Warehouse() as warehouse:
        (spill,) = private.iterdir()
        warehouse.connection.execute("set memory_limit = '40MB'")
        warehouse.connection.execute("set threads = 1")
        warehouse.connection.execute("create table target.large as select n, hash(n) as h from range(3000000) t (n)")
        assert spill.stat().st_mode & 0o077 == 0
        assert list(spill.iterdir())
        assert warehouse.rows("select count(*) as n from target.large") == [{"n": 3_000_000}]
    assert not list(private.iterdir())


def fail_in_a_warehouse(private: Path) -> None:
    with Warehouse():
        assert list(private.iterdir())
        raise RuntimeError("planted")


def test_the_folder_goes_when_something_fails_too(private: Path) -> None:
    with pytest.raises(RuntimeError, match="planted"):
        fail_in_a_warehouse(private)
    assert not list(private.iterdir())
