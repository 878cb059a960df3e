"""Who is to be notified that a migration is complete: the stakeholders of the sign-off, once it is verified (3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from recon.errors import DecisionError
from recon.masking import mask_text
from recon.preflight.people import stakeholders
from recon.report.text import markdown

if TYPE_CHECKING:
    from pathlib import Path

    from recon.model import Verification


class Verdicted(Protocol):
    """What is known of a verification, or of the summary of one."""

    @property
    def verdict(self) -> str:
        """The overall outcome."""

    @property
    def dry_run(self) -> bool:
        """Whether the bundle is of a dry run."""


def notice(judgement: Verdicted, outputs: Path | str) -> str | None:
    """Who is to be notified now.

    Args:
        judgement: The verdict on a migration, or on a dry run, which completes none.
        outputs: The folder of runs, which holds the file of decisions.

    Returns:
        Their names; None where the verdict is not PASSED, or nobody was recorded as notified of the migration.
    """
    if judgement.verdict != "PASSED" or judgement.dry_run:
        return None
    try:
        names = stakeholders(outputs)
    except DecisionError as error:
        return f"not known: {error.message}"
    return mask_text(", ".join(names)) or None


def notice_section(verification: Verification, outputs: Path | str) -> str:
    """The same as the last section of a Markdown report; empty where nobody is to be notified."""
    names = notice(verification, outputs)
    if names is None:
        return ""
    sentence = (
        "The verification passed, so the stakeholders can be notified that the migration is complete (runbook 3.1):"
    )
    return f"\n\n## Notify\n\n{sentence}\n\n- {markdown(names)}\n"
