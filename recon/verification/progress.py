"""The steps of a verification: who is told of them, and how long each takes."""

from __future__ import annotations

from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING

from recon.errors import UsageError, suggest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.bundle import Bundle
    from recon.model import Check, Ledger, SnapshotInfo
    from recon.rules import Rule
    from recon.verification.options import VerifyOptions


class Listener:
    """Hears of each step as it happens; a listener overrides the events that it shows.

    Raises:
        UsageError: A subclass has a method that is nearly, but not quite, an event.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name in vars(cls):
            event = None if name in EVENTS else suggest(name, EVENTS)
            if event:
                raise UsageError("A listener has an event that there is none of", found=repr(name), next_step=event)

    def bundle_opening(self, options: VerifyOptions, started_at: datetime) -> None:
        """The run starts."""

    def bundle_opened(self, bundle: Bundle, started_at: datetime) -> None:
        """The bundle is valid."""

    def database_opening(self) -> None:
        """The database is about to be opened."""

    def rows_read(self, table: str, rows: int) -> None:
        """So many rows of a canonical table were read so far."""

    def database_read(self, snapshot: SnapshotInfo) -> None:
        """All tables are read."""

    def checks_starting(self, rules: Sequence[Rule]) -> None:
        """The rules are about to be evaluated."""

    def check_done(self, check: Check) -> None:
        """One rule was evaluated."""

    def accounted(self, ledger: Ledger) -> None:
        """Every record and row is accounted for, after the last check."""

    def report_writing(self) -> None:
        """The verdict is reached, and what shows it is about to be written."""


EVENTS = tuple(name for name in vars(Listener) if not name.startswith("_"))


def require_listener(listener: Listener | None) -> Listener:
    """The listener, or one that says nothing where there is none.

    Raises:
        UsageError: It lacks an event, which may be one that is misspelt.
    """
    if listener is None:
        return Listener()
    lacking = next((event for event in EVENTS if not callable(getattr(listener, event, None))), None)
    if lacking:
        raise UsageError(
            "A listener lacks an event",
            where=type(listener).__name__,
            expected=f"the methods {', '.join(EVENTS)}",
            found=f"no {lacking}",
            next_step="Derive it from recon.verification.progress.Listener, which has them all",
        )
    return listener


class Stopwatch:
    """Milliseconds by step."""

    def __init__(self) -> None:
        self.started_at = datetime.now(UTC)
        self.started = self._last = perf_counter()
        self.steps_ms: dict[str, int] = {}

    def lap(self, step: str) -> None:
        """The time since the last lap belongs to `step`."""
        now = perf_counter()
        self.steps_ms[step] = round((now - self._last) * 1000)
        self._last = now

    @property
    def total_ms(self) -> int:
        """Since the start."""
        return round((perf_counter() - self.started) * 1000)
