"""What the entries of a file came to beside what was found."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import ClassVar

from msgspec import Struct

from recon.rules.acceptance.entries import AcceptanceFile


class CheckMatch(Struct, frozen=True):
    """What the entries came to at one check; numbers are those of violations.

    Attributes:
        listed: Those that are findings, the only ones that can be accepted.
        accepted: Those that an entry accepts.
        reopened: Those that an entry names by other values.
        until: The last day on which all that is accepted stays so; None: nothing is.
        entries: The entries that accept, by their numbers; the one that accepts most first.
    """

    listed: int
    accepted: int
    reopened: int
    until: date | None
    entries: tuple[int, ...]


class EntryMatches(Struct, frozen=True):
    """What the entries came to; each is named by its number, from 1.

    Attributes:
        expired: Those that count no longer.
        unapproved: Those that do not count because another person has to approve them.
        used: Those that name something that was found.
        exceeded: Those that accept nothing because there is more than their maximum, and how much there is.
        contradicting: Those that are about the same findings and say otherwise.
        disagreeing: An entry for many, and those for one that say otherwise of a finding that it is about.
        checks: By the id of the check, where it has findings.
    """

    QUERIES: ClassVar = ("by_check", "accepting", "used", "exceeded", "contradicting", "disagreeing")

    file: AcceptanceFile
    expired: tuple[int, ...]
    unapproved: tuple[int, ...]
    used: frozenset[int]
    exceeded: Mapping[int, int]
    contradicting: tuple[tuple[int, ...], ...]
    disagreeing: Mapping[int, tuple[int, ...]]
    checks: Mapping[str, CheckMatch]

    def counting(self, check_id: str) -> list[int]:
        """The entries of a check that count."""
        idle = {*self.expired, *self.unapproved}
        entries = enumerate(self.file.entries, 1)
        return [number for number, entry in entries if entry.check == check_id and number not in idle]
