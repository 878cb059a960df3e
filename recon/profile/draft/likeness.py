"""Splits names into words and rates how similar two names are."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from enum import IntEnum
from functools import cache

WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
IRREGULAR = {"ids": "id", "people": "person", "status": "status", "address": "address", "statuses": "status"}
LIKE = 0.8


class Likeness(IntEnum):
    """How certain it is that a name denotes the table or column that is looked for."""

    NONE = 0
    SIMILAR = 1
    USUAL = 2
    SAME = 3


Words = tuple[str, ...]


@cache
def words_of(name: str) -> Words:
    """Split a name into lower-case singular words: "MembershipTiers", "membership_tier" → ("membership", "tier").

    A name without Latin letters or digits is one word.
    """
    found = WORD.findall(name) or [name]
    return tuple(_singular(word.lower()) for word in found)


def likeness(found: Words, same: set[Words], usual: set[Words]) -> Likeness:
    """Rate how similar a name is to the spellings `same` of the name itself, or to the `usual` alternative names."""
    if found in same:
        return Likeness.SAME
    if found in usual:
        return Likeness.USUAL
    text = "".join(found)
    alike = any(_is_alike(text, "".join(words)) for words in same | usual)
    return Likeness.SIMILAR if alike else Likeness.NONE


@cache
def _is_alike(one: str, other: str) -> bool:
    """Return whether two texts share most of their letters in order; short ones never, being similar by chance."""
    if len(other) <= 2 or not LIKE / 2 <= len(one) / (len(one) + len(other)) <= 1 - LIKE / 2:
        return False
    return SequenceMatcher(None, one, other).ratio() >= LIKE


def _singular(word: str) -> str:
    if word in IRREGULAR:
        return IRREGULAR[word]
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us")) and len(word) > 3 else word
