"""Says what of a check is accepted: a failure that is accepted as a whole is a warning until the first day after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from recon.model import Acceptance, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.model import Check
    from recon.rules.acceptance.matches import CheckMatch, EntryMatches

MOST_NAMED = 3
JUDGED = (Outcome.FAIL, Outcome.WARN)


def with_acceptance(check: Check, matches: EntryMatches) -> Check:
    """Return the check with what of it is accepted; as it is where no entry that counts is about it."""
    if check.outcome not in JUDGED:
        return check
    counting = matches.counting(check.id)
    match = matches.checks.get(check.id)
    if match is None or not check.violation_count:
        nothing = "it names no violations, so there is nothing that can be accepted"
        return _said(check, f"Not accepted: {nothing}") if counting and check.outcome is Outcome.FAIL else check
    still_open = check.violation_count - match.accepted - match.reopened
    found = Acceptance(match.accepted, match.reopened, still_open, match.until, check.outcome)
    if found.is_whole:
        message = f"{found.accepted:,} accepted until {found.until}: {check.message}"
        whole = replace(check, outcome=Outcome.WARN, message=message, escalate=None, accepted=found)
        return _said(whole, "; ".join(_answers(match, matches)))
    exceeded = [number for number in counting if number in matches.exceeded]
    if not (found.accepted or found.reopened or exceeded):
        return check
    return _said(replace(check, accepted=found), "; ".join(_part(found, match, matches, exceeded)))


def _answers(match: CheckMatch, matches: EntryMatches) -> Iterator[str]:
    """Who accepted it and why, each pair once."""
    entries = [matches.file.entries[number - 1] for number in match.entries]
    said = dict.fromkeys((entry.owner, entry.reason) for entry in entries)
    yield from (f"Accepted by {owner}: {reason}" for owner, reason in list(said)[:MOST_NAMED])
    if len(said) > MOST_NAMED:
        yield f"and for {len(said) - MOST_NAMED} more reasons"


def _part(found: Acceptance, match: CheckMatch, matches: EntryMatches, exceeded: list[int]) -> Iterator[str]:
    """What keeps the check from being accepted as a whole."""
    total = found.accepted + found.reopened + found.open
    until = f" until {found.until}" if found.until else ""
    yield f"{found.accepted:,} of {total:,} accepted{until}"
    if found.reopened:
        yield f"{found.reopened:,} re-opened because their values changed"
    for number in exceeded[:MOST_NAMED]:
        entry = matches.file.entries[number - 1]
        yield f"entry {number} accepts none: {matches.exceeded[number]:,} of at most {entry.maximum:,}"
    if match.listed < total:
        yield f"{total - match.listed:,} are not listed and cannot be accepted"


def _said(check: Check, sentence: str) -> Check:
    """The check with a further sentence in its detail."""
    return replace(check, detail="; ".join(filter(None, (check.detail, sentence))))
