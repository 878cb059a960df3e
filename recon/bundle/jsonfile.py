"""Reads a JSON file into typed structs; errors name the file, the JSON path, what was expected and what was found."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import msgspec

from recon.errors import BundleError
from recon.regular import read_regular

if TYPE_CHECKING:
    from collections.abc import Iterable
    from mmap import mmap
    from pathlib import Path

T = TypeVar("T")

MISSING_FIELD = re.compile(r"Object missing required field `(?P<field>.+?)`(?: - at `(?P<place>.+)`)?")
AT_PLACE = re.compile(r" - at `(?P<place>.+)`$")
REWRITE = "Ask for the bundle again, or re-export it from the importer"
WORDS = {
    "int": "a whole number of 0 or more",
    "str": "a text",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
    "datetime": "a time such as 2024-01-15T14:28:00.000Z",
}
PYTHON_TYPES = {"str": str, "int": int, "object": dict, "array": list}
# An escaped backslash, a pair, or (captured) half of one; in this order, so that each escape is read from its start.
ESCAPE = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
WITHIN_TEXT = re.compile(rb'(?:[^"\\]|\\.)*+', re.DOTALL)
REPLACEMENT = b"\\ufffd"
SURROGATE = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
ABSENT = object()


def read_json(path: Path, halves: dict[str, int] | None = None) -> dict[str, Any]:
    """Read one JSON object; a UTF-8 byte order mark is allowed, half a character is read as U+FFFD.

    Args:
        path: The file.
        halves: Receives how many texts held half a character, under the name of the file; nothing where none did.

    Raises:
        BundleError: The file is not readable, not UTF-8, not JSON, nested too deeply, or not an object.
    """
    text = read_text(path)
    try:
        document = decode_mended(path, text, object, halves)
    except (msgspec.DecodeError, RecursionError) as error:
        _explain_malformed(path, _mended(text)[0], error)
    if not isinstance(document, dict):
        raise BundleError(
            f"{path.name} does not hold a JSON object",
            where=str(path),
            expected="an object at the top",
            found=describe(document),
            next_step="Check that the right file was copied into the bundle",
        )
    return document


def decode_mended(path: Path, text: str, wanted: type[T], halves: dict[str, int] | None = None) -> T:
    """Decode the text of a JSON file; half a character is read as U+FFFD, and counted as `read_json` does.

    The parser refuses every half, so that a text without one is not searched.

    Raises:
        msgspec.MsgspecError, RecursionError: It is not JSON, or not of the type.
    """
    try:
        return msgspec.json.decode(text, type=wanted)
    except msgspec.DecodeError:
        mended, texts = _mended(text)
        if not texts:
            raise
    if halves is not None:
        halves[path.name] = texts
    return msgspec.json.decode(mended, type=wanted)


def _mended(text: str) -> tuple[str, int]:
    """Return the text without halves of characters, and how many JSON texts held one."""
    mended = bytearray(text.encode())
    _, texts = mend_halves(mended)
    return (mended.decode(), texts) if texts else (text, 0)


def mend_halves(text: bytearray | mmap) -> tuple[list[int], int]:
    """Replace each escape of half a surrogate pair by that of U+FFFD, in place.

    RFC 8259 allows such an escape, and every UTF-8 encoder writes U+FFFD for it. The length of the text stays.

    Returns:
        The offsets of the halves, and how many JSON texts held one.
    """
    found: list[int] = []
    texts = 0
    for escape in ESCAPE.finditer(text):
        if escape[1]:
            same = bool(found) and _ends_within(text, found[-1] + len(REPLACEMENT), escape.start())
            texts += not same
            found.append(escape.start())
    put_replacements(text, found)
    return found, texts


def put_replacements(text: bytearray | mmap, offsets: Iterable[int]) -> None:
    """Write the escape of U+FFFD at the offsets, in place."""
    for offset in offsets:
        text[offset : offset + len(REPLACEMENT)] = REPLACEMENT


def _ends_within(text: bytearray | mmap, start: int, end: int) -> bool:
    """Return whether the JSON text that `start` is in goes on up to `end`."""
    within = WITHIN_TEXT.match(text, start, end)
    return within is not None and within.end() == end


def convert(value: object, wanted: type[T], *, file: Path, place: str = "$") -> T:
    """Convert decoded JSON to the type `wanted` without coercion; unknown keys are ignored.

    Raises:
        BundleError: The value has the wrong type; the error names the JSON path, what was expected and what was found.
    """
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        _explain_invalid(str(error), value, file, place)


def convert_each(values: list[Any], wanted: type[T], *, file: Path, place: str, first: int = 0) -> list[T]:
    """Convert a list of decoded JSON, with items numbered from `first`; an error names the first wrong item.

    Raises:
        BundleError: As for `convert`.
    """
    if set(map(type, values)) <= {wanted}:
        return values
    try:
        return msgspec.convert(values, list[wanted])  # type: ignore[valid-type]
    except msgspec.ValidationError:
        return [convert(v, wanted, file=file, place=f"{place}[{i}]") for i, v in enumerate(values, first)]


def describe(value: object) -> str:
    """Describe a JSON value, briefly enough for an error message."""
    if value is ABSENT:
        return "nothing (the key is missing)"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int | float):
        return f"the number {value}" if abs(value) < 1e30 else "a number of more than 30 digits"
    if isinstance(value, str):
        return f"the text {json.dumps(value[:60], ensure_ascii=False)}" + ("…" if len(value) > 60 else "")
    return f"a list of {len(value)}" if isinstance(value, list) else "an object"


def read_text(path: Path) -> str:
    """Read the text of a UTF-8 file, without its byte order mark.

    Raises:
        BundleError: The file is not readable or not UTF-8.
    """
    try:
        data = read_regular(path)
    except OSError as error:
        raise BundleError(
            f"{path.name} cannot be read",
            where=str(path),
            expected="a regular file of at most 4 GiB",
            found=error.strerror,
            next_step="Check that it was copied and that you may read it: permissions",
        ) from error
    require_text(path, data[:4])
    try:
        return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        _refuse_encoding(path, f"byte 0x{data[error.start]:02x} at offset {error.start} (line {line})")


def require_text(path: Path, start: bytes) -> None:
    """Refuse a file whose first bytes show another encoding.

    Raises:
        BundleError: The file is UTF-16 or UTF-32.
    """
    if start[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in start:
        _refuse_encoding(path, "UTF-16 or UTF-32")


def _refuse_encoding(path: Path, found: str) -> NoReturn:
    raise BundleError(
        f"{path.name} is not UTF-8 text",
        where=str(path),
        expected="UTF-8",
        found=found,
        next_step="Save the file as UTF-8, or take it from the importer again",
    )


def _explain_malformed(path: Path, text: str, error: Exception) -> NoReturn:
    """Raise an error with the place where the JSON is invalid and what was found there."""
    offset = _offset(str(error), text)
    reason = _reason(str(error), text, offset or 0)
    try:
        json.loads(text, parse_int=len)
    except json.JSONDecodeError as known:
        at_end = known.pos >= len(text.rstrip()) or known.msg.startswith("Unterminated")
        offset = known.pos
        reason = "the end of the file: it is truncated" if at_end else known.msg.removesuffix(" at")
    except RecursionError:
        reason = "lists or objects nested too deep"
    if not text.strip():
        reason = "an empty file"
    raise BundleError(
        f"{path.name} is not valid JSON",
        where=f"{path}{_line(text, offset)}",
        expected="JSON",
        found=reason,
        next_step=REWRITE,
    ) from error


def _reason(message: str, text: str, offset: int) -> str:
    """Word the reason where the standard library accepts the text but msgspec does not."""
    if "out of range" in message:
        return "a number that is out of range"
    if "truncated" in message or "surrogate" in message:
        return "an escape such as \\ud800 that is not a character"
    constant = re.match(r"-?(?:NaN|Infinity)", text[offset - text[:offset].endswith("-") :])
    return f"{constant[0]}, which is no JSON number" if constant else message


def _offset(message: str, text: str) -> int | None:
    """Return the position where the parser stopped; for a lone surrogate, the position of its escape."""
    at_byte = re.search(r"\(byte (\d+)\)", message)
    if at_byte:
        return len(text.encode()[: int(at_byte[1])].decode(errors="ignore"))
    half = SURROGATE.search(text) if "truncated" in message else None
    return half.start() if half else None


def _line(text: str, offset: int | None) -> str:
    if offset is None:
        return ""
    before = text[:offset]
    return f", line {before.count(chr(10)) + 1} column {offset - before.rfind(chr(10))}"


def _explain_invalid(message: str, value: object, file: Path, place: str) -> NoReturn:
    missing = MISSING_FIELD.search(message)
    at = AT_PLACE.search(message)
    inner = (missing["place"] if missing else at["place"] if at else None) or "$"
    if missing:
        inner = f"{inner}.{missing['field']}"
    wanted = re.search(r"Expected `(.+?)`", message)
    found, inner = _locate(value, inner, wanted[1] if wanted else "")
    raise BundleError(
        f"{file.name} has a wrong value" if not missing else f"{file.name} lacks a value",
        where=f"{file}, {place}{inner.removeprefix('$')}",
        expected="a value" if missing else _expected(message),
        found=describe(found),
        next_step=REWRITE,
    )


def _expected(message: str) -> str:
    """Word the expected type, given a message such as "Expected `int`, got `str` - at `$.n`"."""
    wanted = re.search(r"Expected `(.+?)`", message)
    if message.startswith("Invalid RFC3339"):
        return WORDS["datetime"]
    if wanted is None:
        return re.sub(r" - at `.*`$", "", message)
    if "<=" in message:
        return "a count below 9,007,199,254,740,992"
    if "length" in message or "matching" in message:
        return "a text that is not blank"
    return " or ".join(WORDS.get(name.strip(), name.strip()) for name in wanted[1].split("|"))


def _locate(value: object, place: str, expected: str) -> tuple[object, str]:
    """Return the value at a path such as `$._errors[...]`, and the path with the index of the first wrong item."""
    found = "$"
    for step in re.findall(r"\[(?:\.\.\.|\d+)\]|[^.\[\]]+", place.removeprefix("$")):
        if not step.startswith("["):
            found += f".{step}"
            value = value.get(step, ABSENT) if isinstance(value, dict) else ABSENT
        elif isinstance(value, list):
            kind = PYTHON_TYPES.get(expected, object)
            wrong = (i for i, item in enumerate(value) if not isinstance(item, kind))
            index = next(wrong, 0) if step == "[...]" else int(step[1:-1])
            found += f"[{index}]"
            value = value[index]
    return value, found
