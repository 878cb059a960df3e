"""The table of advice: whom to tell, how much is too much and what to do, as the runbook says or as a club edits it."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import asdict, replace

from recon.errors import AdviceError, suggest
from recon.rules import optional_checks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from recon.rules import Rule

BUILT_IN = Path(__file__).with_name("advice.toml")
DEFAULT_FILE = "recon-advice.toml"
UNKNOWN_FIELD = re.compile(r"unknown field `(.*)`")
PLACEHOLDER = re.compile(r"\{(\w*)\}")
PLACEHOLDERS = ("bundle", "target", "options", "backup")
COMMANDS = "a command with no other placeholder than {bundle}, {target}, {options} and {backup}"
MOST_HOURS = 24 * 366
LIMIT = "mismatch_percent"
GUIDE = "recon advice prints the whole table, to begin with"


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much is too much.

    Attributes:
        mismatch_percent: A mismatch above this percentage of an entity's records is escalated.
        failures: So many failures at once are escalated, and make a verification fail by major issues.
    """

    mismatch_percent: float
    failures: int


class Issue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the runbook's issues (5): whom to tell, and how urgently."""

    name: str
    contact: str
    priority: str


class Situation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the situations that a verdict leads to (4.1).

    Attributes:
        name: The situation in words.
        action: What to do.
        escalated: What to do where something is to be escalated first; empty: the same.
        rollback: The level of the rollback that it leads to; 0: none.
        decide_within_hours: How long the decision may take, counted from the verdict; 0: as long as it takes.
        commands: The commands for it, with `PLACEHOLDERS`.
    """

    name: str
    action: str
    escalated: str = ""
    rollback: int = 0
    decide_within_hours: float = 0
    commands: tuple[str, ...] = ()


class CheckTexts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The texts of a check (3.4, 3.6) in the place of those of its suite; None: those of the suite."""

    meaning: str | None = None
    action: str | None = None
    diagnosis: tuple[str, ...] | None = None
    resolution: tuple[str, ...] | None = None
    escalate: str | None = None


class Issues(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The issues, the first that is named first."""

    loss: Issue
    corruption: Issue
    failure: Issue


class Situations(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The situations."""

    minor: Situation
    major: Situation
    corruption: Situation
    loss: Situation
    dry_run: Situation
    unrelated: Situation
    rolled_back: Situation
    incomplete: Situation
    warned: Situation
    passed: Situation


class Advice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole table.

    Attributes:
        caution: What is said of integrity failures, corruption and loss.
        checks: Id of a check → its texts, where they differ from those of its suite.
    """

    caution: str
    limits: Limits
    issues: Issues
    situations: Situations
    checks: dict[str, CheckTexts] = {}


def load_advice(path: Path | str | None = None) -> Advice:
    """Read the table of advice; without an argument, the runbook's.

    Args:
        path: A TOML file, which replaces values of the runbook's table; what it leaves out stays.

    Raises:
        AdviceError: The file is missing or is no TOML, or holds an unknown key or a value that cannot be meant; the
            message names the file and the place.
    """
    return _built_in() if path is None else _read(Path(path))


@cache
def _built_in() -> Advice:
    return msgspec.convert(tomllib.loads(BUILT_IN.read_text(encoding="utf-8")), Advice)


def _read(path: Path) -> Advice:
    try:
        written = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise AdviceError(
            "The table of advice cannot be read",
            where=str(path)[:300],
            expected="a TOML file in UTF-8",
            found=getattr(error, "strerror", None) or str(error),
            next_step=GUIDE,
        ) from error
    merged = _merged(tomllib.loads(BUILT_IN.read_text(encoding="utf-8")), written)
    try:
        advice = msgspec.convert(merged, Advice)
    except msgspec.ValidationError as error:
        raise _invalid(path, error) from error
    for place, found, expected in _faults(advice):
        raise _wrong(path, place, expected, found)
    return advice


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """The values of `below`, replaced by those of `above`, table by table."""
    both = {
        name: _merged(below[name], value) if isinstance(value, dict) and isinstance(below.get(name), dict) else value
        for name, value in above.items()
    }
    return {**below, **both}


def _invalid(path: Path, error: msgspec.ValidationError) -> AdviceError:
    reason, _, inner = str(error).partition(" - at `$")
    place = inner.rstrip("`").lstrip(".")
    unknown = UNKNOWN_FIELD.search(reason)
    if not unknown:
        return _wrong(path, place or "the top", None, reason)
    known = _names_at(place)
    expected = f"one of {', '.join(known)}" if known else None
    return _wrong(path, place or "the top", expected, repr(unknown[1][:60]), suggest(unknown[1], known))


def _names_at(place: str) -> list[str]:
    """The keys that a table of the file may have, by its place ("situations.minor")."""
    if place.startswith("checks"):
        return list(CheckTexts.__struct_fields__)
    kind: Any = _built_in()
    for name in filter(None, place.split(".")):
        kind = getattr(kind, name)
    return list(kind.__struct_fields__)


def _faults(advice: Advice) -> Iterable[tuple[str, str, str]]:
    """Each value that cannot be meant: its place, what it is, and what is expected."""
    limits = advice.limits
    if not 0 <= limits.mismatch_percent <= 100:
        yield "limits.mismatch_percent", f"{limits.mismatch_percent:g}", "a percentage from 0 to 100"
    if limits.failures < 1:
        yield "limits.failures", str(limits.failures), "a whole number from 1"
    for name in Issues.__struct_fields__:
        for key, value in asdict(getattr(advice.issues, name)).items():
            if not value.strip():
                yield f"issues.{name}.{key}", repr(value), "a text"
    for name in Situations.__struct_fields__:
        yield from _faults_of(f"situations.{name}", getattr(advice.situations, name))
    for name, texts in advice.checks.items():
        for key in ("meaning", "action"):
            if (getattr(texts, key) or "x").isspace() or getattr(texts, key) == "":
                yield f"checks.{name}.{key}", repr(getattr(texts, key)), "a text"


def _faults_of(place: str, situation: Situation) -> Iterable[tuple[str, str, str]]:
    for key in ("name", "action"):
        if not getattr(situation, key).strip():
            yield f"{place}.{key}", repr(getattr(situation, key)), "a text"
    if situation.rollback not in (0, 1, 2):
        yield f"{place}.rollback", str(situation.rollback), "0 (none), 1 (undo the run) or 2 (restore the backup)"
    if not 0 <= situation.decide_within_hours <= MOST_HOURS:
        yield f"{place}.decide_within_hours", f"{situation.decide_within_hours:g}", f"hours from 0 to {MOST_HOURS:,}"
    for command in situation.commands:
        if not set(PLACEHOLDER.findall(command)) <= set(PLACEHOLDERS):
            yield f"{place}.commands", repr(command[:120]), COMMANDS


def _wrong(path: Path, place: str, expected: str | None, found: str, hint: str | None = None) -> AdviceError:
    return AdviceError(
        "The table of advice is wrong",
        where=f"{str(path)[:300]}, {place}",
        expected=expected,
        found=found[:300],
        next_step=hint or GUIDE,
    )


def filled(command: str, words: Mapping[str, str]) -> str:
    """The command with its placeholders replaced; what has no words leaves no blank behind."""
    return " ".join(PLACEHOLDER.sub(lambda found: words.get(found[1], ""), command).split())


def with_advice(rules: Iterable[Rule], advice: Advice) -> tuple[Rule, ...]:
    """The rules with the limits and texts of the table.

    Args:
        rules: All rules. A limit of the table replaces only that of a shipped rule, not one that a suite of one's own
            states.
        advice: The table.

    Raises:
        AdviceError: The table has texts of a check that there is not.
    """
    found = tuple(rules)
    ids = [*(rule.id for rule in found), *(optional_checks() if advice.checks else ())]
    for name in advice.checks:
        if name not in ids:
            raise AdviceError(
                "The table of advice names no check",
                where=f"checks.{name[:60]}",
                expected="the id of a check, as recon checks lists it",
                found=repr(name[:60]),
                next_step=suggest(name, ids) or "See recon checks",
            )
    return tuple(_with_texts(_with_limit(rule, advice.limits), advice.checks.get(rule.id)) for rule in found)


def _with_limit(rule: Rule, limits: Limits) -> Rule:
    usual, wanted = _built_in().limits.mismatch_percent, limits.mismatch_percent
    if not rule.is_shipped or rule.parameters.get(LIMIT) != usual or wanted == usual:
        return rule
    return replace(rule, parameters={**rule.parameters, LIMIT: wanted})


def _with_texts(rule: Rule, texts: CheckTexts | None) -> Rule:
    if texts is None:
        return rule
    given = {name: value for name, value in asdict(texts).items() if value is not None}
    escalate = given.pop("escalate", rule.escalate)
    # An empty text switches a reason off; where the check has none of its own, its numbers may still give one.
    escalate = None if escalate == "" and rule.escalate is None else escalate
    return replace(rule, guidance=replace(rule.guidance, **given), escalate=escalate)
