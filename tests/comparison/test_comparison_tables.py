"""Two tables compared: every row in one class, whatever the keys, and the details of what differs."""

from __future__ import annotations

import gc
from collections import Counter
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from soaking import examples

import recon
from recon.comparison import ComparisonSummary, Field, compare, digest_sql, tables
from recon.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

NAME = Field("name", "text")
ROWS = st.lists(st.tuples(st.none() | st.integers(0, 5), st.sampled_from(["a", "b", "A", None])), max_size=12)
SCHEMA = {"id": pl.Int64, "name": pl.String}


def frame(*rows: tuple[Any, Any], **schema: Any) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=SCHEMA | schema, orient="row")


def spilled(folder: Path) -> list[Path]:
    return list(folder.glob("recon-spill-*"))


def test_every_row_is_in_one_class() -> None:
    source = frame((1, "a"), (2, "b"), (3, "c"), (4, "d"), (4, "d"), (6, "f"))
    target = frame((1, "a"), (2, "B"), (4, "d"), (5, "e"), (6, "f"), (6, "f"), (7, "g"), (7, "h"))
    with compare(source, target, "id", [NAME]) as found:
        assert found.summary() == ComparisonSummary(6, 8, 1, 1, 1, 1, 3, {"name": 1})
        assert found.matched().rows() == [(1,)]
        assert found.mismatched().select("id", "field", "source", "target").rows() == [(2, "name", "b", "B")]
        assert found.mismatched("name").height == 1
        assert found.missing_in_target().rows() == [(3,)]
        assert found.missing_in_source().rows() == [(5,)]
        assert found.duplicate_keys().rows() == [(4, 2, 1), (6, 1, 2), (7, 0, 2)]


@settings(max_examples=examples(30))
@given(source=ROWS, target=ROWS, casefold=st.booleans())
def test_classes_are_those_of_counting_by_hand(
    source: list[tuple[int | None, str | None]], target: list[tuple[int | None, str | None]], casefold: bool
) -> None:
    field = Field("name", "text", ("casefold",) if casefold else ())
    counts = Counter(key for key, _ in source), Counter(key for key, _ in target)
    single = {key for key in counts[0] if counts[0][key] == counts[1][key] == 1}
    folded = [
        {key: name and (name.casefold() if casefold else name) for key, name in rows} for rows in (source, target)
    ]
    unequal = {key for key in single if folded[0][key] != folded[1][key]}
    duplicate = {key for key in counts[0] | counts[1] if max(side[key] for side in counts) > 1}
    with compare(frame(*source), frame(*target), "id", [field]) as found:
        assert set(found.matched()["id"]) == single - unequal
        assert set(found.mismatched()["id"]) == unequal
        assert set(found.missing_in_target()["id"]) == set(counts[0]) - set(counts[1]) - duplicate
        assert set(found.missing_in_source()["id"]) == set(counts[1]) - set(counts[0]) - duplicate
        assert {row[0]: row[1:] for row in found.duplicate_keys().rows()} == {
            key: (counts[0][key], counts[1][key]) for key in duplicate
        }
        summary = found.summary()
    assert summary.source_rows == len(source)
    assert summary.target_rows == len(target)
    repeated = [sum(side[key] for key in duplicate) for side in counts]
    assert summary.source_rows == summary.matched + summary.mismatched + summary.missing_in_target + repeated[0]
    assert summary.target_rows == summary.matched + summary.mismatched + summary.missing_in_source + repeated[1]


def test_keys_whose_hashes_collide_are_distinguished(monkeypatch: pytest.MonkeyPatch) -> None:
    def colliding(fields: list[Field], side: Any, other: Any) -> str:
        return "hash(1)" if fields[0].type == "key" else digest_sql(fields, side, other)

    monkeypatch.setattr("recon.comparison.pairing.digest_sql", colliding)
    source = frame((1, "a"), (2, "b"), (3, "c"))
    with compare(source, frame((1, "a"), (2, "x"), (4, "c")), "id", [NAME]) as found:
        assert found.summary() == ComparisonSummary(3, 3, 1, 1, 1, 1, 0, {"name": 1})
        assert found.matched().rows() == [(1,)]


def test_several_columns_may_be_the_key() -> None:
    source = pl.DataFrame({"a": [1, 1, 2], "b": ["x", "y", "x"], "v": [1.0, 2.0, 3.0]})
    target = pl.DataFrame({"a": [1, 1, 2], "b": ["x", "y", "z"], "v": [1.0, 2.5, 3.0]})
    with compare(source, target, ["a", "b"], [Field("v", "float")]) as found:
        assert found.mismatched().select("a", "b", "source", "target").rows() == [(1, "y", "2.0", "2.5")]
        assert found.missing_in_target().rows() == [(2, "x")]
        assert found.matched().rows() == [(1, "x")]


def test_files_frames_and_lazy_frames_are_the_same(tmp_path: Path) -> None:
    source, target = frame((1, "a"), (2, "b")), frame((1, "a"), (2, "c"))
    source.write_parquet(tmp_path / "it's.parquet")
    for given_source in (source, source.lazy(), tmp_path / "it's.parquet", str(tmp_path / "it's.parquet")):
        with recon.compare(given_source, target, "id", [NAME]) as found:
            assert found.summary() == ComparisonSummary(2, 2, 1, 1, 0, 0, 0, {"name": 1})


def test_the_two_sides_may_store_a_field_and_the_key_otherwise() -> None:
    source = pl.DataFrame(
        {"id": ["1", "2", "3"], "at": ["2024-01-15T12:00Z", "01/15/2024 12:00", "soon"], "n": ["1", "", "x"]}
    )
    target = pl.DataFrame({"id": [1, 2, 3], "at": ["2024-01-15 12:00", "2024-01-15 13:00", None], "n": [1, None, None]})
    target = target.with_columns(pl.col("at").str.to_datetime(time_zone="UTC"), pl.col("n").cast(pl.Int128))
    fields = [Field("at", "timestamp", format="MM/DD/YYYY HH:mm"), Field("n", "integer", ("empty_as_null",))]
    with compare(source, target, "id", fields) as found:
        assert found.mismatched().select("id", "field", "source", "target").rows() == [
            ("2", "at", "01/15/2024 12:00", "2024-01-15T13:00:00.000Z"),
            ("3", "at", "soon", None),
            ("3", "n", "x", None),
        ]
        assert found.forgiven_by().rows() == [("n", "empty_as_null", 1)]


def test_rows_are_judged_in_batches_to_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "BATCH_ROWS", 2_048)
    numbers = pl.DataFrame({"id": range(10_000)})
    source = numbers.with_columns(name=pl.format(" {}", "id"))
    target = numbers.with_columns(name=pl.when(pl.col("id") % 2 == 0).then(pl.format("{}", "id")).otherwise(None))
    with compare(source, target, "id", [Field("name", "text", ("trim",))]) as found:
        assert found.summary() == ComparisonSummary(10_000, 10_000, 5_000, 5_000, 0, 0, 0, {"name": 5_000})
        assert found.forgiven_by().rows() == [("name", "trim", 5_000)]
        assert found.matched().height == 5_000


@pytest.mark.parametrize("rows", [[], [(1, None)], [(None, None)]])
def test_tables_without_rows_or_values_are_compared(rows: list[tuple[Any, Any]]) -> None:
    for schema in ({}, {"name": pl.Null}):
        with compare(frame(*rows, **schema), frame(*rows, **schema), "id", [NAME]) as found:
            assert found.summary() == ComparisonSummary(len(rows), len(rows), len(rows), 0, 0, 0, 0, {"name": 0})
            assert found.mismatched().columns[:2] == ["id", "field"]


def test_heavily_repeated_keys_cost_no_more_than_their_rows() -> None:
    rows = pl.DataFrame({"id": [1] * 200_000, "name": ["a"] * 200_000})
    with compare(rows, rows, "id", [NAME]) as found:
        assert found.duplicate_keys().rows() == [(1, 200_000, 200_000)]
        assert found.summary().matched == 0


@pytest.mark.parametrize(
    "on, fields, words",
    [
        ([], [NAME], "needs each key once, and one at least: .* found none"),
        (["id", "id"], [NAME], "each key once"),
        ("id", [], "each field once"),
        ("id", [NAME, NAME], "each field once"),
        ("field", [NAME], "The id column 'field' has the name of a column of the result"),
        ("number", [NAME], "The source has no column 'number': .* found id, name"),
        ("id", [Field("age", "integer")], "The source has no column 'age'"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(on: Any, fields: list[Field], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        compare(frame(), frame(), on, fields).summary()


def test_a_field_that_is_not_compared_is_refused() -> None:
    with (
        compare(frame(), frame(), "id", [NAME]) as found,
        pytest.raises(UsageError, match="No field 'age' is compared"),
    ):
        found.mismatched("age")


@pytest.mark.parametrize("content", [None, b"id,name\n1,a\n"])
def test_a_file_that_is_none_is_refused_with_its_path(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "club.parquet"
    if content:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"The target cannot be read \(.*club\.parquet\): expected a Parquet file"):
        compare(frame(), path, "id", [NAME]).summary()


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with compare(frame((1, "a")), frame(), "id", [NAME]) as found:
        assert spilled(tmp_path) == []
        assert found.summary().missing_in_target == 1
        assert len(spilled(tmp_path)) == 1
    forgotten = compare(frame((1, "a")), frame(), "id", [NAME])
    forgotten.summary()
    del forgotten
    gc.collect()
    assert spilled(tmp_path) == []
