"""Converts plain objects into typed entries; errors name file, line, rule, key, expected and found."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from recon.errors import SuiteError, suggest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

T = TypeVar("T")
MISSING = re.compile(r"Object missing required field `(?P<key>.+?)`")
UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>.+?)`")
MISTYPED = re.compile(r"Expected `(?P<expected>.+?)`, got `(?P<found>.+?)`")
WORDS = {"str": "a text", "int": "a whole number", "bool": "true or false", "object": "an object", "array": "a list"}
UNQUOTED = ("int", "bool", "float", "date", "datetime")


def convert(value: Any, wanted: type[T], where: str, structs: Mapping[str, type[msgspec.Struct]]) -> T:
    """Convert `value` to `wanted`, without coercion.

    Args:
        value: Plain objects, as YAML gives them.
        wanted: A struct.
        where: File, line and rule, named in errors.
        structs: The struct at each place below `value`, whose keys are named in errors.

    Raises:
        SuiteError: A key is missing, unknown, or of another type.
    """
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        reason, _, inner = str(error).partition(" - at `$")
        raise _explained(reason, where, inner.rstrip("`").lstrip("."), structs) from error


def require_choice(value: str, choices: Sequence[str], where: str, key: str) -> str:
    """Return `value` if it is one of `choices`.

    Raises:
        SuiteError: It is not.
    """
    if value not in choices:
        raise wrong(where, key, f"one of {', '.join(choices)}", repr(value), suggest(value, choices))
    return value


def wrong(where: str, key: str, expected: str, found: str, next_step: str | None = None) -> SuiteError:
    """The error for a key whose value cannot be used."""
    return SuiteError(
        "A rule is wrong",
        where=f"{where}, {key}" if key else where,
        expected=expected,
        found=found,
        next_step=next_step,
    )


def sentence(text: Any) -> str:
    """A text on one line."""
    return " ".join(str(text).split())


def _explained(reason: str, where: str, inner: str, structs: Mapping[str, type[msgspec.Struct]]) -> SuiteError:
    known = [field.encode_name for field in msgspec.structs.fields(structs[inner])] if inner in structs else []
    if missing := MISSING.match(reason):
        return SuiteError("A rule is incomplete", where=_at(where, inner), expected=f"the key {missing['key']!r}")
    if unknown := UNKNOWN.match(reason):
        guess = suggest(unknown["key"], known)
        return wrong(where, inner, f"some of {', '.join(known)}", f"the unknown key {unknown['key']!r}", guess)
    if mistyped := MISTYPED.match(reason):
        expected, found = (_words(mistyped[name]) for name in ("expected", "found"))
        is_unquoted = expected == WORDS["str"] and mistyped["found"] in UNQUOTED
        return wrong(where, inner, expected, found, "Put it into quotes" if is_unquoted else None)
    return wrong(where, inner, "another value", reason)


def _at(where: str, inner: str) -> str:
    return f"{where}, {inner}" if inner else where


def _words(types: str) -> str:
    return " or ".join(WORDS.get(kind, kind) for kind in types.split(" | ") if kind != "null")
