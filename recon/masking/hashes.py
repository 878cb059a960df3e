"""Hashes of what the judged tables hold of people: 8 bytes for each name or number, to look words up in."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# What is between words, the same for both libraries: blanks, and ASCII's and the general punctuation.
WORD = re.compile(r"[^\s!-/:-@\[-`{-~«»\u2000-\u206f\u3000-\u303f]+")
BETWEEN = r"[\s!-/:-@\[-`{-~«»\x{2000}-\x{206f}\x{3000}-\x{303f}]+"
# A shorter text is no name that a reader would take for one, and no number that can be called.
SHORTEST_NAME, FEWEST_DIGITS = 2, 7
COMPARED_DIGITS = 10
MOST_WORDS = 8
FOREIGN = "with prefix: "
KINDS = ("full", "single", "first", "phone")


class PeopleTable(NamedTuple):
    """The columns of one table that hold personal data, in batches.

    Attributes:
        names: Its columns of names, the first names first; where there are two or more, the first and each other one
            make a full name.
        phones: Its columns of phone numbers.
        batches: The rows.
    """

    names: Sequence[str]
    phones: Sequence[str]
    batches: Iterable[pl.DataFrame]


class KnownHashes(NamedTuple):
    """The hashes by what they are of, sorted, and the number of words of the longest name.

    They are of full names, of single ones (first or last), of the words that these begin with, and of numbers.
    """

    sorted: dict[str, memoryview]
    most_words: int

    def have(self, texts: list[str], of: str) -> list[bool]:
        """Return, for each text as it is compared, whether it is known."""
        hashes = self.sorted[of]
        if not texts or not len(hashes):
            return [False] * len(texts)
        wanted = pl.Series(texts, dtype=pl.String).hash().to_list()
        places = ((bisect_left(hashes, each), each) for each in wanted)
        return [place < len(hashes) and hashes[place] == each for place, each in places]


def hashes_of(people: Iterator[PeopleTable]) -> KnownHashes:
    """Read the tables, a batch at a time, and return the hashes of what they hold."""
    parts: dict[str, list[pl.Series]] = {kind: [] for kind in KINDS}
    most = 2
    for table in people:
        hashed = [expression.alias(f"{kind} {n}") for n, (kind, expression) in enumerate(_expressions(table))]
        prepared = [normal_of(pl.col(name)).alias(name) for name in table.names]
        prepared += [each for name in table.phones for each in _prepared(name)]
        for batch in table.batches:
            for column in batch.lazy().with_columns(prepared).select(hashed).collect():
                kind = column.name.partition(" ")[0]
                if kind == "most":
                    most = max(most, column.item() or 0)
                else:
                    parts[kind].append(column.item())
    return KnownHashes({kind: _sorted(found) for kind, found in parts.items()}, min(most, MOST_WORDS))


def normal_word(word: str) -> str:
    """Return a word as `normal` does."""
    return (word if word.isascii() else unicodedata.normalize("NFKC", word)).lower()


def normal(texts: pl.Series) -> pl.Series:
    """Return texts as they are compared: composed, in lower case, one blank between words, none around them."""
    return texts.to_frame("text").select(normal_of(pl.col("text"))).to_series()


def normal_of(texts: pl.Expr) -> pl.Expr:
    """Return the expression of `normal`."""
    return texts.str.replace_all(BETWEEN, " ").str.normalize("NFKC").str.to_lowercase().str.strip_chars()


def _expressions(table: PeopleTable) -> Iterator[tuple[str, pl.Expr]]:
    """Yield what to compute of each batch: the distinct hashes of a kind as a list, or the most words of a name."""
    for name in table.names:
        whole = pl.col(name).filter(pl.col(name).str.len_chars() >= SHORTEST_NAME)
        yield "single", _distinct(whole)
        yield "full", _distinct(whole.filter(whole.str.contains(" ", literal=True)))
        yield "first", _distinct(pl.col(name).str.split(" ").list.first())
    for other in table.names[1:]:
        first, last = pl.col(table.names[0]), pl.col(other)
        is_whole = (first != "") & (last != "")
        yield "full", _distinct((first + " " + last).filter(is_whole))
        yield "full", _distinct((last + " " + first).filter(is_whole))
    if table.names:
        words = (pl.col(name).str.count_matches(" ").fill_null(0) + 1 for name in table.names)
        yield "most", pl.sum_horizontal(words).max().cast(pl.Int64)
    for name in table.phones:
        yield from (("phone", _distinct(form)) for form in _numbers(name))


def _prepared(name: str) -> Iterator[pl.Expr]:
    """Yield what the forms of a column of numbers are made of: its digits, and those that a country's prefix begins."""
    digits = pl.col(name).str.replace_all(r"\D+", "").str.strip_chars_start("0")
    yield digits.alias(name)
    yield pl.when(pl.col(name).str.contains(r"^[ (]*(?:\+|00)")).then(digits).alias(FOREIGN + name)


def _numbers(name: str) -> Iterator[pl.Expr]:
    """Yield the numbers as they are compared, those with a country's prefix also without it."""
    national, foreign = pl.col(name), pl.col(FOREIGN + name).drop_nulls()
    for form in (national, *(foreign.str.slice(length) for length in (1, 2, 3))):
        digits = form.str.strip_chars_start("0").str.tail(COMPARED_DIGITS)
        yield digits.filter(digits.str.len_chars() >= FEWEST_DIGITS)


def _distinct(texts: pl.Expr) -> pl.Expr:
    return texts.drop_nulls().hash().unique().implode()


def _sorted(parts: list[pl.Series]) -> memoryview:
    whole = pl.concat([pl.Series(dtype=pl.UInt64), *parts]).unique().sort().rechunk()
    buffer = whole.to_arrow().buffers()[1]
    return memoryview(buffer if buffer is not None else b"").cast("Q")[: whole.len()]
