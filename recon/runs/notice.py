"""Who is to be notified that a migration is complete: the stakeholders of the sign-off, once it is verified (3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.errors import DecisionError
from recon.preflight.people import stakeholders
from recon.report.text import markdown

if TYPE_CHECKING:
    from pathlib import Path

    from recon.model import Verification


def notice(verification: Verification, outputs: Path | str) -> str | None:
    """Who is to be notified now; None where the verdict is not PASSED, or nobody was recorded as notified."""
    if verification.verdict != "PASSED":
        return None
    try:
        names = stakeholders(outputs)
    except DecisionError as error:
        return f"not known: {error.message}"
    return ", ".join(names) or None


def notice_section(verification: Verification, outputs: Path | str) -> str:
    """The same as the last section of a Markdown report; empty where nobody is to be notified."""
    names = notice(verification, outputs)
    if names is None:
        return ""
    sentence = (
        "The verification passed, so the stakeholders can be notified that the migration is complete (runbook 3.1):"
    )
    return f"\n\n## Notify\n\n{sentence}\n\n- {markdown(names)}\n"
