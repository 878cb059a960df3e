"""Reads the table of advice, the runbook's or a club's own, and applies its limits and texts to rules."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec.structs import asdict, replace

from recon.errors import AdviceError, suggest
from recon.regular import read_named
from recon.rules import optional_checks
from recon.rules.conversion import sentence
from recon.verification.advice_faults import faults, mistyped, unreadable, wrong
from recon.verification.advice_table import Advice, CheckTexts, Limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from recon.rules import Rule

T = TypeVar("T")
BUILT_IN = Path(__file__).with_name("advice.toml")
DEFAULT_FILE = "recon-advice.toml"
CHECKS, COMMANDS = "checks", "commands"
# The parameter of rules that the limit of the same name replaces.
LIMIT = "mismatch_percent"
# A placeholder goes with the blanks before it where it stands for nothing.
WORDS = re.compile(r"(\s*)\{(\w*)\}")


def load_advice(path: Path | str | None = None) -> Advice:
    """Read the table of advice.

    Args:
        path: A TOML file, which replaces values of the runbook's table; what it leaves out stays. None: the runbook's.

    Raises:
        AdviceError: The file is missing or is no TOML, or holds an unknown key or a value that cannot be meant; the
            message names the file and the place.
    """
    return _built_in() if path is None else _read(Path(path))


@cache
def _built_in() -> Advice:
    return msgspec.convert(_shipped(), Advice)


def _shipped() -> dict[str, Any]:
    return tomllib.loads(BUILT_IN.read_text(encoding="utf-8"))


def _read(path: Path) -> Advice:
    try:
        written = tomllib.loads(read_named(path))
    except (OSError, ValueError, RecursionError) as error:
        raise unreadable(path, error) from error
    own = _tidied(written)
    checks = own.pop(CHECKS, {})
    if not isinstance(checks, dict):
        raise wrong(path, CHECKS, "a table by the ids of checks", repr(checks))
    # Converted one by one, so that an error names the check.
    texts = {name: _converted(path, each, CheckTexts, f"{CHECKS}.{name}") for name, each in checks.items()}
    advice = replace(_converted(path, _merged(_shipped(), own), Advice), checks=texts)
    for place, expected, found in faults(advice):
        raise wrong(path, place, expected, found)
    return advice


def _converted(path: Path, value: Any, wanted: type[T], place: str = "") -> T:
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        raise mistyped(path, error, place) from error


def _tidied(value: Any) -> Any:
    """The values with each text on one line, but commands as they are."""
    if isinstance(value, dict):
        return {name: each if name == COMMANDS else _tidied(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_tidied(each) for each in value]
    return sentence(value) if isinstance(value, str) else value


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """The values of `below`, replaced by those of `above`, table by table."""
    both = {
        name: _merged(below[name], value) if isinstance(value, dict) and isinstance(below.get(name), dict) else value
        for name, value in above.items()
    }
    return {**below, **both}


def filled(command: str, words: Mapping[str, str]) -> str:
    """The command with its placeholders replaced; one that stands for nothing leaves no blank behind."""
    return WORDS.sub(lambda found: found[1] + words[found[2]] if words.get(found[2]) else "", command).strip()


def with_advice(rules: Iterable[Rule], advice: Advice, path: Path | str | None = None) -> tuple[Rule, ...]:
    """The rules with the limits and texts of the table.

    Args:
        rules: All rules. A limit of the table replaces only that of a shipped rule, not one that a suite of one's own
            states.
        advice: The table.
        path: Its file, named in errors.

    Raises:
        AdviceError: The table has texts of a check that there is not.
    """
    found = tuple(rules)
    ids = [*(rule.id for rule in found), *(optional_checks() if advice.checks else ())]
    for name in advice.checks:
        if name not in ids:
            raise AdviceError(
                "The table of advice names no check",
                where=f"{str(path)[:300]}, {CHECKS}.{name[:60]}",
                expected="the id of a check, as recon checks lists it; one of your own needs its --expectations",
                found=repr(name[:60]),
                next_step=suggest(name, ids),
            )
    return tuple(_with_texts(_with_limit(rule, advice.limits), advice.checks.get(rule.id)) for rule in found)


def _with_limit(rule: Rule, limits: Limits) -> Rule:
    usual, wanted = _built_in().limits.mismatch_percent, limits.mismatch_percent
    if not rule.is_shipped or rule.parameters.get(LIMIT) != usual or wanted == usual:
        return rule
    # A whole number is printed without decimals.
    limit = int(wanted) if wanted.is_integer() else wanted
    return replace(rule, parameters={**rule.parameters, LIMIT: limit})


def _with_texts(rule: Rule, texts: CheckTexts | None) -> Rule:
    if texts is None:
        return rule
    given = {name: value for name, value in asdict(texts).items() if value is not None}
    escalate = given.pop("escalate", rule.escalate)
    return replace(rule, guidance=replace(rule.guidance, **given), escalate=escalate)
