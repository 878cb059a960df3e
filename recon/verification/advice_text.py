"""The table of advice as a file to edit: the shipped file with the values in force, and the texts of every check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from recon.rules import layers_of, load_rules
from recon.verification.advice import BUILT_IN, load_advice, with_advice

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from recon.rules import Rule

CHECKS = "# [checks"


def advice_text(path: Path | str | None = None, expectations: Iterable[Path | str] = ()) -> str:
    """Return the whole table as TOML, with the comments of the shipped file.

    Args:
        path: A table of one's own; None: the runbook's.
        expectations: Folders of suites over the shipped ones, whose checks are then included.

    Raises:
        AdviceError: The table cannot be read, or names no check.
        SuiteError: A suite cannot be read.
    """
    advice = load_advice(path)
    rules = with_advice(load_rules(layers_of(expectations)), advice, path)
    lines = [*_shipped_lines(msgspec.to_builtins(advice)), *(line for rule in rules for line in _check_lines(rule))]
    return "\n".join(lines) + "\n"


def _shipped_lines(values: Mapping[str, Any]) -> Iterator[str]:
    """The lines of the shipped file, which has every key, up to its checks; each value is the one in force."""
    table = values
    for line in BUILT_IN.read_text(encoding="utf-8").splitlines():
        if line.startswith(CHECKS):
            return
        if line.startswith("["):
            table = values
            for part in line.strip("[]").split("."):
                table = table[part]
        name, equals, _ = line.partition(" = ")
        yield f"{name} = {_toml(table[name])}" if equals and not line.startswith("#") else line


def _check_lines(rule: Rule) -> Iterator[str]:
    guidance = rule.guidance
    texts = {"meaning": guidance.meaning, "action": guidance.action}
    lists = {"diagnosis": guidance.diagnosis, "resolution": guidance.resolution}
    yield ""
    yield f"[checks.{rule.id}]"
    yield from (f"{name} = {_toml(text)}" for name, text in texts.items() if text)
    yield from (f"{name} = {_toml(list(lines))}" for name, lines in lists.items() if lines)
    if rule.escalate is not None:
        yield f"escalate = {_toml(rule.escalate)}"


def _toml(value: Any) -> str:
    """A text, number or list of texts as TOML, whose basic strings are JSON's."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return msgspec.json.encode(value).decode().replace('","', '", "').replace("\x7f", "\\u007f")
