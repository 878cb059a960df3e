"""The way back from a migration: how long undoing it took when that was rehearsed, and the backup to restore."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from recon.report.text import age_words, plural
from recon.rollback.figures import RehearsedFigures, duration

if TYPE_CHECKING:
    from collections.abc import Iterator

NOT_REHEARSED = "not rehearsed, so how long it takes is not known"


class Undone(NamedTuple):
    """What is undone: the bundle, and the profile as it was named; None: the built-in one."""

    bundle: str
    profile: str | None = None

    @property
    def words(self) -> str:
        """The options that name both, for a shell."""
        return shlex.join(("--bundle", self.bundle, *(("--profile", self.profile) if self.profile else ())))


class WayBack(Struct, frozen=True, rename="camel", kw_only=True):
    """What a run's folder keeps of the way back, in way_back.json.

    Attributes:
        rehearsed: What the last rehearsal before the run measured; None: there was none of this database.
        backup: The folder of the backup; None: none is known.
        backup_at: The instant that it shows; None: not known.
    """

    rehearsed: RehearsedFigures | None = None
    backup: str | None = None
    backup_at: datetime | None = None

    def lines(self, undone: Undone, now: datetime) -> list[tuple[str, str]]:
        """What to say of it, as label and words; `now`: the instant that ages are relative to."""
        return list(self._lines(undone, now))

    def _lines(self, undone: Undone, now: datetime) -> Iterator[tuple[str, str]]:
        found = self.rehearsed
        if found is None:
            yield "How long it takes", "not known: undoing and restoring are not rehearsed"
        else:
            yield "Undo this run", f"Level 1, {self._level_1(found)}"
            outage = f"nobody can use the database for {duration(found.outage_s)} of it"
            level_2 = duration(found.restore_s + found.level_2_s)
            yield "Restore the backup", f"Level 2, took {level_2} with its check; {outage}"
            before = f"{age_words(now - found.at)} before this run"
            yield "Rehearsed", f"{day_and_time(found.at)}, {before}, with {plural(found.rows, 'row')}"
        yield "Backup", self._backup()
        if found is None:
            backup = shlex.quote(self.backup) if self.backup else "BACKUP"
            yield "To rehearse it", f"recon rollback rehearse {backup} {undone.words}"
        elif found.level_1_s is None:
            # It is undone in a copy that holds it.
            yield "To rehearse undoing", f"recon backup create, then recon rollback rehearse BACKUP {undone.words}"

    def _level_1(self, found: RehearsedFigures) -> str:
        if found.level_1_s is None:
            return NOT_REHEARSED
        return f"took {duration(found.level_1_s)} for {plural(found.level_1_rows, 'row')}"

    def _backup(self) -> str:
        if self.backup is None:
            return "none is known here: ask who made it"
        return f"{self.backup}, as of {day_and_time(self.backup_at)}" if self.backup_at else self.backup


def day_and_time(moment: datetime) -> str:
    """An instant for people, in UTC: 15 Jan 2024, 18:30 UTC."""
    return f"{moment.astimezone(UTC):%-d %b %Y, %H:%M} UTC"
