"""Signs off: records who was notified of the migration, and its hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from recon.errors import UsageError, visible
from recon.preflight.decisions import Decision, decider, decisions_file, record_decision
from recon.preflight.people import SIGNOFF, checklist
from recon.preflight.windows import parse_window, recorded_window

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from recon.model import Fact

LONGEST = 2000


@dataclass(frozen=True)
class SignoffOptions:
    """What to record.

    Attributes:
        outputs: The folder of runs, which holds the file of decisions.
        notified: Who was notified; each may be several, separated by commas.
        window: The maintenance window, see `parse_window`.
        no_window: None is needed.
        by: Who signs; None: the account.
        note: What else is to be known.
        now: What counts as now; None: the clock.
    """

    outputs: Path | str = "outputs"
    notified: Sequence[str] = ()
    window: str | None = None
    no_window: bool = False
    by: str | None = None
    note: str | None = None
    now: datetime | None = None


@dataclass(frozen=True)
class Signoff:
    """What was recorded, and the runbook's checklist (1.1) after it."""

    decision: Decision
    path: Path
    checklist: tuple[Fact, ...]

    @property
    def lines(self) -> Iterator[str]:
        """What was recorded, one line each."""
        answers = self.decision.answers
        yield f"Recorded in {self.path}: {SIGNOFF} by {self.decision.by}"
        if "notified" in answers:
            yield f"Notified: {', '.join(answers['notified'])}"
        if "window" in answers:
            window = recorded_window(answers["window"])
            yield f"Maintenance window: {window.words if window else 'none is needed'}"
        if "note" in answers:
            yield f"Note: {answers['note']}"
        yield f"SHA-256 of the line: {self.decision.sha256}"


def sign_off(options: SignoffOptions) -> Signoff:
    """Record what was decided, and say what is still open.

    Raises:
        UsageError: There is nothing to record, nobody is named, or the window is not one to come.
        DecisionError, OutputError: It cannot be recorded.
    """
    now = options.now or datetime.now(UTC)
    answers = _answers(options, now)
    who = decider(options.by)
    path = decisions_file(options.outputs)
    decision = record_decision(path, SIGNOFF, who, answers)
    return Signoff(decision, path, checklist(options.outputs, now))


def _answers(options: SignoffOptions, now: datetime) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    if options.window is not None and options.no_window:
        raise UsageError("A window cannot be set and not be needed", where="--window, --no-window", expected="one")
    if options.notified:
        answers["notified"] = list(_names(options.notified))
    if options.window is not None:
        answers["window"] = parse_window(options.window, now).document
    if options.no_window:
        answers["window"] = {"needed": False}
    if options.note is not None:
        answers["note"] = _note(options.note)
    if not answers:
        raise UsageError(
            "There is nothing to sign",
            expected="who was notified, the maintenance window, or a note",
            found="nothing",
            next_step="Use --notified NAMES, --window START/END ZONE, --no-window or --note TEXT",
        )
    return answers


def _names(given: Sequence[str]) -> dict[str, None]:
    """Who was notified, each once."""
    names = dict.fromkeys(visible(name) for one in given for part in one.split(",") if (name := " ".join(part.split())))
    if not names or sum(map(len, names)) > LONGEST:
        raise UsageError(
            "Nobody is named as notified",
            where="--notified",
            expected=f"names, of {LONGEST} characters in all",
            found="nothing" if not names else f"{sum(map(len, names)):,} characters",
            next_step='Name them as in --notified "Board, webmaster"',
        )
    return names


def _note(text: str) -> str:
    note = visible(" ".join(text.split()))
    if not note or len(note) > LONGEST:
        raise UsageError(
            "The note says nothing" if not note else "The note is too long",
            where="--note",
            expected=f"1 to {LONGEST} characters",
            found=f"{len(note):,}",
        )
    return note
