"""What is wrong with a table of advice: errors that name file, place, expected and found."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict, fields

from recon.errors import AdviceError, suggest
from recon.verification.advice_table import Advice, AdvisedSituation, CheckTexts, Issues, Situations

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import msgspec

UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
MISTYPED = re.compile(r"Expected `(.+)`, got `(.+)`")
WORDS = {"str": "a text", "int": "a whole number", "float": "a number", "object": "a table", "array": "a list"}
PLACEHOLDER = re.compile(r"\{(\w*)\}")
PLACEHOLDERS = ("bundle", "target", "exports", "options", "backup")
TEXT = "a text that is not empty"
COMMAND = f"a command on one line, with no other placeholder than {', '.join(f'{{{each}}}' for each in PLACEHOLDERS)}"
MOST_HOURS = 24 * 366
TOP = "the top"
GUIDE = 'recon advice --advice "" prints the whole table, to begin with'


def unreadable(path: Path, error: Exception) -> AdviceError:
    """The error for a file that is none, or no TOML."""
    return AdviceError(
        "The table of advice cannot be read",
        where=str(path)[:300],
        expected="a TOML file in UTF-8",
        found=getattr(error, "strerror", None) or str(error) or type(error).__name__,
        next_step=GUIDE,
    )


def mistyped(path: Path, error: msgspec.ValidationError, prefix: str = "") -> AdviceError:
    """The error for a key that is unknown, or whose value is of another type.

    Args:
        path: The file.
        error: What msgspec says of it.
        prefix: The place of what was converted; empty: it is the whole table.
    """
    reason, _, inner = str(error).partition(" - at `$")
    place = ".".join(filter(None, (prefix, inner.rstrip("`").lstrip("."))))
    if unknown := UNKNOWN.match(reason):
        known = _keys_at(place)
        found = f"the unknown key {unknown[1][:60]!r}"
        return wrong(path, place, f"some of {', '.join(known)}", found, suggest(unknown[1], known))
    types = MISTYPED.match(reason)
    expected, found = (_words(each) for each in types.groups()) if types else ("another value", reason)
    is_unquoted = expected == WORDS["str"]
    return wrong(path, place, expected, found, "Put it into quotes" if is_unquoted else None)


def faults(advice: Advice) -> Iterator[tuple[str, str, str]]:
    """Each value that cannot be meant: its place, what is expected, and what it is."""
    limits = advice.limits
    if not 0 <= limits.mismatch_percent <= 100:
        yield "limits.mismatch_percent", "a percentage from 0 to 100", f"{limits.mismatch_percent:g}"
    if limits.failures < 1:
        yield "limits.failures", "a whole number from 1", str(limits.failures)
    for name in Issues.__struct_fields__:
        yield from _empty(f"issues.{name}", asdict(getattr(advice.issues, name)))
    for name in Situations.__struct_fields__:
        yield from _of_situation(f"situations.{name}", getattr(advice.situations, name))
    for name, texts in advice.checks.items():
        yield from _empty(f"checks.{name}", {key: getattr(texts, key) for key in ("meaning", "action")})


def wrong(path: Path, place: str, expected: str, found: str, hint: str | None = None) -> AdviceError:
    """The error for a value of the file."""
    return AdviceError(
        "The table of advice is wrong",
        where=f"{str(path)[:300]}, {place or TOP}",
        expected=expected,
        found=found[:300],
        next_step=hint or GUIDE,
    )


def _of_situation(place: str, situation: AdvisedSituation) -> Iterator[tuple[str, str, str]]:
    yield from _empty(place, {"name": situation.name, "action": situation.action})
    if situation.rollback not in (0, 1, 2):
        yield f"{place}.rollback", "0 (none), 1 (undo the run) or 2 (restore the backup)", str(situation.rollback)
    if not 0 <= situation.decide_within_hours <= MOST_HOURS:
        found = f"{situation.decide_within_hours:g}"
        yield f"{place}.decide_within_hours", f"a number of hours from 0 to {MOST_HOURS:,}", found
    for number, command in enumerate(situation.commands):
        if not command.strip() or not command.isprintable() or set(PLACEHOLDER.findall(command)) - set(PLACEHOLDERS):
            yield f"{place}.commands[{number}]", COMMAND, repr(command[:120])


def _empty(place: str, texts: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    return ((f"{place}.{key}", TEXT, repr(text)) for key, text in texts.items() if text == "")


def _keys_at(place: str) -> Sequence[str]:
    """The keys that a table of the file may have, by its place ("situations.minor")."""
    parts = place.split(".") if place else []
    kind: Any = CheckTexts if parts[:1] == ["checks"] else Advice
    for name in parts if kind is Advice else ():
        kind = next(each.type for each in fields(kind) if each.name == name)
    return [each.name for each in fields(kind)]


def _words(types: str) -> str:
    return " or ".join(WORDS.get(kind, kind) for kind in types.split(" | ") if kind != "null")
