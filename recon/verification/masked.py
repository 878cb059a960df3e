"""Masks the personal data in a Verification; the options can turn this off."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import polars as pl
from msgspec.structs import replace

from recon.ledger.kinds import KINDS
from recon.masking import mask_id, mask_json, mask_text
from recon.masking.frames import ID_COLUMN, mask_frame
from recon.masking.structs import mask_texts, texts_in
from recon.model import Outcome, PolicyResult
from recon.warehouse.people import known_values

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import Any

    from recon.masking.known import KnownValues
    from recon.model import Cause, Check, Ledger, Verification
    from recon.profile import Profile
    from recon.rules import Rule
    from recon.warehouse import Warehouse

POLICIES = "select * from ledger.policies order by place"
T = TypeVar("T")
# What of a check is recon's own and names other things, and what the command line says again.
IDENTIFYING = ("id", "severity", "issue", "explains", "source", "violations", "accepted", "outcome")
IS_NAME_LIKE = re.compile(r"[^\W\d_][ ,.]{1,2}[^\W\d_]|\d(?:\D{0,3}\d){6}")
# The texts of a check that may quote data.
# Its words for what happened to records and rows.
RECONS = "\n".join(texts_in(tuple(KINDS.values())))
QUOTING = ("message", "detail", "expected", "actual", "escalate", "overrides")
# Columns of the shipped rules' violations that people write as they like.
FREE_TEXTS = {
    "message",
    "title",
    "description",
    "location",
    "note",
    "notes",
    "remark",
    "value",
    "source_value",
    "target_value",
}
# A name in a sentence is two words that follow each other; a number has seven digits.
IS_SUSPECT = re.compile(r"[^\W\d_][\W_]{1,3}[^\W\d_]|\d(?:\D{0,3}\d){6}")


class Masking:
    """How the personal data of one judgement is masked.

    Args:
        profile: Says which columns hold which kind of personal data.
        warehouse: Holds both sides, whose names and numbers are known.
        is_off: Nothing is masked.
    """

    def __init__(self, profile: Profile, warehouse: Warehouse, *, is_off: bool) -> None:
        self.is_off, self._personal, self._warehouse = is_off, profile.personal_columns, warehouse
        self._known: KnownValues = known_values(warehouse, self._personal)

    def sentences(self, value: T, leave: Sequence[str] = ()) -> T:
        """Return what recon says itself with addresses and numbers masked, which it may quote from data."""
        return value if self.is_off else mask_texts(value, mask_text, leave)

    def values(self, value: T, own: str = "", leave: Sequence[str] = (), *, singles: bool = False) -> T:
        """Return what quotes data with addresses and numbers masked, and people's whole names where `own` has none.

        Args:
            value: A text, or an object with texts.
            own: recon's own words.
            leave: The attributes that are left as they are.
            singles: The texts are written by people, so that first or last names in them are masked, too.
        """
        if self.is_off:
            return value
        texts = list(dict.fromkeys(map(mask_text, texts_in(value))))
        suspect = [text for text in texts if singles or IS_SUSPECT.search(text)]
        found = self._known.mask(suspect, own, singles=singles)
        named = dict(zip(suspect, found, strict=True))
        return mask_texts(value, lambda text: named.get(mask_text(text), mask_text(text)), leave)

    def run(self, verification: Verification) -> Verification:
        """Return the verification without addresses in the importer's name for its run."""
        return verification if self.is_off else replace(verification, run_id=mask_id(verification.run_id))

    def check(self, check: Check, rule: Rule) -> Check:
        """Return the check with every text and every row masked."""
        if self.is_off:
            return check
        shown = self._shipped_check(check, rule) if rule.is_shipped else self._own_check(check, rule)
        return replace(shown, violations=self._rows(check.violations, rule)) if check.violations.width else shown

    def ledger(self, ledger: Ledger | None) -> Ledger | None:
        """Return the account with every text masked."""
        if ledger is None or self.is_off:
            return ledger
        shown = self.sentences(ledger)
        quoting = [(_quoting(cause), () if _is_written(cause) else cause.examples) for cause in shown.causes]
        written = self.values([c.examples if _is_written(c) else () for c in shown.causes], singles=True)
        values, keys, associations = self.values((quoting, shown.duplicate_keys, shown.associations), RECONS)
        causes = (
            replace(cause, examples=examples or others, **said)
            for cause, examples, (said, others) in zip(shown.causes, written, values, strict=True)
        )
        return replace(shown, causes=tuple(causes), duplicate_keys=keys, associations=associations)

    def policies(self) -> tuple[PolicyResult, ...]:
        """Return the declared policies and what was found of them, with every text masked; JSON stays JSON.

        An unfilled placeholder is recognised by its source.
        """
        rows = self._warehouse.rows(POLICIES)
        if self.is_off:
            return tuple(_policy(row, str) for row in rows)
        parts = list(dict.fromkeys(text for row in rows for text in _strings_of(row)))
        suspect = [text for text in parts if IS_NAME_LIKE.search(text)]
        named = dict(zip(suspect, self._known.mask(suspect), strict=True)) if suspect else {}
        found = (_policy(row, lambda text: mask_json(text, hide=partial(_hidden, named=named))) for row in rows)
        return self.sentences(tuple(found), leave=("expected", "actual", "source"))

    def _own_check(self, check: Check, rule: Rule) -> Check:
        """Mask what a rule of one's own says, of which any value may be a name, but not the rule's own words."""
        shown = self.values(check, leave=IDENTIFYING)
        quoting = {name: getattr(shown, name) for name in QUOTING}
        own = "\n".join((*rule.messages.values(), rule.escalate or ""))
        return replace(shown, **self.values(quoting, own, singles=True))

    def _shipped_check(self, check: Check, rule: Rule) -> Check:
        """Mask what a shipped rule says of data, which its own words are no part of."""
        shown = self.sentences(check, IDENTIFYING)
        if check.outcome in (Outcome.PASS, Outcome.WARN) and not check.violation_count:
            return shown
        quoting = {name: getattr(shown, name) for name in QUOTING}
        return replace(shown, **self.values(quoting, _words_of(rule)))

    def _rows(self, rows: pl.DataFrame, rule: Rule) -> pl.DataFrame:
        """Mask the violations of a rule: what is known of people by where its columns come from."""
        masked = mask_frame(rows, self._personal)
        return mask_known(masked, self._known, self._personal, _words_of(rule) if rule.is_shipped else None)


def mask_known(
    rows: pl.DataFrame, known: KnownValues, personal: Collection[str], own: str | None = RECONS
) -> pl.DataFrame:
    """Return rows, in which personal columns and forms are masked already, without what is known of people.

    Args:
        rows: The rows.
        known: What is known of people.
        personal: The columns that are masked already.
        own: The words that the columns may hold and that are recon's; None: anybody may have named the columns.
    """
    others = [name for name in rows.columns if name not in personal]
    texts = [name for name in others if not ID_COLUMN.search(name)]
    if own is not None:
        texts = [name for name in texts if rows.schema[name] == pl.String]
        return known.mask_columns(rows, texts, own, singles=FREE_TEXTS)
    ids = [name for name in others if name not in texts and rows.schema[name] == pl.String]
    return known.mask_ids(known.mask_columns(rows, texts, singles=texts), ids)


def _is_written(cause: Cause) -> bool:
    """Whether its examples are texts that people write as they like."""
    return cause.field in FREE_TEXTS


def _quoting(cause: Cause) -> dict[str, str]:
    """Return what of the words of a cause quotes data."""
    kind = KINDS[cause.name]
    return {name: getattr(cause, name) for name in ("title", "action") if "{detail}" in getattr(kind, name)}


def _policy(row: Mapping[str, Any], hide: Callable[[str], str]) -> PolicyResult:
    return PolicyResult(
        row["key"],
        hide(row["expected"]),
        row["source"],
        row["required"],
        None if row["actual"] is None else hide(row["actual"]),
        row["compared"],
        row["is_match"],
        row["compared_with"],
        row["problem"],
    )


def _strings_of(row: Mapping[str, Any]) -> list[str]:
    """Return the strings of a policy's values, masked as free text."""
    found: list[str] = []

    def seen(text: str) -> str:
        found.append(mask_text(text))
        return text

    for value in (row["expected"], row["actual"]):
        if value is not None:
            mask_json(value, hide=seen)
    return found


def _hidden(text: str, named: Mapping[str, str]) -> str:
    masked = mask_text(text)
    return named.get(masked, masked)


def _words_of(rule: Rule) -> str:
    """Return recon's own words that a result of the rule may consist of."""
    return "\n".join(
        [*texts_in((rule.title, rule.description, rule.sql, rule.values_sql or "", dict(rule.messages))), RECONS]
    )
