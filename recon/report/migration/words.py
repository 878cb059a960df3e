"""What every format says of a guided migration: where it stands, its attempts step by step, and their marks."""

from __future__ import annotations

import re
import shlex
import signal
from dataclasses import dataclass
from datetime import UTC, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from recon.masking import mask_text
from recon.model import Outcome, Verdict
from recon.model.migration import BY_IMPORTER, STEPS
from recon.report.text import age_words, cut

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from recon.model.migration import Migration, MigrationStep

MOST = 600
MOST_OF_NAME = 80
DESPITE = "WARN: despite"
UNDECIDED = "...."
EXACT_BELOW_S = 10
NOT_BEGUN = "not begun"
MASKABLE = re.compile(r"[@\d]")
BY_GATE = {Verdict.PASSED: Outcome.PASS, Verdict.FAILED: Outcome.FAIL, Verdict.INCOMPLETE: Outcome.ERROR}


@dataclass(frozen=True)
class Attempt:
    """One attempt at a step, in words.

    Attributes:
        number: Which attempt at its step it is, from 1.
        is_current: Whether the migration stands at it: its gate has not been reached.
    """

    step: MigrationStep
    number: int
    is_current: bool

    @property
    def outcome(self) -> Outcome | None:
        """What its gate said, WARN where it was passed although it did not hold; None: it was not reached."""
        if self.step.gate is None:
            return None
        found = BY_GATE[self.step.gate]
        return Outcome.WARN if self.step.despite and found is not Outcome.PASS else found

    @property
    def mark(self) -> str:
        """Its outcome as it stands between brackets."""
        if self.outcome is None:
            return UNDECIDED
        return DESPITE if self.outcome is Outcome.WARN else str(self.outcome)

    @property
    def took(self) -> str:
        """How long it took."""
        if self.step.duration_ms is None:
            return "open" if self.is_current else "not known"
        seconds = self.step.duration_ms / 1000
        return f"{seconds:.1f} s" if seconds < EXACT_BELOW_S else age_words(timedelta(seconds=seconds))

    @property
    def by(self) -> str:
        """Who answered its question; empty: nobody is recorded."""
        return shown(self.step.by or "", MOST_OF_NAME)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Its sentences: where it stands or how it ended, and why its gate was passed nevertheless."""
        despite = f"Passed despite this: {shown(self.step.despite or '')}" if self.outcome is Outcome.WARN else ""
        return tuple(filter(None, (shown(self.step.message), despite)))

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """What else is recorded, as label and value."""
        step = self.step
        named = {
            "Exit code": None if step.exit_code is None else exit_words(step.exit_code),
            "Bundle": step.bundle,
            "Run ID": step.run_id,
            "Made": step.kept,
        }
        return tuple((label, shown(value)) for label, value in named.items() if value)

    @property
    def asked_by(self) -> str:
        """What its commands are."""
        return "Importer" if self.step.name in BY_IMPORTER else "Command"


@dataclass(frozen=True)
class StepAttempts:
    """A step with its attempts in their order; without any, it has not begun."""

    title: str
    attempts: tuple[Attempt, ...]

    @property
    def last(self) -> Attempt | None:
        """The newest attempt; None: the step has not begun."""
        return self.attempts[-1] if self.attempts else None


@dataclass(frozen=True)
class Place:
    """Where an open migration stands.

    Attributes:
        step: The step's name; None: every gate has been passed.
        since: When it came there.
    """

    step: str | None
    since: datetime

    @property
    def title(self) -> str:
        """The step's heading."""
        return STEPS.get(self.step or "", self.step or "")


def steps_of(migration: Migration) -> tuple[StepAttempts, ...]:
    """Every step in its order, the attempts at it below one another; last, steps that are not known."""
    names = dict.fromkeys((*STEPS, *(step.name for step in migration.steps)))
    return tuple(StepAttempts(STEPS.get(name, shown(name, 40)), tuple(_attempts(migration, name))) for name in names)


def _attempts(migration: Migration, name: str) -> Iterator[Attempt]:
    last = migration.steps[-1] if migration.steps else None
    for number, step in enumerate((step for step in migration.steps if step.name == name), 1):
        yield Attempt(step, number, migration.is_open and step is last and step.gate is None)


def place(migration: Migration) -> Place:
    """Where it stands, if it is open."""
    steps = migration.steps
    if not steps:
        return Place(migration.next_step, migration.started_at)
    last = steps[-1]
    name = last.name if last.gate is None else migration.next_step
    if name != last.name:
        return Place(name, last.started_at + timedelta(milliseconds=last.duration_ms or 0))
    tried = takewhile(lambda step: step.name == name, reversed(steps))
    return Place(name, min(step.started_at for step in tried))


def headline(migration: Migration) -> str:
    """Where it stands or how it ended, in a few words."""
    if migration.is_open:
        at = place(migration)
        return f"Open: at step {shown(at.title, 40)}" if at.step else "Open: every step has passed"
    if migration.verdict and migration.outcome == "verified":
        return f"Verification {migration.verdict}"
    return shown(migration.outcome, 40).capitalize() or "Ended"


def kind(migration: Migration) -> str:
    """The class of its state: a verdict, "open" or "abandoned"."""
    if migration.is_open:
        return "open"
    return str(migration.verdict) if migration.verdict and migration.outcome == "verified" else "abandoned"


def ending(migration: Migration) -> str:
    """The last sentence on it: the verdict, or why there is none."""
    if migration.is_open:
        return "There is no verdict yet."
    if kind(migration) != "abandoned":
        return f"The verification {migration.verdict}."
    verdict = f"the verification {migration.verdict}" if migration.verdict else "there is no verdict"
    return f"It was {shown(migration.outcome, 40) or 'ended'}, and {verdict}."


def facts(migration: Migration) -> tuple[tuple[str, str], ...]:
    """What is known of it beside its steps, as label and value."""
    ended = migration.closed_at
    named = {
        "Database": shown(migration.database),
        "Environment": shown(migration.environment),
        "Begun": f"{moment(migration.started_at)} by {shown(migration.by, MOST_OF_NAME) or 'somebody'}",
        "Ended": f"{moment(ended)}, {age_words(ended - migration.started_at)} later" if ended else "",
        "Reason": shown(migration.reason),
    }
    return tuple((label, value) for label, value in named.items() if value)


def asked_for(named: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Options or an importer's properties, as label and value; what was not given is left out."""
    return tuple((shown(name, MOST_OF_NAME), shown(_words(value))) for name, value in named.items() if _words(value))


def _words(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return shlex.join(map(_words, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}={_words(one)}" for name, one in value.items())
    return str(value)


def resume_command(folder_name: str) -> str:
    """The command that continues an open migration."""
    return shlex.join(("recon", "migrate", "--resume", folder_name))


def exit_words(code: int) -> str:
    """An exit code; of a process that a signal ended, the signal's name."""
    if code >= 0:
        return str(code)
    known = {number.value: number.name for number in signal.Signals}
    return f"none: it was ended by {known.get(-code, f'signal {-code}')}"


def moment(instant: datetime) -> str:
    """An instant for people: 2024-01-15 14:30:00 UTC."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def shown(text: str, most: int = MOST) -> str:
    """One line of text from the record, of at most so many characters, without e-mail addresses and phone numbers."""
    # People type names and reasons, so these are masked here as well; what is cut off anyway is not searched.
    part = text[: 4 * most]
    return cut(mask_text(part) if MASKABLE.search(part) else part, most)
