"""Masking of the names and phone numbers that the judged tables hold, wherever a text has one of them.

The words of the texts are looked up, so that the time depends on the texts, not on how many people there are.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from recon.masking.forms import PLAIN, replaced, shown
from recon.masking.hashes import COMPARED_DIGITS, WORD, hashes_of, normal, normal_word
from recon.masking.structs import distinct_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

    from recon.masking.forms import Span
    from recon.masking.hashes import KnownHashes, PeopleTable

    Word = tuple[tuple[int, int], str]

# What may be between the words of one name; nothing that ends a text inside of another, as of JSON.
TOGETHER = re.compile(r"[\s,.'\u2019\u2010-\u2015+_/-]{1,3}")
NUMBER = re.compile(r"(?<![\w.,:/-])\(?\+?\(?\d(?:[ ./()-]{0,3}\d){5,16}(?!\w)(?![.,:-]\d)")
HAS_NUMBER = r"[0-9](?:[^0-9]{0,3}[0-9]){6}|[^\x00-\x7f]{4}"
DATE = re.compile(r"(?:19|20)\d\d-\d\d-\d\d")
# So few are looked up as they are.
MANY_TEXTS = 5_000
HAS_TWO_WORDS = rf"[^\x00-\x40][^A-Za-z0-9]{{1,3}}[^\x00-\x40]|{HAS_NUMBER}"
HAS_WORD = rf"[^\x00-\x40]|{HAS_NUMBER}"
EMPTY = pl.Series(dtype=pl.String)


class KnownValues:
    """The personal data of the judged tables, read when the first text is looked at.

    Args:
        people: Opens the tables that hold it.
        labels: Reads the words that are no names, though people may be called so: tiers, levels, statuses.
    """

    def __init__(self, people: Callable[[], Iterator[PeopleTable]], labels: Callable[[], Iterable[str]]) -> None:
        self._people, self._labels_of = people, labels

    def mask(self, texts: Sequence[str], own: str = "", *, singles: bool = False) -> list[str]:
        """Return the texts with the whole names of people masked, and their phone numbers.

        Args:
            texts: What may hold them.
            own: The words of who wrote the text, not of the data in it: a name that is written there is none.
            singles: Mask first names and last names, too, where they are written with a capital letter or are the whole
                text; not those that are also the label of a tier, a level or a status.
        """
        spans = self._find(texts, own, singles=singles)
        return [replaced(text, found) for text, found in zip(texts, spans, strict=True)]

    def mask_columns(
        self, frame: pl.DataFrame, names: Sequence[str], own: str = "", singles: Container[str] = ()
    ) -> pl.DataFrame:
        """Return the frame with what is known of people masked in the columns that are named.

        Numbers that are known become texts; what is inside of lists, structs and maps is looked at as well.

        Args:
            frame: The rows.
            names: The columns to look at.
            own: As of `mask`.
            singles: The columns of which `mask` is asked for singles; there, `own` does not count.
        """
        if not frame.height:
            return frame
        changed: list[pl.Series] = []
        for is_single in (True, False):
            columns = [frame[name] for name in names if (name in singles) is is_single]
            changed += self._mask_all(columns, "" if is_single else own, singles=is_single)
        return frame.with_columns(changed)

    def mask_ids(self, frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
        """Return the frame with what is a name and nothing else masked in columns of ids, whatever they are called."""
        return frame.with_columns(list(map(self._mask_whole, (frame[name] for name in names))))

    def _mask_whole(self, ids: pl.Series) -> pl.Series:
        unique = ids.unique().drop_nulls()
        unique = unique.filter(unique.str.contains(HAS_WORD))
        if unique.is_empty():
            return ids
        normals = normal(unique).to_list()
        known = zip(
            unique, normals, self.hashes.have(normals, "full"), self.hashes.have(normals, "single"), strict=True
        )
        named = [
            text for text, word, is_full, is_single in known if (is_full or is_single) and word not in self._labels
        ]
        return ids.replace(named, [shown(text, "name") for text in named]) if named else ids

    def _mask_all(self, columns: Sequence[pl.Series], own: str, *, singles: bool) -> Iterator[pl.Series]:
        """Yield the columns that hold something known, masked; each text is looked at once."""
        plain = [
            column if column.dtype == pl.String else column.cast(pl.String) for column in columns if _is_plain(column)
        ]
        unique = pl.concat([column.unique() for column in plain] or [EMPTY]).drop_nulls().unique()
        inside = [(column, column.to_list()) for column in columns if _holds_texts(column)]
        inner = {text: None for _, rows in inside for row in rows for text in _texts_inside(row)}
        if unique.is_empty() and not inner:
            return
        suspects = self._suspects(unique, singles=singles)
        unique = pl.Series(suspects, dtype=pl.String)
        known = pl.Series(self.mask(suspects, own, singles=singles), dtype=pl.String)
        differs = unique != known
        if differs.any():
            was, now = unique.filter(differs), known.filter(differs)
            yield from (column.replace(was, now) for column in plain if column.is_in(was.implode()).any())
        masked = dict(zip(inner, self.mask(list(inner), own, singles=singles), strict=True))
        for column, rows in inside:
            values = [_replaced_inside(row, column.dtype, masked) for row in rows]
            yield pl.Series(column.name, values, dtype=_renamed(column.dtype, masked))

    @cached_property
    def _labels(self) -> frozenset[str]:
        return frozenset(normal(pl.Series(list(self._labels_of()), dtype=pl.String)))

    def _suspects(self, texts: pl.Series, *, singles: bool) -> list[str]:
        """Return the texts that may have a name or a number; of few, the look-up itself finds out."""
        found = texts.filter(texts.str.contains(HAS_WORD if singles else HAS_TWO_WORDS))
        if found.len() < MANY_TEXTS:
            return found.to_list()
        words = pl.DataFrame({"word": normal(found).str.split(" ")}).with_row_index("n").explode("word")
        unique = words["word"].unique()
        begins = unique.filter(pl.Series(self.hashes.have(unique.to_list(), "first"), dtype=pl.Boolean))
        has_name = pl.Series(range(found.len()), dtype=pl.UInt32).is_in(
            words.filter(pl.col("word").is_in(begins.implode()))["n"].unique().implode()
        )
        return found.filter(has_name | found.str.contains(HAS_NUMBER)).to_list()

    def _find(self, texts: Sequence[str], own: str, *, singles: bool) -> list[list[Span]]:
        """Look up every run of words of every text at once."""
        found: list[list[Span]] = [[] for _ in texts]
        if not texts:
            return found
        words = [[(match.span(), normal_word(match[0])) for match in WORD.finditer(text)] for text in texts]
        unique = list({word for each in words for _, word in each})
        begins = {word for word, is_known in zip(unique, self.hashes.have(unique, "first"), strict=True) if is_known}
        runs = [
            run
            for place, each in enumerate(words)
            for first, (_, word) in enumerate(each)
            if word in begins
            for run in _runs(place, texts[place], each, first, self.hashes.most_words)
        ]
        grams = [run.normal for run in runs]
        is_full, is_single = self.hashes.have(grams, "full"), self.hashes.have(grams if singles else [], "single")
        named = [run for run, is_known in zip(runs, is_full, strict=True) if is_known]
        if singles:
            named += [run for run, known in zip(runs, is_single, strict=True) if known and run.is_written_as_name]
        if own and named:
            said = f" {' '.join(normal_word(word) for word in WORD.findall(own))} "
            named = [run for run in named if f" {run.normal} " not in said]
        for run in named:
            if run.normal not in self._labels:
                found[run.place].append((run.start, run.end, "name"))
        self._find_numbers(texts, found)
        return [_longest(spans) for spans in found]

    def _find_numbers(self, texts: Sequence[str], found: list[list[Span]]) -> None:
        numbers = [
            (place, match)
            for place, text in enumerate(texts)
            for match in NUMBER.finditer(text if text.isascii() else text.translate(PLAIN))
        ]
        known = self.hashes.have([_digits(match[0]) for _, match in numbers], "phone")
        for (place, match), is_known in zip(numbers, known, strict=True):
            if is_known and not DATE.fullmatch(match[0]):
                found[place].append((*match.span(), "phone"))

    @cached_property
    def hashes(self) -> KnownHashes:
        """What is known; reads the tables."""
        return hashes_of(self._people())


class _NameWords(NamedTuple):
    """Some words of a text that follow each other."""

    place: int
    start: int
    end: int
    normal: str
    is_written_as_name: bool


def _runs(place: int, text: str, words: Sequence[Word], first: int, most: int) -> Iterator[_NameWords]:
    normal, end = "", 0
    start = words[first][0][0]
    for last in range(first, min(first + most, len(words))):
        (begins, ends), word = words[last]
        if last > first and not TOGETHER.fullmatch(text, end, begins):
            return
        normal, end = f"{normal} {word}".lstrip(), ends
        is_whole = first == 0 and last == len(words) - 1
        part = text[start:end]
        yield _NameWords(place, start, end, normal, is_whole or part != part.lower() or part.upper() == part)


def _is_plain(column: pl.Series) -> bool:
    return column.dtype == pl.String or column.dtype.is_integer()


def _holds_texts(column: pl.Series) -> bool:
    return column.dtype.is_nested() or column.dtype == pl.Binary


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text).lstrip("0")[-COMPARED_DIGITS:]


def _longest(spans: list[Span]) -> list[Span]:
    """Return the spans that are inside of no other."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not kept or span[1] > kept[-1][1]:
            kept.append(span)
    return kept


def _texts_inside(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode(errors="replace")
    elif isinstance(value, dict):
        yield from (text for pair in value.items() for each in pair for text in _texts_inside(each))
    elif isinstance(value, list | tuple | pl.Series):
        yield from (text for each in value for text in _texts_inside(each))


def _replaced_inside(value: Any, kind: Any, known: Mapping[str, str]) -> Any:
    """Return the value with its texts replaced, the keys of maps and the names of fields too."""
    if isinstance(value, str):
        return known[value]
    if isinstance(value, bytes):
        text = value.decode(errors="replace")
        return value if known[text] == text else known[text].encode()
    if isinstance(value, dict) and isinstance(kind, pl.Struct):
        types = {field.name: field.dtype for field in kind.fields}
        names = distinct_keys(list(types), lambda name: known.get(name, name))
        return {names[name]: _replaced_inside(each, types[name], known) for name, each in value.items()}
    if isinstance(value, dict):
        keys = distinct_keys(list(value), lambda key: known[key])
        return {keys[key]: _replaced_inside(each, kind.value, known) for key, each in value.items()}
    if isinstance(value, list | tuple | pl.Series):
        return [_replaced_inside(each, kind.inner, known) for each in value]
    return value


def _renamed(kind: Any, known: Mapping[str, str]) -> Any:
    """Return the type with the names of its fields replaced."""
    if isinstance(kind, pl.Struct):
        names = distinct_keys([field.name for field in kind.fields], lambda name: known.get(name, name))
        return pl.Struct({names[field.name]: _renamed(field.dtype, known) for field in kind.fields})
    if isinstance(kind, pl.List):
        return pl.List(_renamed(kind.inner, known))
    if isinstance(kind, pl.Array):
        return pl.Array(_renamed(kind.inner, known), kind.size)
    if isinstance(kind, pl.Map):
        return pl.Map(kind.key, _renamed(kind.value, known))
    return kind
