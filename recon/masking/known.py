"""Names and phone numbers that the judged tables hold, and where a text has one of them.

They are kept as hashes of 8 bytes, sorted; the words of a text are looked up in them, so that the time depends on the
texts, not on how many people there are.
"""

from __future__ import annotations

import re
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from recon.masking.forms import PLAIN, replaced
from recon.masking.structs import distinct_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

    from recon.masking.forms import Span

# What is between words, the same for both libraries: blanks, and ASCII's and the general punctuation.
BETWEEN = r"\s!-/:-@\[-`{-~«»\u2000-\u206f\u3000-\u303f"
WORD = re.compile(rf"[^{BETWEEN}]+")
# What may be between the words of one name; nothing that ends a text inside of another, as of JSON.
TOGETHER = re.compile(r"[\s,.'\u2019\u2010-\u2015+_/-]{1,3}")
RUST_BETWEEN = r"[\s!-/:-@\[-`{-~«»\x{2000}-\x{206f}\x{3000}-\x{303f}]+"
NUMBER = re.compile(r"(?<![\w.,:/-])\(?\+?\(?\d(?:[ ./()-]{0,3}\d){5,16}(?!\w)(?![.,:-]\d)")
HAS_NUMBER = r"\p{Nd}(?:[^\p{Nd}]{0,3}\p{Nd}){6}"
DATE = re.compile(r"(?:19|20)\d\d-\d\d-\d\d")
# A shorter text is no name that a reader would take for one, and no number that can be called.
SHORTEST_NAME, FEWEST_DIGITS = 2, 7
COMPARED_DIGITS = 10
MOST_WORDS = 8


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
            own: recon's own words: a name that is written there is none.
            singles: Mask first names and last names, too, where they are written with a capital letter or are the whole
                text; not those that are also the label of a tier, a level or a status.
        """
        spans = self._find(texts, own, singles=singles)
        return [replaced(text, found) for text, found in zip(texts, spans, strict=True)]

    def mask_series(self, texts: pl.Series, own: str = "", *, singles: bool = False) -> pl.Series:
        """Return the column with what is known of people masked; each text is looked at once."""
        unique = texts.unique().drop_nulls()
        if unique.is_empty() or not self._has_any:
            return texts
        suspect = unique.filter(self._is_suspect(unique))
        masked = pl.Series(self.mask(suspect.to_list(), own, singles=singles), dtype=pl.String)
        differs = suspect != masked
        return texts.replace(suspect.filter(differs), masked.filter(differs)) if differs.any() else texts

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
        masked = []
        for name in names:
            is_single = name in singles
            masked.append(self._mask_column(frame[name], "" if is_single else own, singles=is_single))
        return frame.with_columns(masked)

    def _mask_column(self, values: pl.Series, own: str, *, singles: bool) -> pl.Series:
        kind = values.dtype
        if kind == pl.String:
            return self.mask_series(values, own, singles=singles)
        if kind.is_integer():
            digits = values.cast(pl.String)
            masked = self.mask_series(digits, own, singles=singles)
            return values if masked.equals(digits) else masked
        if not kind.is_nested() and kind != pl.Binary:
            return values
        rows = values.to_list()
        texts = list(dict.fromkeys(text for row in rows for text in _texts_inside(row)))
        known = dict(zip(texts, self.mask(texts, own, singles=singles), strict=True))
        return pl.Series(values.name, [_replaced_inside(row, kind, known) for row in rows], dtype=kind)

    @property
    def _has_any(self) -> bool:
        return bool(self._hashes["full"].len() or self._hashes["single"].len() or self._hashes["phone"].len())

    def _is_suspect(self, texts: pl.Series) -> pl.Series:
        """Whether a text has the first word of a name, or as many digits as a number."""
        words = pl.DataFrame({"word": _normal(texts).str.split(" ")}).with_row_index("n").explode("word")
        found = words.filter(self._are_known(words["word"], "first"))["n"].unique()
        has_name = pl.Series(range(texts.len()), dtype=pl.UInt32).is_in(found.implode())
        return has_name | texts.str.contains(HAS_NUMBER)

    def _find(self, texts: Sequence[str], own: str, *, singles: bool) -> list[list[Span]]:
        """Look up every run of words of every text at once."""
        found: list[list[Span]] = [[] for _ in texts]
        if not texts or not self._has_any:
            return found
        words = [list(WORD.finditer(text)) for text in texts]
        starts = [(place, first) for place, each in enumerate(words) for first in range(len(each))]
        begins = self._are_known(_words([words[place][first][0] for place, first in starts]), "first")
        known = (starts[number] for number in begins.arg_true())
        runs = [run for place, first in known for run in _runs(place, texts[place], words[place], first, self._most)]
        grams = _words([run.text for run in runs])
        is_name = self._are_known(grams, "full") & ~grams.is_in(_own_runs(own, self._most).implode())
        if singles:
            is_name |= self._are_known(grams, "single") & pl.Series(
                [run.is_written_as_name for run in runs], dtype=pl.Boolean
            )
        for number in (is_name & ~self._are_known(grams, "label")).arg_true():
            found[runs[number].place].append((runs[number].start, runs[number].end, "name"))
        self._find_numbers(texts, found)
        return [_longest(spans) for spans in found]

    def _find_numbers(self, texts: Sequence[str], found: list[list[Span]]) -> None:
        numbers = [
            (place, match) for place, text in enumerate(texts) for match in NUMBER.finditer(text.translate(PLAIN))
        ]
        digits = [_digits(match[0]) for _, match in numbers]
        known = self._are_known(pl.Series(digits, dtype=pl.String), "phone")
        for place, match in map(numbers.__getitem__, known.arg_true()):
            if not DATE.fullmatch(match[0]):
                found[place].append((*match.span(), "phone"))

    def _are_known(self, texts: pl.Series, of: str) -> pl.Series:
        hashes, wanted = self._hashes[of], texts.hash()
        if hashes.is_empty() or texts.is_empty():
            return pl.repeat(value=False, n=texts.len(), dtype=pl.Boolean, eager=True)
        places = hashes.search_sorted(wanted).clip(0, hashes.len() - 1)
        return pl.Series(hashes.gather(places) == wanted) & texts.is_not_null()

    @cached_property
    def _hashes(self) -> dict[str, pl.Series]:
        """The sorted hashes: of full names, of first and last ones, of the words that these begin with, of numbers."""
        parts: dict[str, list[pl.Series]] = {"full": [], "single": [], "first": [], "phone": [], "label": []}
        most = 2
        for table in self._people():
            for batch in table.batches:
                names = {name: _normal(batch[name]) for name in table.names}
                for kind, texts in chain(_names_of(list(names.values())), _numbers_of(batch.select(table.phones))):
                    parts[kind].append(texts.hash().unique())
                    if kind == "full":
                        most = max([most, *(texts.str.count_matches(" ").unique() + 1)])
        labels = pl.Series(list(self._labels_of()), dtype=pl.String)
        parts["label"].append(_normal(labels).hash().unique())
        self._most = min(most, MOST_WORDS)
        empty = pl.Series(dtype=pl.UInt64)
        return {kind: pl.concat([empty, *found]).unique().sort() for kind, found in parts.items()}


class _Run(NamedTuple):
    """Some words of a text that follow each other."""

    place: int
    start: int
    end: int
    text: str
    is_written_as_name: bool


def _runs(place: int, text: str, words: Sequence[re.Match[str]], first: int, most: int) -> Iterator[_Run]:
    for last in range(first, min(first + most, len(words))):
        if last > first and not TOGETHER.fullmatch(text, words[last - 1].end(), words[last].start()):
            return
        start, end = words[first].start(), words[last].end()
        is_whole = first == 0 and last == len(words) - 1
        part = text[start:end]
        yield _Run(place, start, end, part, is_whole or part != part.lower() or part.upper() == part)


def _own_runs(own: str, most: int) -> pl.Series:
    words = list(WORD.finditer(own))
    runs = (run for first in range(len(words)) for run in _runs(0, own, words, first, most))
    return _words([run.text for run in runs]).unique()


def _words(texts: list[str]) -> pl.Series:
    return _normal(pl.Series(texts, dtype=pl.String))


def _normal(texts: pl.Series) -> pl.Series:
    """Return texts as they are compared: composed, in lower case, one blank between words, none around them."""
    composed = texts.str.replace_all(RUST_BETWEEN, " ").str.normalize("NFKC").str.to_lowercase()
    return composed.str.strip_chars()


def _names_of(columns: Sequence[pl.Series]) -> Iterator[tuple[str, pl.Series]]:
    for names in columns:
        whole = names.filter(names.str.len_chars() >= SHORTEST_NAME).unique()
        yield "single", whole
        yield "full", whole.filter(whole.str.contains(" ", literal=True))
        yield "first", whole.str.split(" ").list.first().unique()
    for others in columns[1:]:
        pair = pl.DataFrame({"a": columns[0], "b": others}).filter((pl.col("a") != "") & (pl.col("b") != ""))
        yield "full", pair.select(pl.col("a") + " " + pl.col("b")).to_series()
        yield "full", pair.select(pl.col("b") + " " + pl.col("a")).to_series()
        # Where the first name is one letter, it begins a full name, too.
        yield "first", pl.concat([pair["a"], pair["b"]]).str.split(" ").list.first().unique()


def _numbers_of(frame: pl.DataFrame) -> Iterator[tuple[str, pl.Series]]:
    """Yield the numbers as they are compared, those with a country's prefix also without it."""
    for phones in frame:
        digits = phones.str.extract_all(r"\d").list.join("")
        is_foreign = phones.str.contains(r"^\s*\(?\s*(?:\+|00)")
        national = digits.str.strip_chars_start("0")
        forms = [national, *(national.filter(is_foreign).str.slice(length) for length in (1, 2, 3))]
        for form in forms:
            form_digits = form.str.strip_chars_start("0").str.tail(COMPARED_DIGITS)
            yield "phone", form_digits.filter(form_digits.str.len_chars() >= FEWEST_DIGITS).unique()


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
    """Return the value with its texts replaced, the keys of maps too; the names of a struct's fields are no texts."""
    if isinstance(value, str):
        return known[value]
    if isinstance(value, bytes):
        text = value.decode(errors="replace")
        return value if known[text] == text else known[text].encode()
    if isinstance(value, dict) and isinstance(kind, pl.Struct):
        types = {field.name: field.dtype for field in kind.fields}
        return {name: _replaced_inside(each, types[name], known) for name, each in value.items()}
    if isinstance(value, dict):
        keys = distinct_keys(list(value), lambda key: known[key])
        return {keys[key]: _replaced_inside(each, kind.value, known) for key, each in value.items()}
    if isinstance(value, list | tuple | pl.Series):
        return [_replaced_inside(each, kind.inner, known) for each in value]
    return value
