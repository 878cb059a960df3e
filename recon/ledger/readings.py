"""Texts written in one encoding and read in another, proven by encoding the source and reading it likewise."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

UTF_8 = "utf-8"
# Those read byte by byte, then those whose characters have several bytes; where several fit, the first is named.
BYTEWISE = {
    "cp1252": "Windows-1252",
    "latin-1": "ISO-8859-1",
    "iso8859-15": "ISO-8859-15",
    "cp1250": "Windows-1250",
    "iso8859-2": "ISO-8859-2",
    "cp1251": "Windows-1251",
    "koi8-r": "KOI8-R",
    "iso8859-5": "ISO-8859-5",
    "cp1253": "Windows-1253",
    "cp1254": "Windows-1254",
    "cp1255": "Windows-1255",
    "cp1256": "Windows-1256",
    "cp1257": "Windows-1257",
    "cp1258": "Windows-1258",
    "cp874": "Windows-874",
    "cp437": "code page 437",
    "cp850": "code page 850",
    "cp852": "code page 852",
    "cp866": "code page 866",
    "mac-roman": "Mac Roman",
    "mac-cyrillic": "Mac Cyrillic",
}
WIDE = {"gb18030": "GB18030", "big5": "Big5", "cp932": "Shift JIS", "euc-jp": "EUC-JP", "cp949": "EUC-KR"}
LEGACY = BYTEWISE | WIDE
NAMES = {UTF_8: "UTF-8", **LEGACY}
VIETNAMESE = "cp1258"
TIMES = ("", ", twice", ", three times")
REPLACED = "\ufffd"
SIGNS = {**{sign: sign for sign in "?¿_□*"}, REPLACED: "U+FFFD"}
# What importers drop, or what cannot be seen: white space, control characters, marks of width zero.
UNSEEN = re.compile(r"[\s\x00-\x1f\x7f-\xa0\xad\u200b-\u200f\u2060\ufeff\ufffd]+")
BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\xa0\u200b\ufeff]+")
REPLACEMENTS = re.compile("\ufffd+")
FOREIGN = re.compile(r"[^\x00-\x7f]")
NOT_PLAIN = re.compile(r"[^\x21-\x7e]|[?_*]")
BYTE_ORDER_MARK = "ï»¿"
# An encoding of at most three bytes, as MySQL's utf8 is.
BEYOND_THREE_BYTES = "utf8mb3"
LAST_OF_THREE_BYTES = 0xFFFF
HEAD = 4
SURE = 2


class Reading(NamedTuple):
    """What becomes of a text that is written in one encoding and read in another.

    Attributes:
        gap: What the reader makes of bytes that the encoding does not define; null: the control character of that
            number.
        times: How many times over.
    """

    written: str
    read: str
    gap: str | None = None
    times: int = 1

    @property
    def label(self) -> str:
        """As messages name it: "UTF-8 read as Windows-1252, twice"."""
        return f"{NAMES[self.written]} read as {NAMES[self.read]}{TIMES[self.times - 1]}"

    @property
    def is_bytewise(self) -> bool:
        """Whether letters of ASCII stay what they are."""
        return not {self.written, self.read} & {*WIDE}

    def of(self, text: str) -> str | None:
        """What is read; null: the encoding cannot express the text."""
        for _ in range(self.times):
            data = _encoded(text, self.written)
            if data is None:
                return None
            text = _decoded(data, self.read, self.gap)
        return text

    def proves(self, source: str, wanted: str) -> bool:
        """Whether reading the source so gives the text `wanted`, of which only what can be seen is left."""
        if not _starts_alike(self.of(source[:HEAD]) or "", wanted[:HEAD]):
            return False
        text = self.of(source)
        # Where nothing was misread, it proves nothing that the texts are alike.
        return text is not None and text != source and _visible(text) == wanted


class Misreadings:
    """Describes how texts were misread; remembers which readings explained others, and how many nothing explained.

    Args:
        most_unproven: How many characters of texts that no encoding explains are tried with all of them; then only
            with those that explained others.
    """

    def __init__(self, most_unproven: int = 20_000) -> None:
        self._proven: dict[Reading, None] = {}
        self._left = most_unproven

    def describe(self, source: str, target: str) -> str:
        """Describe how the source was written and read for the target to arise, as "UTF-8 read as Windows-1252".

        What cannot be seen is left out of account. Where it is the source that arose from the target, because the
        export itself had been misread, the description says so. Empty: no encoding explains it.
        """
        if not FOREIGN.search(source + target):
            return ""
        if target.removeprefix(BYTE_ORDER_MARK) == source:
            return "byte order mark read as text"
        known = self._read_back(source, target, self._proven)
        if known or self._left <= 0:
            return known
        found = self._described(source, target)
        if not found:
            self._left -= len(source) + len(target)
        return found

    def _described(self, source: str, target: str) -> str:
        composed, decomposed = (unicodedata.normalize(form, source) for form in ("NFC", "NFD"))
        for text in dict.fromkeys((composed, source, decomposed)):
            found = (
                _replaced(text, target) or _left_out(text, target) or self._read_back(text, target, _readings(UTF_8))
            )
            if found:
                return found
        backward = self._read_back(target, source, _readings(UTF_8), remembers=False)
        if backward:
            return f"{backward}, in the export itself"
        return self._read_back(composed, target, _readings_of(composed)) or _cut_off(source, target)

    def _read_back(self, source: str, target: str, readings: Iterable[Reading], *, remembers: bool = True) -> str:
        wanted, is_plain = _visible(target), _plain(source) == _plain(target)
        foreign = len(FOREIGN.findall(source))
        if not wanted or not foreign:
            return ""
        # Letters that only vanished say nothing about an encoding.
        shows_it = bool(FOREIGN.search(wanted))
        for reading in readings:
            if not (shows_it or (reading.written in WIDE and not is_plain)):
                continue
            # Byte by byte, a foreign letter of UTF-8 becomes at least two each time, of which one can be seen.
            grows = reading.written == UTF_8 and foreign << (reading.times - 1) > len(wanted)
            if reading.is_bytewise and (grows or not is_plain):
                continue
            if reading.proves(source, wanted):
                if remembers:
                    self._proven[reading] = None
                return reading.label
        return ""


def _readings_of(source: str) -> Iterator[Reading]:
    """The readings of what is written in an older encoding, for each that has all letters of the source."""
    foreign = set(FOREIGN.findall(source))
    for codec in LEGACY:
        if not any(_lacks(codec, letter) for letter in foreign):
            yield from _readings(codec)


@cache
def _readings(written: str) -> tuple[Reading, ...]:
    """Every other way to read what is written in an encoding."""
    if written != UTF_8:
        others = [Reading(written, UTF_8), *(Reading(written, codec) for codec in LEGACY if codec != written)]
        return (*others, *(Reading(written, codec, "") for codec in BYTEWISE if codec != written and _has_gaps(codec)))
    return tuple(
        Reading(UTF_8, codec, gap, times)
        for codec in LEGACY
        for gap in ((None, "", "?", REPLACED) if _has_gaps(codec) else (None,))
        for times in range(1, len(TIMES) + 1)
    )


def _replaced(source: str, target: str) -> str:
    """Letters that an encoding lacks, each replaced by a sign: one for each letter, or one for each of its units."""
    if _plain(source) != _plain(target):
        return ""
    wanted = _without_blanks(target)
    for sign in (sign for sign in SIGNS if target.count(sign) > source.count(sign)):
        for lost in _lost(source):
            for size in (_letters, _units, _bytes):
                text = source.translate({ord(letter): sign * size(letter) for letter in lost})
                if _without_blanks(text) == wanted:
                    return f"letters replaced by {SIGNS[sign]}"
    return ""


def _left_out(source: str, target: str) -> str:
    """Letters that an encoding lacks, left out; at the end of a text that looks the same as a text that was cut off."""
    wanted = _without_blanks(target)
    if len(wanted) >= len(source) or source.startswith(target) or _plain(source) != _plain(target):
        return ""
    for lost in _lost(source):
        are_marks = all(unicodedata.combining(letter) for letter in lost)
        if not are_marks and _without_blanks(source.translate(dict.fromkeys(map(ord, lost)))) == wanted:
            return "letters left out"
    return ""


def _cut_off(source: str, target: str) -> str:
    """A text that ends where the first character is that an encoding of three bytes cannot express."""
    end = next((place for place, letter in enumerate(source) if _lacks(BEYOND_THREE_BYTES, letter)), None)
    is_cut = end is not None and source[:end].rstrip() == target.rstrip() != ""
    return "cut off at the first character of four bytes" if is_cut else ""


def _lost(source: str) -> Iterator[frozenset[str]]:
    """For each encoding, the letters of the source that it lacks; each set once."""
    foreign = dict.fromkeys(FOREIGN.findall(source))
    seen = {frozenset[str]()}
    for codec in ("ascii", *LEGACY, BEYOND_THREE_BYTES):
        lost = frozenset(letter for letter in foreign if _lacks(codec, letter))
        if lost not in seen:
            seen.add(lost)
            yield lost


def _letters(_: str) -> int:
    return 1


def _units(letter: str) -> int:
    """The number of UTF-16 units."""
    return 1 + (ord(letter) > LAST_OF_THREE_BYTES)


def _bytes(letter: str) -> int:
    return len(letter.encode(UTF_8, "surrogatepass"))


@cache
def _lacks(codec: str, letter: str) -> bool:
    if codec == BEYOND_THREE_BYTES:
        return ord(letter) > LAST_OF_THREE_BYTES
    return _encoded(letter, codec) is None


def _plain(text: str) -> str:
    """The characters that mean the same in all encodings that are read byte by byte."""
    return NOT_PLAIN.sub("", text)


def _starts_alike(head: str, wanted: str) -> bool:
    """Whether the start of what was read fits; only its first characters cannot change with what follows."""
    seen = unicodedata.normalize("NFD", _visible(head))
    sure = SURE if len(seen) >= HEAD else 1
    return unicodedata.normalize("NFD", wanted).startswith(seen[:sure])


def _without_blanks(text: str) -> str:
    """The text without white space; readers differ in how many U+FFFD they write in a row."""
    return REPLACEMENTS.sub(REPLACED, BLANKS.sub("", text))


def _visible(text: str) -> str:
    return unicodedata.normalize("NFC", UNSEEN.sub("", text))


def _encoded(text: str, codec: str) -> bytes | None:
    try:
        return text.encode(codec, "surrogatepass" if codec == UTF_8 else "strict")
    except UnicodeEncodeError:
        return _encoded_in_parts(text) if codec == VIETNAMESE else None


def _encoded_in_parts(text: str) -> bytes | None:
    """Encode for Vietnamese, whose encoding has tones as letters of their own: `ễ` is written as `ê` and a tilde."""
    parts = []
    for letter in text:
        base = unicodedata.decomposition(letter)
        try:
            parts.append(letter.encode(VIETNAMESE))
        except UnicodeEncodeError:
            split = "" if base.startswith("<") else "".join(chr(int(code, 16)) for code in base.split())
            part = _encoded_in_parts(split) if split else None
            if part is None:
                return None
            parts.append(part)
    return b"".join(parts)


def _decoded(data: bytes, codec: str, gap: str | None) -> str:
    if codec not in BYTEWISE:
        return data.decode(codec, "replace")
    return data.decode("latin-1").translate(_table(codec, gap))


@cache
def _table(codec: str, gap: str | None) -> dict[int, str]:
    """The letter of each byte."""
    return {byte: letter or (chr(byte) if gap is None else gap) for byte, letter in enumerate(_letters_of(codec))}


def _has_gaps(codec: str) -> bool:
    return codec in BYTEWISE and "" in _letters_of(codec)


@cache
def _letters_of(codec: str) -> tuple[str, ...]:
    """The letter of each byte; empty: the encoding does not define it."""
    return tuple(bytes([byte]).decode(codec, "ignore") for byte in range(256))
