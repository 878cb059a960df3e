"""Entries of a suite as people write them, and the rules that they stand for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec
from msgspec.structs import replace

from recon.errors import SuiteError
from recon.model import Guidance, Outcome
from recon.suites.conversion import convert, require_choice, sentence, wrong
from recon.suites.rule import LAST, RULE_TYPE, SEVERITIES, Fallback, Rule, place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recon.suites.files import SuiteFile

ID = re.compile(r"\w+")
QUERIES = ("sql", "values_sql", "parameters")
OUTCOMES = tuple(str(outcome) for outcome in Outcome if outcome is not Outcome.PASS)


class FallbackEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """when_missing and when_empty."""

    outcome: str
    message: str
    table: str = ""


class MessagesEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The sentence of a rule that holds and of one that does not."""

    fail: str
    pass_: str = msgspec.field(name="pass")


class KwargsEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The queries."""

    sql: str
    values_sql: str | None = None
    parameters: dict[str, Any] | None = None


class MetaEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said about a rule."""

    id: str
    title: str
    category: str
    requires: list[str]
    messages: MessagesEntry
    meaning: str
    action: str
    order: int = LAST
    uses: list[str] = []
    when_missing: FallbackEntry | None = None
    when_empty: FallbackEntry | None = None
    right_when_empty: dict[str, str] = {}
    diagnosis: list[str] = []
    resolution: list[str] = []
    escalate: str | None = None


class RuleEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule; `id`, `notes` and `rendered_content` are Great Expectations' own and do not matter here."""

    type: str
    description: str
    kwargs: KwargsEntry
    meta: MetaEntry
    severity: str = "critical"
    id: str | None = None
    notes: Any = None
    rendered_content: Any = None


STRUCTS: Mapping[str, type[msgspec.Struct]] = {
    "": RuleEntry,
    "kwargs": KwargsEntry,
    "meta": MetaEntry,
    "meta.messages": MessagesEntry,
    "meta.when_missing": FallbackEntry,
    "meta.when_empty": FallbackEntry,
}


def read_rules(suite: SuiteFile) -> list[Rule]:
    """The rules of a suite; an expectation of another type is kept, so that it can be reported.

    Raises:
        SuiteError: Naming the file, the line, the rule, the key, and what is wrong with it.
    """
    return [_read_rule(suite, line, entry) for line, entry in suite.entries]


def rule_of(expectation: dict[str, Any]) -> Rule:
    """The rule that an expectation of type `expect_no_violations`, as Great Expectations holds it, stands for.

    Raises:
        SuiteError: It lacks a key that rules need.
    """
    kwargs = {name: value for name, value in expectation["kwargs"].items() if name in QUERIES}
    held_by = Path("(Great Expectations)")
    return _own({**expectation, "kwargs": kwargs}, str(held_by), held_by)


def _read_rule(suite: SuiteFile, line: int, entry: Any) -> Rule:
    where = place(suite.path, line)
    if not isinstance(entry, dict):
        wanted = "an object with type, kwargs, severity and meta"
        raise SuiteError("An expectation is wrong", where=where, expected=wanted, found=repr(entry)[:60])
    meta = entry.get("meta") or {}
    if isinstance(meta, dict) and "id" in meta:
        where += f", {sentence(meta['id'])}"
    rule = _own(entry, where, suite.path) if entry.get("type") == RULE_TYPE else _foreign(entry, where, suite, line)
    return replace(rule, suite=suite.name, line=line, is_shipped=suite.is_shipped)


def _own(entry: dict[str, Any], where: str, file: Path) -> Rule:
    written = convert(entry, RuleEntry, where, STRUCTS)
    meta = written.meta
    if not ID.fullmatch(meta.id):
        raise wrong(where, "meta.id", "letters, digits and _", repr(meta.id))
    return Rule(
        id=meta.id,
        title=meta.title,
        category=meta.category,
        suite="",
        file=file,
        type=RULE_TYPE,
        severity=require_choice(written.severity, SEVERITIES, where, "severity"),
        description=sentence(written.description),
        order=meta.order,
        sql=written.kwargs.sql,
        values_sql=written.kwargs.values_sql,
        parameters=written.kwargs.parameters or {},
        requires=_references(meta.requires, where, "meta.requires") or _refuse_none(where),
        uses=_references(meta.uses, where, "meta.uses"),
        messages={"pass": sentence(meta.messages.pass_), "fail": sentence(meta.messages.fail)},
        when_missing=_fallback(meta.when_missing, where, "meta.when_missing"),
        when_empty=_fallback(meta.when_empty, where, "meta.when_empty"),
        right_when_empty={table: sentence(why) for table, why in meta.right_when_empty.items()},
        guidance=_guidance(meta),
        escalate=sentence(meta.escalate) if meta.escalate else None,
    )


def _foreign(entry: dict[str, Any], where: str, suite: SuiteFile, line: int) -> Rule:
    meta = entry.get("meta") or {}
    if not isinstance(meta, dict):
        raise SuiteError("An expectation is wrong", where=f"{where}, meta", expected="an object", found=repr(meta)[:60])
    kind = str(entry.get("type", "no type at all"))
    order = meta.get("order", LAST)
    return Rule(
        id=sentence(meta.get("id", f"{suite.name}:{line}")),
        title=str(meta.get("title", kind)),
        category=str(meta.get("category", suite.name)),
        suite="",
        file=suite.path,
        type=kind,
        severity=require_choice(str(entry.get("severity", "critical")), SEVERITIES, where, "severity"),
        description=sentence(entry.get("description") or kind),
        order=order if isinstance(order, int) else LAST,
    )


def _references(references: list[str], where: str, key: str) -> tuple[str, ...]:
    for reference in references:
        if reference.partition(".")[0] not in ("source", "target"):
            wanted = "a name that starts with source. or target."
            raise wrong(where, key, wanted, repr(reference), f"Did you mean {f'target.{reference}'!r}?")
    return tuple(references)


def _refuse_none(where: str) -> NoReturn:
    raise wrong(where, "meta.requires", "the tables and columns that the rule reads", "an empty list")


def _fallback(entry: FallbackEntry | None, where: str, key: str) -> Fallback | None:
    if entry is None:
        return None
    if entry.outcome == Outcome.PASS:
        found = "PASS as the outcome of a check that has nothing to look at"
        raise wrong(where, f"{key}.outcome", f"one of {', '.join(OUTCOMES)}", found)
    outcome = Outcome(require_choice(entry.outcome, OUTCOMES, where, f"{key}.outcome"))
    return Fallback(outcome, sentence(entry.message), entry.table)


def _guidance(meta: MetaEntry) -> Guidance:
    return Guidance(
        meaning=sentence(meta.meaning),
        action=sentence(meta.action),
        diagnosis=tuple(map(sentence, meta.diagnosis)),
        resolution=tuple(map(sentence, meta.resolution)),
    )
