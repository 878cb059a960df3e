"""The wording that reports share for a ledger: where a cause occurs, its standing, and further notes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from recon.bundle.formats import REPORT
from recon.report.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recon.model import Association, Cause, EntityAccount, Ledger

LONGEST_VALUE = 200
NULL = "null"
IN_COMMON = "What the unexplained have in common (an association, not a cause)"
WOULD_PAIR = "Keys that would pair after one normaliser (not applied)"


class Note(NamedTuple):
    """A list of notes beside the numbers.

    Attributes:
        title: What the notes have in common.
        items: What each note is about → the note.
    """

    title: str
    items: Mapping[str, str]


def place(cause: Cause) -> str:
    """The entity, and the field if the cause concerns one: "members.phone"."""
    return cause.entity if cause.field is None else f"{cause.entity}.{cause.field}"


def standing(cause: Cause) -> str:
    """The standing of the cause: unexplained, explained, or harmless because sound migrations show it, too."""
    if not cause.is_explained:
        return "unexplained"
    return "harmless" if cause.is_harmless else "explained"


def group(association: Association) -> str:
    """The group that has something in common: "missing members", "unexpected rows of events"."""
    if association.group == "unexpected":
        return f"unexpected rows of {association.entity}"
    return f"{association.group} {association.entity}"


def quoted(value: str | None) -> str:
    """A value in quotes, so that null, empty and blank are distinguishable; of a very long one, the beginning."""
    if value is None:
        return NULL
    if len(value) <= LONGEST_VALUE:
        return f'"{value}"'
    return f'"{value[:LONGEST_VALUE]}…" ({len(value):,} characters)'


def notes(ledger: Ledger) -> tuple[Note, ...]:
    """The notes beside the numbers; a list that would be empty is omitted."""
    found = (
        Note("Not evaluated", ledger.not_evaluated),
        Note("Matched by", {a.entity: matched(a) for a in ledger.entities if a.matched_by}),
        Note("Read from", {a.entity: a.origin for a in ledger.entities if a.origin != REPORT}),
        Note("Not compared", dict(_not_compared(ledger))),
        Note("Time stamps", {a.entity: a.time_stamps for a in ledger.entities if a.time_stamps}),
        Note("Equal only once normalised", dict(_normalised(ledger))),
    )
    return tuple(note for note in found if note.items)


def left_out(ledger: Ledger) -> Iterator[tuple[str, str]]:
    """What the ledger does not cover, and why."""
    yield from ((entity.capitalize(), f"not accounted for: {why}") for entity, why in ledger.not_evaluated.items())
    yield from ((name, f"not compared: {why}") for name, why in _not_compared(ledger))


def matched(account: EntityAccount) -> str:
    """How many records each kind of key paired with a row: "target id 2,100, natural key (email) 47"."""
    return ", ".join(f"{kind} {count:,}" for kind, count in account.matched_by.items())


def _not_compared(ledger: Ledger) -> Iterator[tuple[str, str]]:
    for account in ledger.entities:
        for name, why in account.not_compared.items():
            yield f"{account.entity}.{name}", why


def _normalised(ledger: Ledger) -> Iterator[tuple[str, str]]:
    for account in ledger.entities:
        for name, count in account.normalised.items():
            yield f"{account.entity}.{name}", plural(count, "record")
