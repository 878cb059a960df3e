"""The forms of e-mail addresses and phone numbers in free text; matching takes time in proportion to the text."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# A span of a text with the kind of personal data there.
Span = tuple[int, int, str]

INVISIBLE = "\0"
SHORTEST_NUMBER = 5
LINK = re.compile(r"^\s*mailto:", re.IGNORECASE)
FULL_WIDTH = range(0xFF01, 0xFF5F)
OTHER_SIGNS = {0x2212: "-", 0xFE6B: "@", 0xFE62: "+", 0x2044: "/", 0x2215: "/", 0x2024: "."}


class _Plain(dict[int, str]):
    """Digits, dashes, spaces and signs of all scripts as those of ASCII, one character for each."""

    def __missing__(self, number: int) -> str:
        self[number] = found = _plain(chr(number))
        return found


def _plain(sign: str) -> str:
    kind = unicodedata.category(sign)
    if ord(sign) in OTHER_SIGNS:
        return OTHER_SIGNS[ord(sign)]
    if ord(sign) in FULL_WIDTH:
        return chr(ord(sign) - 0xFEE0)
    if kind == "Nd":
        return str(unicodedata.decimal(sign))
    return {"Pd": "-", "Zs": " ", "Cf": INVISIBLE}.get(kind, sign)


PLAIN = _Plain()

# An address: what may be part of it before the at sign, and of each label after it, besides letters of any script.
PART = r"[^\s\x00-\x1f\x7f@<>()\[\]{}\"“”„«»,;:|=/\\*`]"
LABEL = r"[^\s\x00-\x1f\x7f@<>()\[\]{}\"“”„«»\u2018\u2019',;:|=/\\*`^~!?&#$%….。｡]"
DOMAIN = rf"(?:\[(?:IPv6:)?[\da-fA-F:.]+\]|(?=\w){LABEL}++(?:[.。｡]{LABEL}++)*+)"
START = rf"(?<!{PART})(?:(?!\w){PART})*+(?P<first>\w)"
ADDRESS = re.compile(rf"{START}{PART}*+@{DOMAIN}")
QUOTED = re.compile(rf"\\?\"(?P<first>(?:[^\"\\\n]|\\.){{0,200}}?)\\?\"@{DOMAIN}")
ENCODED = re.compile(rf"{START}{PART}{{0,300}}?(?:%(?:25)*40|&#0*64;|&#x0*40;|&commat;|\\u0040){DOMAIN}", re.IGNORECASE)
IN_WORDS = re.compile(
    r"(?<![\w.+-])(?P<first>\w)[\w.+-]{0,100}+(?:\s?[(\[{<]\s?(?:at|@)\s?[)\]}>]\s?|\s@\s)[^\W_][\w-]*+"
    r"(?:(?:\.|\s?[(\[{]\s?(?:dot|\.)\s?[)\]}]\s?)[^\W_][\w-]*+)*"
    r"(?:\.|\s?[(\[{]\s?(?:dot|\.)\s?[)\]}]\s?)[^\W\d_]{2,}+",
    re.IGNORECASE,
)
IN_CODE = re.compile(r"%(?:25)*40|&#x?0*[46]|&commat|\\u0040", re.IGNORECASE)
AT_IN_WORDS = re.compile(r"[(\[{<]\s?(?:at|@)\s?[)\]}>]|\s@\s", re.IGNORECASE)

# A number: its digits are in groups, or begin with + or 00, or the word before says what it is.
GAP = r"(?: ?[./-] ?| )"
DIGITS = r"(?:[ ./(-]{0,3}\d\)?)"
AFTER = r"(?:[ ,]{0,2}(?:\b(?:x|ext|extension)\b\.?|x(?=\d)|#) ?\d{1,6})?(?![\w@])"
BEFORE = r"(?<![\w.,:/+-])"
NUMBER = re.compile(
    rf"(?<!\w)\(?\+{DIGITS}{{7,15}}{AFTER}"
    rf"|{BEFORE}00 ?[1-9](?=\d*[ ./()-]){DIGITS}{{6,13}}{AFTER}"
    rf"|{BEFORE}00[1-9]\d{{9,12}}{AFTER}"
    rf"|{BEFORE}(?:1{GAP}?)?(?:\(\d{{3}}\){GAP}?|\d{{3}}{GAP})\d{{3}}{GAP}\d{{4}}{AFTER}"
    rf"|{BEFORE}0[1-9](?:{GAP}\d{{2}}){{4}}{AFTER}"
    rf"|{BEFORE}\(?0[1-9]\d{{1,4}}\)?{GAP}?(?<!\d)(?=(?:{GAP}?\d){{5}})\d{{2,8}}(?:{GAP}\d{{2,4}}){{0,3}}{AFTER}",
    re.IGNORECASE,
)
SAID = re.compile(
    r"(?<![^\W_])(?:phone|telephone|tel|telefon|mobile|mobil|cell|cellphone|handy|fax|whatsapp|sms)(?![^\W_])"
    r"(?:[ _-]?(?:number|no|nr)(?![^\W_]))?[\s.:='\"(]{1,4}(?P<number>\d{7,15})(?![\w.,-]*\d)",
    re.IGNORECASE,
)
HAS_AT = re.compile(r"[@\uff20\ufe6b]|%(?:25)*40|&#x?0*[46]|&commat|\\u0040", re.IGNORECASE)
FEWEST_DIGITS = re.compile(r"\d(?:\D{0,3}\d){5}")


def find(text: str) -> Iterator[Span]:
    """Yield where a text has an e-mail address or a phone number; invisible signs do not hide them."""
    plain = text if text.isascii() else text.translate(PLAIN)
    if INVISIBLE not in plain or plain is text:
        yield from _found(plain)
        return
    places = [place for place, sign in enumerate(plain) if sign != INVISIBLE]
    for start, end, kind in _found(plain.replace(INVISIBLE, "")):
        yield places[start], places[end - 1] + 1, kind


def _found(text: str) -> Iterator[Span]:
    if '"@' in text:
        yield from ((found.start(), found.end(), "email") for found in QUOTED.finditer(text))
    patterns = [ADDRESS] if "@" in text else []
    if IN_CODE.search(text):
        patterns.append(ENCODED)
    if AT_IN_WORDS.search(text):
        patterns.append(IN_WORDS)
    for pattern in patterns:
        yield from ((found.start("first"), found.end(), "email") for found in pattern.finditer(text))
    if FEWEST_DIGITS.search(text):
        yield from ((found.start(), found.end(), "phone") for found in NUMBER.finditer(text))
        yield from ((*found.span("number"), "phone") for found in SAID.finditer(text))


def shown(value: str, kind: str) -> str:
    """Return what is shown of a value that is personal data of that kind: name, email or phone."""
    if kind == "phone":
        return "***" + ("".join(re.findall(r"\d", value)[-2:]) if len(value) >= SHORTEST_NUMBER else "")
    if kind == "name":
        return value.strip()[:1] + "***"
    first = re.search(r"\w", LINK.sub("", value))
    return (first[0] if first else "") + "***@***"


def replaced(text: str, spans: Iterable[Span]) -> str:
    """Return the text with each span masked as its kind; of those that overlap, all as that of the first."""
    parts, last = [], 0
    for start, end, kind in sorted(spans):
        if start >= last:
            parts += [text[last:start], shown(text[start:end], kind)]
        last = max(last, end)
    return "".join(parts) + text[last:]
