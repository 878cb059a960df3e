"""Commands to copy: those that show the rows of a check."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recon.verification.options import OPTIONS, VerifyOptions

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    return ShowCommand(options.bundle_text, tuple(_given(options)))


def _given(options: VerifyOptions) -> Iterator[str]:
    """The options that differ from their defaults, as they are written on the command line."""
    for name, declared in OPTIONS.items():
        value = getattr(options, name)
        if value is None or value == VerifyOptions.__dataclass_fields__[name].default:
            continue
        if declared.kind is bool:
            yield declared.flag
        else:
            for one in value if declared.is_many else (value,):
                yield from (declared.flag, str(one))
