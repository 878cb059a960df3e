"""What entries of every type share: an id, fallbacks, references and the runbook's guidance."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from recon.model import Guidance, Outcome
from recon.rules.conversion import require_choice, sentence, wrong
from recon.rules.rule import ISSUES, LAST, Fallback

if TYPE_CHECKING:
    from collections.abc import Sequence

ID = re.compile(r"\w+")
OUTCOMES = tuple(str(outcome) for outcome in Outcome if outcome is not Outcome.PASS)


class FallbackEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """when_missing and when_empty."""

    outcome: str
    message: str
    table: str = ""


class SharedMeta(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The metadata of a check, of our own rules and of Great Expectations alike."""

    id: str
    title: str
    category: str
    meaning: str
    action: str
    order: int = LAST
    when_missing: FallbackEntry | None = None
    when_empty: FallbackEntry | None = None
    diagnosis: list[str] = []
    resolution: list[str] = []
    escalate: str | None = None
    issue: str = ISSUES[0]
    explains: list[str] = []


def shared_fields(meta: SharedMeta, where: str) -> dict[str, Any]:
    """The fields of a rule that entries of every type state alike, by name.

    Raises:
        SuiteError: The id or a fallback is not valid.
    """
    return {
        "id": _require_id(meta.id, where),
        "title": meta.title,
        "category": meta.category,
        "order": meta.order,
        "when_missing": fallback_of(meta.when_missing, where, "meta.when_missing"),
        "guidance": _guidance_of(meta),
        "escalate": None if meta.escalate is None else sentence(meta.escalate),
        "issue": require_choice(meta.issue, ISSUES, where, "meta.issue"),
        "explains": tuple(meta.explains),
    }


def _require_id(name: str, where: str) -> str:
    """Return `name` if it is a valid id.

    Raises:
        SuiteError: It is not.
    """
    if not ID.fullmatch(name):
        raise wrong(where, "meta.id", "letters, digits and _", repr(name))
    return name


def references_of(references: Sequence[str], where: str, key: str) -> tuple[str, ...]:
    """The references, each to the source, the target or the ledger.

    Raises:
        SuiteError: One is to none of them.
    """
    for reference in references:
        if reference.partition(".")[0] not in ("source", "target", "ledger"):
            wanted = "a name that starts with source., target. or ledger."
            raise wrong(where, key, wanted, repr(reference), f"Did you mean {f'target.{reference}'!r}?")
    return tuple(references)


def fallback_of(entry: FallbackEntry | None, where: str, key: str) -> Fallback | None:
    """The fallback as written, which must not be a pass.

    Raises:
        SuiteError: It is a pass, or its outcome is unknown.
    """
    if entry is None:
        return None
    if entry.outcome == Outcome.PASS:
        found = "PASS as the outcome of a check that has nothing to look at"
        raise wrong(where, f"{key}.outcome", f"one of {', '.join(OUTCOMES)}", found)
    outcome = Outcome(require_choice(entry.outcome, OUTCOMES, where, f"{key}.outcome"))
    return Fallback(outcome, sentence(entry.message), entry.table)


def _guidance_of(meta: SharedMeta) -> Guidance:
    """The guidance of the runbook."""
    return Guidance(
        meaning=sentence(meta.meaning),
        action=sentence(meta.action),
        diagnosis=tuple(map(sentence, meta.diagnosis)),
        resolution=tuple(map(sentence, meta.resolution)),
    )
