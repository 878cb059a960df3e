"""Entries of a suite as they are written, and the rules that they define."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec
from msgspec.structs import replace

from recon.errors import SuiteError
from recon.rules.conversion import convert, require_choice, sentence, wrong
from recon.rules.foreign import read_foreign
from recon.rules.parts import FallbackEntry, SharedMeta, fallback_of, references_of, shared_fields
from recon.rules.rule import RULE_TYPE, SEVERITIES, Rule, place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recon.rules.files import SuiteFile

QUERIES = ("sql", "values_sql", "parameters")


class MessagesEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The messages of a rule that holds and of one that does not."""

    fail: str
    pass_: str = msgspec.field(name="pass")


class KwargsEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The queries."""

    sql: str
    values_sql: str | None = None
    parameters: dict[str, Any] | None = None


class MetaEntry(SharedMeta, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The metadata of a rule."""

    requires: list[str]
    messages: MessagesEntry
    uses: list[str] = msgspec.field(default_factory=list)
    right_when_empty: dict[str, str] = msgspec.field(default_factory=dict)


class RuleEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule; `id`, `notes` and `rendered_content` belong to Great Expectations and are ignored here."""

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
    """Read the rules of a suite; an expectation of another type becomes a rule that Great Expectations judges.

    Raises:
        SuiteError: Names the file, the line, the rule, the key, and the problem.
    """
    return [_read_rule(suite, line, entry) for line, entry in suite.entries]


def rule_of(expectation: dict[str, Any]) -> Rule:
    """The rule that an `expect_no_violations` expectation defines, as Great Expectations holds it.

    Raises:
        SuiteError: It lacks a key that rules require.
    """
    kwargs = {name: value for name, value in expectation["kwargs"].items() if name in QUERIES}
    held_by = Path("(Great Expectations)")
    return _own({**expectation, "kwargs": kwargs}, str(held_by), held_by)


def entry_of(rule: Rule) -> dict[str, Any]:
    """The entry that a rule of recon would be read from, as it is written in a suite file."""
    return {
        "type": rule.type,
        "severity": rule.severity,
        "description": rule.description,
        "kwargs": {"sql": rule.sql, "values_sql": rule.values_sql, "parameters": dict(rule.parameters)},
        "meta": {
            "id": rule.id,
            "title": rule.title,
            "category": rule.category,
            "order": rule.order,
            "requires": list(rule.requires),
            "uses": list(rule.uses),
            "messages": dict(rule.messages),
            "when_missing": rule.when_missing and rule.when_missing.document,
            "when_empty": rule.when_empty and rule.when_empty.document,
            "right_when_empty": dict(rule.right_when_empty),
            "meaning": rule.guidance.meaning,
            "action": rule.guidance.action,
            "diagnosis": list(rule.guidance.diagnosis),
            "resolution": list(rule.guidance.resolution),
            "escalate": rule.escalate,
            "issue": rule.issue,
            "explains": list(rule.explains),
        },
        "notes": rule.overrides,
    }


def _read_rule(suite: SuiteFile, line: int, entry: Any) -> Rule:
    where = place(suite.path, line)
    if not isinstance(entry, dict):
        wanted = "an object with type, kwargs, severity and meta"
        raise SuiteError("An expectation is wrong", where=where, expected=wanted, found=repr(entry)[:60])
    meta = entry.get("meta") or {}
    if isinstance(meta, dict) and "id" in meta:
        where += f", {sentence(meta['id'])}"
    read = _own if entry.get("type") == RULE_TYPE else read_foreign
    rule = read(entry, where, suite.path)
    return replace(rule, suite=suite.name, line=line, is_shipped=suite.is_shipped)


def _own(entry: dict[str, Any], where: str, file: Path) -> Rule:
    written = convert(entry, RuleEntry, where, STRUCTS)
    meta = written.meta
    return Rule(
        **shared_fields(meta, where),
        suite="",
        file=file,
        type=RULE_TYPE,
        severity=require_choice(written.severity, SEVERITIES, where, "severity"),
        description=sentence(written.description),
        sql=written.kwargs.sql,
        values_sql=written.kwargs.values_sql,
        parameters=written.kwargs.parameters or {},
        requires=references_of(meta.requires, where, "meta.requires") or _refuse_none(where),
        uses=references_of(meta.uses, where, "meta.uses"),
        messages={"pass": sentence(meta.messages.pass_), "fail": sentence(meta.messages.fail)},
        when_empty=fallback_of(meta.when_empty, where, "meta.when_empty"),
        right_when_empty={table: sentence(why) for table, why in meta.right_when_empty.items()},
    )


def _refuse_none(where: str) -> NoReturn:
    raise wrong(where, "meta.requires", "the tables and columns that the rule reads", "an empty list")
