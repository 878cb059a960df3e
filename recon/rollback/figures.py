"""What the last rehearsal measured, kept beside the runs, for the plans made after it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from recon.rollback.files import write_private

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

REHEARSAL = "rehearsal.json"


class RehearsedFigures(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What was measured on a scratch database.

    Attributes:
        at: When.
        identity: What distinguishes the database of the backup.
        backup: Its folder.
        rows: Number of its rows.
        restore_s: Seconds until it was restored where nothing else was.
        level_1_s: Seconds that undoing the run took; None: it was not played.
        level_1_rows: Number of rows that this deleted or changed back.
        level_2_s: Seconds until the backup was in the place of what was there.
        outage_s: For how many of these nobody else could use the database.
    """

    at: datetime
    identity: dict[str, str]
    backup: str
    rows: int
    restore_s: float
    level_1_s: float | None = None
    level_1_rows: int = 0
    level_2_s: float
    outage_s: float

    def words(self, now: datetime) -> str:
        """The figures with their age, one sentence."""
        level_1 = (
            "Level 1 was not played"
            if self.level_1_s is None
            else f"Level 1 took {duration(self.level_1_s)} for {self.level_1_rows:,} rows"
        )
        return (
            f"Rehearsed {_age((now - self.at).total_seconds())} ago on a scratch database with {self.rows:,} rows: "
            f"{level_1}; Level 2 took {duration(self.restore_s + self.level_2_s)} with its check, of which nobody "
            f"could use the database for {duration(self.outage_s)}"
        )


def duration(seconds: float) -> str:
    """A time span in words: 3.2 minutes, or 4.1 s."""
    return f"{seconds / 60:,.1f} minutes" if seconds >= 60 else f"{seconds:.1f} s"


def _age(seconds: float) -> str:
    hours = max(0.0, seconds) / 3600
    if hours < 1:
        return f"{hours * 60:.0f} minutes"
    return f"{hours:.1f} hours" if hours < 72 else f"{hours / 24:.0f} days"


def write_figures(folder: Path, figures: RehearsedFigures) -> None:
    """Write the figures into the folder of a rehearsal.

    Raises:
        OutputError: They cannot be written.
    """
    write_private(folder / REHEARSAL, msgspec.json.encode(figures) + b"\n")


def last_figures(outputs: Path, identity: Mapping[str, str]) -> RehearsedFigures | None:
    """The figures of the last rehearsal for a database; None: there was none, or none that can be read."""
    return max(_figures_of(outputs, identity), key=lambda each: each.at, default=None)


def _figures_of(outputs: Path, identity: Mapping[str, str]) -> Iterator[RehearsedFigures]:
    for file in outputs.glob(f"*/{REHEARSAL}"):
        try:
            found = msgspec.json.decode(file.read_bytes(), type=RehearsedFigures)
        except (OSError, msgspec.DecodeError):
            continue
        known = found.identity.keys() & identity.keys()
        if known and all(found.identity[key] == identity[key] for key in known) and found.at.tzinfo:
            yield found
