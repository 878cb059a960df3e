"""Texts that were rewritten on their way, each proven by undoing it: entities, escapes, quotes, accents, numbers."""

from __future__ import annotations

import html
import quopri
import re
import unicodedata
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_plus

if TYPE_CHECKING:
    from collections.abc import Callable

Named = tuple[str, str]
TIMES = ("", " twice", " three times")
SPACE = re.compile(r"[\s\x00-\x1f\x7f-\xa0\u200b\ufeff]+")
TAG = re.compile(r"</?[A-Za-z!][^<>]*>")
# What is no plain letter or digit of a text itself: entities, escapes and other characters; the same and tags.
ENTITIES_AND_ESCAPES = re.compile(
    r"&(?:amp;)*#?\w+;|%[0-9A-Fa-f]{2}|=[0-9A-F]{2}|\\(?:u[0-9A-Fa-f]{4}|[nrtbf])|[^A-Za-z0-9&%=\\]+|[&%=\\]"
)
MARKUP = re.compile(rf"{TAG.pattern}|{ENTITIES_AND_ESCAPES.pattern.replace('&%=', '&<%=')}|<")
ESCAPE = re.compile("[\\\\%=+]|''|\"\"")
QUOTES = ('""', "''", "``", "\u201c\u201d", "\u2018\u2019", "\u201e\u201c", "\u00ab\u00bb")
BACKSLASHED = re.compile(r"\\(['\"\\/%_`])")
JSON_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|([nrtbf\"\\/]))")
JSON_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
PLAIN_PUNCTUATION = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4\u02bc`", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        **dict.fromkeys("\u2022\u00b7", "*"),
        "\u2026": "...",
    }
)
# Letters that do not decompose into a plain one and its accent, and how they are usually transcribed.
TRANSCRIBED = {
    "ß": "ss",
    "æ": "ae",
    "œ": "oe",
    "ø": "o",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "ł": "l",
    "\u0131": "i",
    "ħ": "h",
}
UMLAUTS = TRANSCRIBED | {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"}
ACCENTS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+")
DIGITS = re.compile(r"[\d\s()+./-]+")
NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?")
LONGEST_NUMBER = 40
HEAD = 20


def rewritten(source: str, target: str) -> Named | None:
    """Return the kind of cause and its detail, where undoing it gives the other text; None: nothing explains it.

    White space is left out of account.
    """
    # Most texts differ in more than their markup: for those, nothing is undone.
    if any(markup.sub("", source) == markup.sub("", target) for markup in (ENTITIES_AND_ESCAPES, MARKUP)):
        for describe in (_entities, _tags, _quoted, _escaped, _punctuation):
            found = describe(source, target)
            if found:
                return found
    return _accents(source, target) or _number(source, target)


def _same(*texts: str) -> bool:
    first, second = (unicodedata.normalize("NFC", SPACE.sub("", text)) for text in texts)
    return first == second


def _undone(source: str, target: str, undo: Callable[[str], str]) -> tuple[bool, str] | None:
    """Return whether it is the source that must be undone to be the other text, and how many times, as a text."""
    for is_source, text, wanted in ((False, target, source), (True, source, target)):
        for times in TIMES:
            before, text = text, undo(text)  # noqa: PLW2901 - it is undone once more
            if text == before:
                break
            if _same(text, wanted):
                return is_source, times
    return None


def _entities(source: str, target: str) -> Named | None:
    if "&" not in source + target:
        return None
    undone = _undone(source, target, html.unescape)
    if undone:
        is_source, times = undone
        return "html_entities", f"{'resolved' if is_source else 'written'}{times}"
    is_alike = _same(_text(source, tags=False), _text(target, tags=False))
    return ("html_entities", "written otherwise") if is_alike else None


def _text(text: str, *, tags: bool = True) -> str:
    """Without entities, and without tags if so asked."""
    bare = TAG.sub("", text) if tags else text
    return html.unescape(html.unescape(html.unescape(bare)))


def _tags(source: str, target: str) -> Named | None:
    came, holds = (len(TAG.findall(text)) for text in (source, target))
    if came == holds or not _same(_text(source), _text(target)):
        return None
    return "html_tags", "removed" if holds < came else "added"


def _quoted(source: str, target: str) -> Named | None:
    for text, wanted, how in ((target.strip(), source, "added"), (source.strip(), target, "removed")):
        if len(text) > 1 and text[0] + text[-1] in QUOTES and _same(text[1:-1], wanted):
            return "quoted", how
    return None


def _escaped(source: str, target: str) -> Named | None:
    if not ESCAPE.search(source + target):
        return None
    for label, undo in ESCAPES.items():
        undone = _undone(source, target, undo)
        if undone:
            is_source, times = undone
            return "escaped", f"{label}{' undone' if is_source else ''}{times}"
    return None


def _backslashes(text: str) -> str:
    return BACKSLASHED.sub(r"\1", text)


def _json(text: str) -> str:
    found = JSON_ESCAPE.sub(
        lambda escape: chr(int(escape[1], 16)) if escape[1] else JSON_LETTERS.get(escape[2], escape[2]), text
    )
    return found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _doubled_quotes(text: str) -> str:
    return text.replace("''", "'").replace('""', '"')


def _quoted_printable(text: str) -> str:
    return quopri.decodestring(text.encode()).decode("utf-8", "replace")


ESCAPES: dict[str, Callable[[str], str]] = {
    "backslashes": _backslashes,
    "backslashes as in JSON": _json,
    "doubled quotes": _doubled_quotes,
    "percent signs": unquote,
    "percent and plus signs": unquote_plus,
    "quoted-printable": _quoted_printable,
}


def _punctuation(source: str, target: str) -> Named | None:
    plain = [unicodedata.normalize("NFKC", text).translate(PLAIN_PUNCTUATION) for text in (source, target)]
    return ("punctuation", "") if _same(*plain) else None


def _accents(source: str, target: str) -> Named | None:
    if source.isascii() and target.isascii():
        return None
    is_alike = any(
        _starts_alike(source, target, table) and _same(_bare(source, table), _bare(target, table))
        for table in TRANSCRIPTIONS
    )
    return ("accents", "") if is_alike else None


def _starts_alike(source: str, target: str, table: dict[int, str]) -> bool:
    """Whether the bare texts may be alike, by their starts; each ends before what it may have been cut off from."""
    heads = [SPACE.sub("", _bare(text[:HEAD], table)) for text in (source, target)]
    shorter = max(min(map(len, heads)) - 1, 0)
    return heads[0][:shorter] == heads[1][:shorter]


def _bare(text: str, table: dict[int, str]) -> str:
    """Without accents; special letters as they are transcribed."""
    return ACCENTS.sub("", unicodedata.normalize("NFD", unicodedata.normalize("NFC", text).translate(table)))


def _transcription(letters: dict[str, str]) -> dict[int, str]:
    """The table for letters and, where each is a single letter too, their capitals."""
    capitals = {letter.upper(): written.capitalize() for letter, written in letters.items() if letter not in "ß\u0131"}
    return {ord(letter): written for letter, written in (letters | capitals).items()}


TRANSCRIPTIONS = (_transcription(TRANSCRIBED), _transcription(UMLAUTS))


def _number(source: str, target: str) -> Named | None:
    if DIGITS.fullmatch(source) and DIGITS.fullmatch(target):
        digits = [re.sub(r"\D", "", text) for text in (source, target)]
        if digits[0] != digits[1] and digits[0].lstrip("0") == digits[1].lstrip("0") != "":
            return "leading_zeros", "lost" if len(digits[1]) < len(digits[0]) else "added"
    numbers = [text.strip().replace(",", "") for text in (source, target)]
    if not all(NUMBER.fullmatch(text) and len(text) < LONGEST_NUMBER for text in numbers):
        return None
    came, holds = (Decimal(text) for text in numbers)
    decimals = len(holds.as_tuple().digits) - 1
    is_rounded = "e" in numbers[1].lower() and came != 0 and Decimal(f"{came:.{decimals}e}") == holds
    return ("number_written", "") if came == holds or is_rounded else None
