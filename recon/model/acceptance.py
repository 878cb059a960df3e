"""What of a judgement people accepted beforehand: on a check, and as a whole."""

from __future__ import annotations

from datetime import date

from msgspec import Struct

from recon.model.outcomes import Outcome


class Acceptance(Struct, frozen=True):
    """How many violations of a check are accepted; a check that is accepted as a whole does not fail.

    Attributes:
        accepted: Violations that an entry in force accepts.
        reopened: Violations that an entry in force names, and whose values are no longer those that were accepted.
        open: All others.
        until: The last day, by UTC, on which all that is accepted stays so; None: nothing is accepted.
        without: The outcome without any acceptance.
    """

    accepted: int
    reopened: int
    open: int
    until: date | None
    without: Outcome

    @property
    def is_whole(self) -> bool:
        """Whether every violation is accepted."""
        return not self.reopened and not self.open


class AcceptedDifferences(Struct, frozen=True):
    """The file of accepted differences that a judgement was reached with.

    Attributes:
        file: As it was named.
        entries: How many it has.
        expired: How many of them have expired, so that they accept nothing.
        problems: What a person has to see to, one sentence each; contains text from the file.
    """

    file: str
    entries: int
    expired: int
    problems: tuple[str, ...] = ()
