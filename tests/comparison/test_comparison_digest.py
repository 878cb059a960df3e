"""Digests in DuckDB against the judgement in polars: equal digests never hide a difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from soaking import examples

import recon.warehouse
from recon.comparison import Field, StoredColumn, digest_sql, judge, judged_sql, typed_sql
from recon.sql import literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# By type: what both sides may be stored as.
STORED = {
    "key": ["VARCHAR", "UUID", "BIGINT"],
    "text": ["VARCHAR", "BIGINT"],
    "integer": ["VARCHAR", "INTEGER", "BIGINT", "UBIGINT", "HUGEINT", "DOUBLE", "DECIMAL(10,2)"],
    "decimal": ["VARCHAR", "DECIMAL(10,2)", "DECIMAL(38,0)", "DECIMAL(38,18)", "BIGINT", "HUGEINT", "DOUBLE"],
    "float": ["VARCHAR", "DOUBLE", "FLOAT", "BIGINT", "DECIMAL(10,2)"],
    "boolean": ["VARCHAR", "BOOLEAN", "BIGINT"],
    "timestamp": ["VARCHAR", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_NS", "DATE", "BIGINT"],
    "date": ["VARCHAR", "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"],
}
# Texts near each other, near the edges of types, and none of any type.
TEXTS = st.sampled_from(
    [
        *(
            "",
            " ",
            "\t",
            "abc",
            "null",
            "NaN",
            "nan",
            "inf",
            "-inf",
            "0",
            "-0",
            "0.0",
            "-0.0",
            "1",
            "01",
            "1.0",
            "+1",
            "-1",
        ),
        *(
            "1.00",
            "1.005",
            "1.01",
            "1e0",
            "1E-2",
            "0.01",
            "0.1",
            "0.10",
            "0.000000000000000001",
            "-0.000000000000000001",
        ),
        *(
            "9007199254740992",
            "9007199254740993",
            "9223372036854775807",
            "9223372036854775808",
            "1000000000000000000000",
        ),
        *("t", "true", "TRUE", "yes", "f", "off", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        *("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "00000000-0000-0001-8000-000000000002"),
        *("00000000-0000-0002-8000-000000000001", "2024-01-15", "2024-01-15T00:00:00Z", "2024-01-15 01:00:00+01"),
        *(
            "2024-01-15T00:00:00.000001Z",
            "1705276800000",
            "2024-02-30",
            "infinity",
            "-infinity",
            "0001-01-01",
            "é",
            "e\u0301",
        ),
    ]
)
VALUES = (
    st.none()
    | TEXTS
    | st.integers().map(str)
    | st.decimals(places=3).map(str)
    | st.datetimes().map(str)
    | st.text("a01.- \u00e9", max_size=3)
)


@pytest.fixture(scope="module")
def session() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(recon.warehouse.VALUES.read_text(encoding="utf-8"))
        connection.execute("set global timezone = 'UTC'")
        connection.execute("set threads = 1")
        yield connection


def compared(
    session: duckdb.DuckDBPyConnection,
    field: Field,
    source: tuple[str, Sequence[Any]],
    target: tuple[str, Sequence[Any]],
) -> tuple[list[bool], list[bool]]:
    """Of each row, whether the digests are equal, and whether the judgement is.

    Values are cast to the stored type by DuckDB; what cannot be cast is null.
    """
    texts = pl.DataFrame({"s": source[1], "t": target[1]}, schema={"s": pl.String, "t": pl.String})
    session.register("texts", texts.with_row_index("row").to_arrow())
    sides = [{field.name: StoredColumn(name, stored)} for name, (stored, _) in (("s", source), ("t", target))]
    session.execute(
        "create or replace temp table stored as "
        f"select row, try_cast(s as {source[0]}) as s, try_cast(t as {target[0]}) as t from texts"
    )
    equal = f"{digest_sql([field], *sides)} = {digest_sql([field], *sides[::-1])}"
    rows = session.sql(f"select row, {equal} as alike, {judged_sql([field], *sides)} from stored order by row").pl()
    unequal = judge(rows.drop("alike"), [field]).differences["row"].to_list()
    return rows["alike"].to_list(), [row not in unequal for row in rows["row"]]


@pytest.mark.parametrize("kind", STORED)
@settings(max_examples=examples(30))
@given(data=st.data())
def test_equal_digests_mean_equal_by_the_typed_rule(
    session: duckdb.DuckDBPyConnection, kind: str, data: st.DataObject
) -> None:
    stored = [data.draw(st.sampled_from(STORED[kind])) for _ in range(2)]
    pairs = data.draw(
        st.lists(VALUES.flatmap(lambda v: st.tuples(st.just(v), st.just(v) | VALUES)), min_size=1, max_size=30)
    )
    sources, targets = zip(*pairs, strict=True)
    alike, judged = compared(session, Field("f", kind), (stored[0], sources), (stored[1], targets))
    wrong = [
        (pair, stored)
        for pair, is_alike, is_equal in zip(pairs, alike, judged, strict=True)
        if is_alike and not is_equal
    ]
    assert wrong == []


@pytest.mark.parametrize("kind", STORED)
@settings(max_examples=examples(15))
@given(values=st.lists(VALUES, min_size=1, max_size=30), data=st.data())
def test_the_same_value_stored_alike_has_one_digest(
    session: duckdb.DuckDBPyConnection, kind: str, values: list[str | None], data: st.DataObject
) -> None:
    stored = data.draw(st.sampled_from(STORED[kind]))
    alike, judged = compared(session, Field("f", kind), (stored, values), (stored, values))
    assert all(alike)
    assert all(judged)


@pytest.mark.parametrize(
    "kind, source, target",
    [
        ("decimal", ("DECIMAL(38,18)", "0"), ("DECIMAL(38,18)", "-0.000000000000000001")),
        ("integer", ("HUGEINT", "0"), ("HUGEINT", "-1")),
        ("key", ("UUID", "00000000-0000-0001-8000-000000000002"), ("UUID", "00000000-0000-0002-8000-000000000001")),
        ("integer", ("VARCHAR", "9007199254740993"), ("BIGINT", "9007199254740992")),
        ("integer", ("VARCHAR", "abc"), ("BIGINT", None)),
        ("integer", ("VARCHAR", ""), ("VARCHAR", None)),
        ("float", ("DOUBLE", "nan"), ("DOUBLE", None)),
        ("text", ("VARCHAR", ""), ("VARCHAR", " ")),
        ("timestamp", ("TIMESTAMP WITH TIME ZONE", "infinity"), ("TIMESTAMP WITH TIME ZONE", None)),
    ],
)
def test_what_differs_has_two_digests(
    session: duckdb.DuckDBPyConnection, kind: str, source: tuple[str, str | None], target: tuple[str, str | None]
) -> None:
    alike, judged = compared(session, Field("f", kind), (source[0], [source[1]]), (target[0], [target[1]]))
    assert (alike, judged) == ([False], [False])


@pytest.mark.parametrize(
    "kind, source, target",
    [
        ("key", ("VARCHAR", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), ("UUID", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
        ("integer", ("VARCHAR", "7"), ("BIGINT", "7")),
        ("decimal", ("VARCHAR", "1.50"), ("DECIMAL(10,2)", "1.5")),
        ("decimal", ("DECIMAL(10,2)", "1.5"), ("DECIMAL(38,18)", "1.5")),
        ("float", ("VARCHAR", "1e2"), ("DOUBLE", "100")),
        ("boolean", ("VARCHAR", "true"), ("BOOLEAN", "true")),
        ("timestamp", ("VARCHAR", "2024-01-15T07:00:00.000Z"), ("TIMESTAMP", "2024-01-15 07:00:00")),
        ("timestamp", ("VARCHAR", "1705302000000"), ("TIMESTAMP WITH TIME ZONE", "2024-01-15 07:00:00+00")),
        ("date", ("VARCHAR", "2024-01-15"), ("DATE", "2024-01-15")),
    ],
)
def test_one_value_stored_otherwise_has_one_digest(
    session: duckdb.DuckDBPyConnection, kind: str, source: tuple[str, str], target: tuple[str, str]
) -> None:
    alike, judged = compared(session, Field("f", kind), (source[0], [source[1]]), (target[0], [target[1]]))
    assert (alike, judged) == ([True], [True])


@pytest.mark.parametrize(
    "kind, source, target",
    [
        ("key", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", ("UUID", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
        ("integer", " 7.0", ("BIGINT", "7")),
        ("boolean", "Yes", ("BOOLEAN", "true")),
        ("timestamp", "2024-01-15T09:00:00+02:00", ("TIMESTAMP", "2024-01-15 07:00:00")),
        ("timestamp", "2024-01-15T07:00:00.000123Z", ("TIMESTAMP", "2024-01-15 07:00:00.000123")),
    ],
)
def test_a_value_in_other_words_is_left_to_the_judge(
    session: duckdb.DuckDBPyConnection, kind: str, source: str, target: tuple[str, str]
) -> None:
    alike, judged = compared(session, Field("f", kind), ("VARCHAR", [source]), (target[0], [target[1]]))
    assert (alike, judged) == ([False], [True])


@pytest.mark.parametrize(
    "field, text, expected",
    [
        (Field("f", "date", format="MM/DD/YYYY"), "01/02/2024", "2024-01-02"),
        (Field("f", "date", format="DD/MM/YYYY"), "01/02/2024", "2024-02-01"),
        (Field("f", "timestamp", format="MM/DD/YYYY HH:mm"), "01/02/2024 13:45", "2024-01-02 13:45:00"),
        (Field("f", "timestamp", format="MM/DD/YYYY HH:mm"), "2024-01-02T13:45:00Z", "2024-01-02 13:45:00"),
        (Field("f", "timestamp", format="MM/DD/YYYY HH:mm"), "13/40/2024 13:45", None),
        (Field("f", "timestamp"), "01/02/2024", None),
        (Field("f", "decimal"), "1.0000000000000000001", None),
        (Field("f", "decimal"), "1_000", None),
        (Field("f", "decimal"), "12345678901234567890.5", "12345678901234567890.500000000000000000"),
        (Field("f", "float"), "1_000", None),
        (Field("f", "integer"), "1.5", None),
        (Field("f", "integer"), "9007199254740993", "9007199254740993"),
    ],
)
def test_text_is_typed_exactly_or_not_at_all(
    session: duckdb.DuckDBPyConnection, field: Field, text: str, expected: str | None
) -> None:
    found = session.sql(f"select cast({typed_sql(field, literal(text), 'VARCHAR')} as varchar)").fetchall()
    assert found == [(expected,)]


@pytest.mark.parametrize(
    "kind, stored",
    [
        ("text", "VARCHAR"),
        ("integer", "BIGINT"),
        ("integer", "SMALLINT"),
        ("decimal", "DECIMAL(10,2)"),
        ("float", "DOUBLE"),
        ("boolean", "BOOLEAN"),
        ("timestamp", "TIMESTAMP"),
        ("date", "DATE"),
    ],
)
def test_a_column_of_the_type_is_taken_as_it_is(kind: str, stored: str) -> None:
    assert typed_sql(Field("f", kind), '"a"."f"', stored) == '"a"."f"'
