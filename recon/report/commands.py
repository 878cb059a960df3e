"""Commands to copy: those that show the rows of a check."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recon.verification.options import VerifyOptions


@dataclass(frozen=True)
class ShowCommand:
    """The command that answers questions about a judgement.

    Attributes:
        judged: The folder of a run, or a bundle.
        options: The words that follow the question.
    """

    judged: str
    options: tuple[str, ...] = ()

    def line(self, *question: str) -> str:
        """Return it with a question, as a line for a shell."""
        return shlex.join(("recon", "show", self.judged, *question, *self.options))


def command_for(options: VerifyOptions) -> ShowCommand:
    """Return the command that judges the same bundle again."""
    return ShowCommand(options.bundle_text, tuple(options.words()))
