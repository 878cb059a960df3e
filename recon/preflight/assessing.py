"""Carries an assessment out, part by part: one that cannot be evaluated hides no other."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

from recon.database.secrets import without_secrets
from recon.errors import ReconError, lack_of_resources, visible
from recon.model import Assessment, Check, Fact, Part, Probe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

BUG = "This is a bug in recon: please report it, with RECON_TRACEBACK=1 for the details"


@dataclass(frozen=True)
class Step:
    """One part to assess.

    Attributes:
        name: As on the command line, e.g. "environment".
        title: Its heading.
        ask: Yields facts and checks as they are found. A ReconError ends this part only, as a check that could not be
            evaluated.
    """

    name: str
    title: str
    ask: Callable[[], Iterator[Fact | Check]]


class AssessmentListener(Protocol):
    """What an assessment reports to while it goes on."""

    def assessment_starting(self, title: str, started_at: datetime) -> None:
        """Called once, before the first part."""

    def part_starting(self, number: int, total: int, title: str) -> None:
        """Called before each part; `number` starts at 1."""

    def found(self, finding: Fact | Check) -> None:
        """Called for each fact and check, as soon as it is known."""


class Unheard:
    """A listener that does nothing."""

    def assessment_starting(self, title: str, started_at: datetime) -> None:
        """Do nothing."""

    def part_starting(self, number: int, total: int, title: str) -> None:
        """Do nothing."""

    def found(self, finding: Fact | Check) -> None:
        """Do nothing."""


def assess(kind: str, title: str, steps: Sequence[Step], listener: AssessmentListener | None = None) -> Assessment:
    """Assess each part in order.

    Args:
        kind: The assessment's name for programs.
        title: The heading of its reports.
        steps: The parts, at least one.
        listener: Receives what is found as it is found; None: nobody does.
    """
    listener = listener or Unheard()
    started_at, start = datetime.now(UTC), perf_counter()
    listener.assessment_starting(title, started_at)
    parts = []
    for number, step in enumerate(steps, 1):
        listener.part_starting(number, len(steps), step.title)
        parts.append(_part(step, listener))
    return Assessment(kind, title, started_at, _milliseconds(start), tuple(parts))


def _part(step: Step, listener: AssessmentListener) -> Part:
    start = perf_counter()
    facts: list[Fact] = []
    checks: list[Check] = []
    for finding in _findings(step):
        listener.found(finding)
        if isinstance(finding, Fact):
            facts.append(finding)
        else:
            checks.append(finding)
    return Part(step.name, step.title, tuple(facts), tuple(checks), _milliseconds(start))


def _findings(step: Step) -> Iterator[Fact | Check]:
    """What the part yields; in the place of an error that ends it, a check that says so."""
    probe = Probe(
        f"{step.name}_evaluated",
        step.title,
        step.name,
        f"{step.title} can be evaluated to its end.",
        "Nothing is known beyond the checks above: this one was ended by an error",
        "Do what the message says, and ask again",
    )
    try:
        yield from step.ask()
    except ReconError as error:
        yield probe.not_evaluated(error.message)
    except Exception as error:
        if os.environ.get("RECON_TRACEBACK"):
            raise
        lacking = lack_of_resources(error)
        found = f"{type(error).__name__}: {visible(without_secrets(str(error)))}. {BUG}"
        yield probe.not_evaluated(lacking.message if lacking else found)


def _milliseconds(start: float) -> int:
    return round((perf_counter() - start) * 1000)
