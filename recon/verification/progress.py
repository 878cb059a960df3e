"""The steps of a verification: who is told of them, and how long each takes."""

from __future__ import annotations

from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.bundle import Bundle
    from recon.model import Check, Ledger, SnapshotInfo
    from recon.rules import Rule
    from recon.verification.options import VerifyOptions


class Listener(Protocol):
    """Told of each step as it happens, so that the console can print it."""

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


class Silent:
    """A listener that says nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


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
