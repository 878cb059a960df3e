"""The progress of a verification: the listener that is notified of each step, and how long each step takes."""

from __future__ import annotations

from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING

from recon.errors import UsageError, suggest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from recon.bundle import Bundle
    from recon.model import Check, Ledger, SnapshotInfo, Verification
    from recon.rules import Rule
    from recon.verification.options import VerifyOptions


class Listener:
    """Is notified of each step as it happens; a subclass overrides the events that it shows.

    Raises:
        UsageError: A subclass has a method whose name is close to that of an event, probably a misspelling.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name in vars(cls):
            event = None if name in EVENTS else suggest(name, EVENTS)
            if event:
                raise UsageError("A listener has a method for an unknown event", found=repr(name), next_step=event)

    def bundle_opening(self, options: VerifyOptions, started_at: datetime) -> None:
        """The run starts."""

    def bundle_opened(self, bundle: Bundle, started_at: datetime) -> None:
        """The bundle is valid."""

    def database_opening(self) -> None:
        """The database is about to be opened."""

    def rows_read(self, table: str, rows: int) -> None:
        """`rows` rows of the canonical table `table` have been read so far."""

    def database_read(self, snapshot: SnapshotInfo) -> None:
        """All tables have been read."""

    def accounting(self, step: str, number: int, total: int) -> None:
        """One of the ledger's `total` steps is about to be taken; `number` starts at 1."""

    def checks_starting(self, rules: Sequence[Rule]) -> None:
        """The rules are about to be evaluated."""

    def check_evaluated(self, number: int) -> None:
        """`number` rules have been evaluated so far; called before what was accepted of the last one is known."""

    def check_done(self, check: Check) -> None:
        """The check of one rule is known; in the rules' order."""

    def accounted(self, ledger: Ledger) -> None:
        """The ledger is complete; called after the last check."""

    def report_writing(self) -> None:
        """The verdict is reached, and reports are about to be written."""

    def part_starting(self, name: str, number: int, total: int) -> None:
        """One of the `total` parts of a run is about to be made: the notebook and its page are one."""

    def run_kept(self, verification: Verification, folder: Path, failed: Mapping[str, str]) -> None:
        """The folder of a run is in its place, without the parts that `failed`, for these reasons."""


EVENTS = tuple(name for name in vars(Listener) if not name.startswith("_"))


def require_listener(listener: Listener | None) -> Listener:
    """Return the listener, or a silent one if it is None.

    Raises:
        UsageError: The listener lacks an event, possibly a misspelt one.
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
        """Record the time since the last lap as that of `step`."""
        now = perf_counter()
        self.steps_ms[step] = round((now - self._last) * 1000)
        self._last = now

    @property
    def total_ms(self) -> int:
        """Milliseconds since the start."""
        return round((perf_counter() - self.started) * 1000)
