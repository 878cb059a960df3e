"""Suites: rules as data, read from YAML files that are Great Expectations suites."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from recon.errors import SuiteError
from recon.model import Guidance, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RULE_TYPE = "expect_no_violations"
SEVERITIES = ("critical", "warning", "info")
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Fallback:
    """What becomes of a check that has nothing to look at: an outcome and its sentence.

    Attributes:
        table: For `when_empty`: the table that must hold a row, else this applies.
    """

    outcome: Outcome
    message: str
    table: str = ""


@dataclass(frozen=True)
class Rule:
    """One rule: SQL whose rows are the violations; none means that it holds.

    Attributes:
        type: The expectation's type; only `expect_no_violations` is a rule of ours.
        sql: The violations query.
        values_sql: A query of exactly one row, the named values of messages; None when there are none.
        parameters: Bound to `$name` in both queries.
        requires: Tables and columns without which the rule says nothing; `when_missing` then decides.
        uses: Tables and columns that the rule can do without: violations still count, but it cannot pass.
        messages: `pass`, `fail` and perhaps `detail`: templates with `{value}`.
        order: Where the check stands among the others.
    """

    id: str
    title: str
    category: str
    suite: str
    file: Path
    type: str
    severity: str
    description: str
    order: int
    sql: str = ""
    values_sql: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    messages: Mapping[str, str] = field(default_factory=dict)
    when_missing: Fallback | None = None
    when_empty: Fallback | None = None
    guidance: Guidance = field(default_factory=lambda: Guidance("", ""))
    escalate: str | None = None

    @property
    def reads(self) -> tuple[str, ...]:
        """Every table and column that the rule reads."""
        return self.requires + self.uses


def shipped_folder(name: str) -> Path:
    """Where a folder of shipped data lies: inside the installed package, or at the checkout's top level.

    Raises:
        SuiteError: Neither is there; the installation is not whole.
    """
    package = Path(__file__).parent
    for folder in (package / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise SuiteError(f"The folder {name!r} is missing from the installation", next_step="Install recon again")


def load_rules(folders: Iterable[Path]) -> tuple[Rule, ...]:
    """All rules of all `*.yaml` suites in `folders`, in the order of their checks.

    Raises:
        SuiteError: A file cannot be read, an entry lacks a key, two checks have one id, or there is no rule at all.
    """
    paths = [path for folder in folders for path in sorted(folder.glob("*.yaml"))]
    rules = [rule for path in paths for rule in load_suite(path)]
    if not rules:
        raise SuiteError("There is no rule to check", expected="suites (*.yaml) with at least one expectation")
    seen: dict[str, Rule] = {}
    for rule in rules:
        if rule.id in seen:
            found = f"{rule.id!r} in {seen[rule.id].file} and {rule.file}"
            raise SuiteError("Two checks have one id", expected="an id of its own for each check", found=found)
        seen[rule.id] = rule
    return tuple(sorted(rules, key=lambda rule: rule.order))


def load_document(path: Path) -> dict[str, Any]:
    """A suite file as Great Expectations takes it: `ExpectationSuite(**document)`.

    Raises:
        SuiteError: The file is no YAML, or not a suite.
    """
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)  # noqa: S506 - a safe loader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        found = " ".join(str(error).split())
        raise SuiteError("A suite cannot be read", where=str(path), found=found) from error
    if not isinstance(document, dict) or not isinstance(document.get("expectations"), list):
        raise SuiteError("This is no suite", where=str(path), expected="the keys name and expectations (a list)")
    return document


def load_suite(path: Path) -> list[Rule]:
    """The rules of one suite file; an expectation of another type is kept, so that it can be reported.

    Raises:
        SuiteError: Naming the file, the expectation and what is wrong with it.
    """
    document = load_document(path)
    suite = str(document.get("name", path.stem))
    return [_rule(entry, f"expectations[{i}]", path, suite) for i, entry in enumerate(document["expectations"])]


def rule_of(expectation: dict[str, Any]) -> Rule:
    """The rule that an expectation of type `expect_no_violations`, as Great Expectations holds it, stands for.

    Raises:
        SuiteError: It lacks a key that rules need.
    """
    return _rule(expectation, str(expectation.get("meta", {}).get("id")), Path("(Great Expectations)"), "")


def _rule(entry: Any, place: str, path: Path, suite: str) -> Rule:
    if not isinstance(entry, dict):
        wanted = "an object with type, kwargs, severity and meta"
        raise SuiteError("An expectation is wrong", where=f"{path}, {place}", expected=wanted, found=repr(entry))
    try:
        if entry.get("type") == RULE_TYPE:
            return _shipped_rule(entry, path, suite)
        return _foreign(entry, place, path, suite)
    except KeyError as error:
        raise SuiteError(
            "An expectation is incomplete", where=f"{path}, {place}", expected=f"the key {error}"
        ) from error
    except (TypeError, ValueError, AttributeError) as error:
        raise SuiteError("An expectation is wrong", where=f"{path}, {place}", found=str(error)) from error


def _shipped_rule(entry: dict[str, Any], path: Path, suite: str) -> Rule:
    kwargs, meta = entry["kwargs"], entry["meta"]
    return Rule(
        id=str(meta["id"]),
        title=str(meta["title"]),
        category=str(meta["category"]),
        suite=suite,
        file=path,
        type=RULE_TYPE,
        severity=_severity(entry),
        description=_sentence(entry["description"]),
        order=int(meta.get("order", 1000)),
        sql=str(kwargs["sql"]),
        values_sql=kwargs.get("values_sql"),
        parameters=dict(kwargs.get("parameters") or {}),
        requires=_references(meta["requires"]),
        uses=_references(meta.get("uses", ())),
        messages={name: _sentence(text) for name, text in meta["messages"].items()},
        when_missing=_fallback(meta.get("when_missing")),
        when_empty=_fallback(meta.get("when_empty")),
        guidance=_guidance(meta),
        escalate=_sentence(meta["escalate"]) if meta.get("escalate") else None,
    )


def _foreign(entry: dict[str, Any], place: str, path: Path, suite: str) -> Rule:
    meta = entry.get("meta") or {}
    kind = str(entry.get("type", "no type at all"))
    return Rule(
        id=str(meta.get("id", f"{suite}.{place}")),
        title=str(meta.get("title", kind)),
        category=str(meta.get("category", suite)),
        suite=suite,
        file=path,
        type=kind,
        severity=_severity(entry),
        description=_sentence(entry.get("description") or kind),
        order=int(meta.get("order", 1000)),
    )


def _severity(entry: dict[str, Any]) -> str:
    severity = str(entry.get("severity", "critical"))
    if severity not in SEVERITIES:
        raise ValueError(f"severity {severity!r}, which is not one of {', '.join(SEVERITIES)}")
    return severity


def _references(value: Any) -> tuple[str, ...]:
    references = tuple(map(str, value))
    for reference in references:
        if reference.partition(".")[0] not in ("source", "target"):
            raise ValueError(f"the reference {reference!r}, which starts with neither source. nor target.")
    return references


def _fallback(value: Any) -> Fallback | None:
    if value is None:
        return None
    outcome = Outcome(value["outcome"])
    if outcome is Outcome.PASS:
        raise ValueError("PASS as the outcome of a check that has nothing to look at")
    return Fallback(outcome, _sentence(value["message"]), str(value.get("table", "")))


def _guidance(meta: dict[str, Any]) -> Guidance:
    return Guidance(
        meaning=_sentence(meta["meaning"]),
        action=_sentence(meta["action"]),
        diagnosis=tuple(map(_sentence, meta.get("diagnosis", ()))),
        resolution=tuple(map(_sentence, meta.get("resolution", ()))),
    )


def _sentence(text: Any) -> str:
    return " ".join(str(text).split())
