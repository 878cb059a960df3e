from __future__ import annotations

import sys
from itertools import permutations
from typing import TYPE_CHECKING

import duckdb
import polars as pl
import pytest

from recon.comparison import NORMALISERS, normalised_sql, register_normalisers
from recon.comparison.normalisers import OF_ASCII, STEPS, normalised

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CHARACTERS = [chr(point) for point in range(sys.maxunicode + 1) if not 0xD800 <= point <= 0xDFFF and point]
TEXTS = [
    "",
    " ",
    "\t a  b\v",
    "n/a",
    "+1 (555) 0100",
    "Straße",
    "STRASSE",
    "\u00a0É\u2003",
    "e\u0301",
    "İstanbul",
    "\x1c1\x1f",
]


@pytest.fixture(scope="module")
def session() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        register_normalisers(connection)
        yield connection


def of_duckdb(session: duckdb.DuckDBPyConnection, texts: Sequence[str], names: Sequence[str]) -> pl.Series:
    given = pl.DataFrame({"text": texts}).to_arrow()  # noqa: F841 - read by name
    found: pl.DataFrame = session.sql(f"select {normalised_sql('text', names)} as text from given").pl()
    return found.to_series()


def of_polars(texts: Sequence[str], names: Sequence[str]) -> pl.Series:
    return pl.DataFrame({"text": texts}).select(normalised(pl.col("text"), names)).to_series()


def test_every_normaliser_is_written_in_both() -> None:
    assert tuple(STEPS) == tuple(OF_ASCII) == NORMALISERS


@pytest.mark.parametrize("name", NORMALISERS)
def test_both_agree_on_every_code_point(session: duckdb.DuckDBPyConnection, name: str) -> None:
    ascii_texts = [
        f"{before}{chr(point)}{after}" for point in range(1, 128) for before in ("", "a ") for after in ("", " B")
    ]
    for texts in (ascii_texts, CHARACTERS):
        assert of_duckdb(session, texts, [name]).equals(of_polars(texts, [name]))


def test_both_agree_on_normalisers_one_after_the_other(session: duckdb.DuckDBPyConnection) -> None:
    for names in permutations(NORMALISERS, 3):
        assert of_duckdb(session, TEXTS, names).to_list() == of_polars(TEXTS, names).to_list(), names


def test_null_stays_null_beside_texts_and_alone(session: duckdb.DuckDBPyConnection) -> None:
    for texts in (["É", None, "a"], [None, None], []):
        frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
        session.register("given", frame.to_arrow())
        found = session.sql(f"select {normalised_sql('text', ['casefold'])} as text from given").pl().to_series()
        assert found.to_list() == [text and text.casefold() for text in texts]
    session.unregister("given")


def test_what_folds_alike_has_one_key(session: duckdb.DuckDBPyConnection) -> None:
    assert (
        of_duckdb(session, ["Straße", "STRASSE", " straSSe\u2003"], ["casefold", "trim"]).to_list() == ["strasse"] * 3
    )
    assert of_duckdb(session, ["n/a", "none"], ["phone_digits"]).to_list() == ["n/a", "none"]
