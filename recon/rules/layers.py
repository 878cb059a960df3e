"""Layers of suites: the shipped ones at the bottom, custom folders above; upper layers override lower ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec.structs import replace

from recon.errors import SuiteError, suggest
from recon.rules.conversion import convert, require_choice, sentence, wrong
from recon.rules.entries import read_rules
from recon.rules.files import SuiteFile, read_suite, suite_paths
from recon.rules.rule import LAST, SEVERITIES, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

T = TypeVar("T")
BASELINE = "baseline"


class OverrideEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change to a rule of a lower layer, stored in a suite's `meta.overrides` under the rule's id."""

    reason: str
    severity: str | None = None
    parameters: dict[str, Any] | None = None
    switched_off: bool = False


def shipped_folder(name: str) -> Path:
    """Find a folder of shipped data: inside the installed package, or at the top level of the checkout.

    Raises:
        SuiteError: Neither exists; the installation is incomplete.
    """
    package = Path(__file__).parents[1]
    for folder in (package / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise SuiteError(f"The folder {name!r} is missing from the installation", next_step="Install recon again")


def layers_of(own: Iterable[Path | str], *, shipped_suites: bool = True, with_baseline: bool = False) -> list[Path]:
    """The folders of suites, the lowest first: the shipped ones unless they are excluded, then the custom ones.

    Args:
        own: The custom ones.
        shipped_suites: Whether the shipped ones are included.
        with_baseline: Whether those are included that look at what a baseline had, which are shipped, too.
    """
    shipped = [shipped_folder("expectations")] if shipped_suites else []
    return [*shipped, *([baseline_folder()] if with_baseline else []), *map(Path, own)]


def baseline_folder() -> Path:
    """The folder of the shipped suites that look at what a baseline had."""
    return shipped_folder("expectations") / BASELINE


def optional_checks() -> list[str]:
    """The ids of the shipped checks that are made only where they are asked for."""
    return [rule.id for rule in load_rules([baseline_folder()])]


def load_rules(layers: Iterable[Path]) -> tuple[Rule, ...]:
    """Load all rules of all suites in the folders `layers`, in the order of their checks.

    A rule replaces one with the same id in a lower layer, and records that it does.

    Raises:
        SuiteError: A folder or file cannot be used, an entry is invalid, a layer has two rules with one id, an override
            matches no lower rule, or there is no rule at all.
    """
    rules: dict[str, Rule] = {}
    for folder in layers:
        suites = _read_layer(folder)
        own = _by_id((rule.id, rule) for suite in suites for rule in read_rules(suite))
        below = dict(rules)
        rules |= {name: _over(rule, below.get(name)) for name, rule in own.items()}
        for name, (suite, entry) in _by_id(_overrides(suites)).items():
            rules[name] = _changed(_rule_below(name, below, own, suite), entry, suite)
    if not rules:
        raise SuiteError("There is no rule to check", expected="suites (*.yaml) with at least one expectation")
    return tuple(sorted(rules.values(), key=lambda rule: rule.order))


def load_suite(path: Path) -> list[Rule]:
    """Load the rules of one suite file.

    Raises:
        SuiteError: Names the file, the line, the rule and the problem.
    """
    return read_rules(read_suite(path))


def _read_layer(folder: Path) -> list[SuiteFile]:
    is_shipped = folder in (shipped_folder("expectations"), baseline_folder())
    return [read_suite(path, is_shipped=is_shipped) for path in suite_paths(folder)]


def _by_id(named: Iterable[tuple[str, T]]) -> dict[str, T]:
    """The entries of one layer, by rule.

    Raises:
        SuiteError: Two of them are about the same rule.
    """
    found: dict[str, T] = {}
    for name, value in named:
        if name in found:
            raise SuiteError(
                "Two checks have one id",
                expected="an id of its own for each check of a folder",
                found=f"{name!r} in {_home(found[name])} and {_home(value)}",
                next_step="Rename one; to replace a rule of another folder, keep the id and use that folder first",
            )
        found[name] = value
    return found


def _home(value: Any) -> str:
    return value.source if isinstance(value, Rule) else f"the overrides of {value[0].path}"


def _over(rule: Rule, below: Rule | None) -> Rule:
    """The rule at its position: that of the rule below, unless it names one itself."""
    if below is None:
        return rule
    order = below.order if rule.order == LAST else rule.order
    return replace(rule, order=order, overrides=f"replaces {below.source}")


def _overrides(suites: Iterable[SuiteFile]) -> Iterator[tuple[str, tuple[SuiteFile, Any]]]:
    for suite in suites:
        overrides = suite.meta.get("overrides") or {}
        if not isinstance(overrides, dict):
            raise wrong(str(suite.path), "meta.overrides", "an object by the ids of checks", repr(overrides)[:60])
        for name, entry in overrides.items():
            yield str(name), (suite, entry)


def _rule_below(name: str, below: Mapping[str, Rule], own: Mapping[str, Rule], suite: SuiteFile) -> Rule:
    if name in own:
        next_step = f"Change the rule itself, in {own[name].source}"
        raise wrong(str(suite.path), f"meta.overrides.{name}", "a rule of another folder", "one of this", next_step)
    if name not in below:
        wanted = f"the id of a check: {', '.join(below) or 'there is none below'}"
        raise wrong(str(suite.path), f"meta.overrides.{name}", wanted, repr(name), suggest(name, below))
    return below[name]


def _changed(rule: Rule, written: Any, suite: SuiteFile) -> Rule:
    """The rule with an override applied: still evaluated, unless it is switched off."""
    where = f"{suite.path}, meta.overrides.{rule.id}"
    entry = convert(written, OverrideEntry, where, {"": OverrideEntry})
    severity = require_choice(entry.severity or rule.severity, SEVERITIES, where, "severity")
    parameters = _parameters(rule, entry, where)
    changes = [f"severity {severity} instead of {rule.severity}"] if severity != rule.severity else []
    changes += [f"{name} {value} instead of {rule.parameters[name]}" for name, value in parameters.items()]
    changes += ["switched off"] if entry.switched_off else []
    if not changes:
        raise wrong(where, "", "severity, parameters or switched_off: true, with a change", "nothing that changes it")
    change = f"{', '.join(changes)}, by {suite.path}: {sentence(entry.reason)}"
    return replace(
        rule,
        severity=severity,
        parameters={**rule.parameters, **parameters},
        overrides="; ".join(filter(None, (rule.overrides, change))),
        switched_off=f"{suite.path}: {sentence(entry.reason)}" if entry.switched_off else rule.switched_off,
    )


def _parameters(rule: Rule, entry: OverrideEntry, where: str) -> dict[str, Any]:
    """The parameters that change; the rule must have each of them.

    Raises:
        SuiteError: It lacks one.
    """
    given = entry.parameters or {}
    for name in given:
        if name not in rule.parameters:
            wanted = f"some of {', '.join(rule.parameters) or 'none: the rule has no parameter'}"
            raise wrong(where, "parameters", wanted, repr(name), suggest(name, rule.parameters))
    return {name: value for name, value in given.items() if value != rule.parameters[name]}
