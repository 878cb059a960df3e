"""Values of policies: whether two are the same, whatever wrote them, and how one is shown."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from recon.bundle.policies.definitions import is_zone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NUMBER = re.compile(r"\s*[+-]?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?\s*")
TRUTHS = {"true": True, "t": True, "yes": True, "on": True, "1": True}
TRUTHS |= {"false": False, "f": False, "no": False, "off": False, "0": False}
SECRET = re.compile(r"password|passphrase|secret|token|credential|(api|access|private|secret)_?key$", re.IGNORECASE)
NOTHING = object()
"""In the place of a value that is not there; None is JSON's null."""
HIDDEN = '"***"'
# Zones that agree on all of these have the same time: their rules change months apart.
FIRST_YEAR, YEARS, STEP = 1970, 68, timedelta(days=5)


def same(expected: object, actual: object) -> bool:
    """Return whether two values are the same by content: 90, 90.0 and the text "90"; objects in any order of keys.

    Args:
        expected: As JSON decodes it.
        actual: As JSON, TOML or a database has it; a text may hold a number, a truth value, or an object as JSON.
    """
    pairs = [(expected, actual)]
    while pairs:
        one, other = pairs.pop()
        if isinstance(one, dict | list) and isinstance(other, str):
            other = _decoded(other)
        if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
            pairs += [(value, other[key]) for key, value in one.items()]
        elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
            pairs += zip(one, other, strict=True)
        elif isinstance(one, dict | list) or isinstance(other, dict | list) or not _same_scalar(one, other):
            return False
    return True


def differing(expected: object, actual: object) -> tuple[object, object]:
    """Return both values; of two objects, only the entries that are not the same."""
    if not (isinstance(expected, dict) and isinstance(actual, dict)):
        return expected, actual
    keys = [key for key in {**expected, **actual} if key not in expected or key not in actual]
    keys += [key for key in expected if key in actual and not same(expected[key], actual[key])]
    return {key: expected[key] for key in keys if key in expected}, {key: actual[key] for key in keys if key in actual}


def _same_scalar(one: object, other: object) -> bool:
    if one is None or other is None:
        return one is other
    if isinstance(one, str) and isinstance(other, str):
        return one == other
    if isinstance(one, bool) or (isinstance(other, bool) and isinstance(one, str)):
        return _truth(one) is not None and _truth(one) is _truth(other)
    number = _number(one)
    return number is not None and number == _number(other)


def _truth(value: object) -> bool | None:
    if isinstance(value, bool | int | float):
        return bool(value) if value in (0, 1) else None
    return TRUTHS.get(str(value).strip().casefold())


def _number(value: object) -> Decimal | None:
    text = str(value)
    return Decimal(text.strip()) if NUMBER.fullmatch(text) else None


def is_same_time(one: object, other: object) -> bool:
    """Return whether both are time zones, of other names, that have had the same time since 1970."""
    if one == other or not (is_zone(one) and is_zone(other)):
        return False
    first, second = ZoneInfo(str(one)), ZoneInfo(str(other))
    start = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
    moments = (start + STEP * number for number in range(YEARS * 365 // STEP.days))
    return all(moment.astimezone(first).utcoffset() == moment.astimezone(second).utcoffset() for moment in moments)


def read_value(text: str | None, expected: object) -> object:
    """Return what a text of a settings table stands for: itself, or what it holds as JSON where that is meant.

    Args:
        text: The stored text; None: null.
        expected: The value that it is compared with.
    """
    if text is None or same(expected, text):
        return expected if text is not None and not isinstance(expected, dict | list) else _decoded(text)
    decoded = _decoded(text)
    if isinstance(expected, str) and not isinstance(decoded, str):
        return text
    return decoded


def _decoded(text: str | None) -> object:
    """Return the content of a JSON text; the text itself where it is none."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def read_document(text: str) -> dict[str, Any] | None:
    """Return the object that a text holds as JSON; None: it holds none."""
    found = _decoded(text)
    found = _decoded(found) if isinstance(found, str) else found
    return found if isinstance(found, dict) else None


def lookup(document: Mapping[str, Any], key: str) -> list[Any]:
    """Return every value that the document has for the key, whose dots may lead into objects.

    "membership.newbieDays" is found as such, and as `newbieDays` within `membership`.
    """
    return list(_found(document, key))


def _found(document: Mapping[str, Any], key: str) -> Iterator[Any]:
    if key in document:
        yield document[key]
    for place in (dot.start() for dot in re.finditer(r"\.", key)):
        inner = document.get(key[:place])
        if isinstance(inner, dict):
            yield from _found(inner, key[place + 1 :])


def is_secret(key: str) -> bool:
    """Return whether the policy's name says that its value is for no eyes."""
    return bool(SECRET.search(key.rpartition(".")[2]))


def shown(key: str, value: object) -> str:
    """Return the value as JSON text; that of a secret is hidden."""
    return HIDDEN if is_secret(key) else json.dumps(value, ensure_ascii=False, default=str)
