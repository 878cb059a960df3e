"""Commands to copy: those that show the rows of a check."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recon.model import Check
    from recon.verification.options import VerifyOptions

TABLE_ROWS = 100
"""How many rows of a table the command shows unless it is asked for more."""
MOST_ROWS = 100_000
"""More rows are not shown in a terminal."""


@dataclass(frozen=True)
class ShowCommand:
    """The command that answers questions about a judgement.

    Attributes:
        judged: The folder of a run, or a bundle.
        options: The words that follow the question.
        judges: Whether it judges anew, and may keep more rows than were kept; False: it asks a run.
    """

    judged: str
    options: tuple[str, ...] = ()
    judges: bool = False

    def line(self, *question: str) -> str:
        """Return it with a question, as a line for a shell."""
        return shlex.join(("recon", "show", self.judged, *question, *self.options))

    def rest_of(self, check: Check, shown: int) -> tuple[str, str] | None:
        """Return how many rows of a check follow the first ones, in words, and the command that shows all.

        Args:
            check: Whose rows they are.
            shown: How many of them are shown already.

        Returns:
            "and 37 more", of a run that kept fewer "and 2,990 more, 990 of which were kept", and the command; None: it
            would show no further row.
        """
        count, kept = check.violation_count or 0, check.violations.height
        found = count if self.judges and count <= MOST_ROWS else kept
        if found <= min(shown, kept):
            return None
        words = f"and {count - min(shown, kept):,} more"
        if found < count:
            words += f", {found - shown:,} of which were kept"
        rows = ("--rows", str(found)) if found > TABLE_ROWS else ()
        line = self.line("check", check.id, *rows)
        # The last of two counts.
        return words, f"{line} --evidence-rows {found}" if found > kept else line


def command_for(options: VerifyOptions) -> ShowCommand:
    """Return the command that judges the same bundle again."""
    return ShowCommand(options.bundle_text, tuple(options.words()), judges=True)
