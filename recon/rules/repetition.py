"""Entries of a suite that are repeated over a list: one text for checks that differ in a word."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from recon.errors import SuiteError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KEY = "repeat"
PLACE = re.compile(r"<<(\w+)>>")
SHAPE = "a list of objects that all have the same keys"


def repeated(entry: Any, where: str) -> Iterator[Any]:
    """The entries that one entry stands for: itself, or one per object of its `repeat`.

    Every text of the entry may hold `<<key>>`, which becomes the object's value; a text that is nothing else becomes
    the value itself, a number or a list as well.

    Raises:
        SuiteError: `repeat` is no list of objects with the same keys, or keys and places do not match.
    """
    if not isinstance(entry, dict) or KEY not in entry:
        yield entry
        return
    template = {key: value for key, value in entry.items() if key != KEY}
    places = set(_places(template))
    for values in _objects(entry[KEY], where):
        if set(values) != places:
            lone = min(set(values) ^ places)
            found = f"the key {lone!r}, which no text names" if lone in values else f"<<{lone}>> without a key"
            raise SuiteError("An expectation cannot be repeated", where=f"{where}, {KEY}", expected=SHAPE, found=found)
        yield _filled(template, values)


def _objects(written: Any, where: str) -> list[Mapping[str, Any]]:
    is_list = isinstance(written, list) and written and all(isinstance(each, dict) for each in written)
    if not is_list or any(set(each) != set(written[0]) for each in written):
        found = repr(written)[:60]
        raise SuiteError("An expectation cannot be repeated", where=f"{where}, {KEY}", expected=SHAPE, found=found)
    return list(written)


def _places(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from PLACE.findall(value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from (*_places(key), *_places(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from _places(inner)


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        whole = PLACE.fullmatch(value)
        return values[whole[1]] if whole else PLACE.sub(lambda place: str(values[place[1]]), value)
    if isinstance(value, dict):
        return {_filled(key, values): _filled(inner, values) for key, inner in value.items()}
    return [_filled(inner, values) for inner in value] if isinstance(value, list) else value
