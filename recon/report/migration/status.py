"""Where a guided migration stands, for `recon status`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from recon.model.migration import BY_IMPORTER
from recon.report.console import RULE
from recon.report.migration.console import timeline_lines
from recon.report.migration.words import ending, facts, headline, moment, place, resume_command, shown
from recon.report.text import age_words, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from recon.model.migration import Migration

MOST_OF_LINE = 200
COLOURING = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
ALIVE = {
    True: "The importer is running",
    False: "The importer is not running",
    None: "It is not known whether the importer is running",
}


def status_lines(
    folder_name: str, migration: Migration, now: datetime, alive: bool | None, last_lines: Sequence[str]
) -> list[str]:
    """The block that says what it is about, every step, where it stands, and the command that continues.

    Args:
        folder_name: The name of its folder.
        migration: What to show.
        now: The present, which durations are counted to.
        alive: Whether the importer is running; None: that is not known.
        last_lines: The last lines of the importer's output; control characters, e-mail addresses and phone numbers
            are not shown.
    """
    return list(_lines(folder_name, migration, now, alive, last_lines))


def _lines(
    folder_name: str, migration: Migration, now: datetime, alive: bool | None, last_lines: Sequence[str]
) -> Iterator[str]:
    yield from (RULE, f"  Migration of {shown(migration.name)}", f"  {headline(migration)}", RULE, "")
    yield from (f"  - {label}: {value}" for label, value in facts(migration))
    yield from (f"  - Folder: {printable(folder_name)}", "")
    yield from (*timeline_lines(migration), "")
    if not migration.is_open:
        yield ending(migration)
        return
    at = place(migration)
    where = f"At step {shown(at.title, 40)}" if at.step else "Every step has passed,"
    yield f"{where} since {moment(at.since)}, for {age_words(max(now - at.since, timedelta(0)))}"
    yield from _importer(alive, last_lines, is_its_step=at.step in BY_IMPORTER)
    yield ""
    yield f"{'When it has ended, continue' if alive else 'Continue'}: {resume_command(printable(folder_name))}"


def _importer(alive: bool | None, last_lines: Sequence[str], *, is_its_step: bool) -> Iterator[str]:
    if is_its_step or alive:
        yield ALIVE[alive]
    if last_lines:
        yield from ("", "The last lines of its output:", *(f"  | {_plain(line)}" for line in last_lines))


def _plain(line: str) -> str:
    """What a terminal would leave of a line: without colours, and of a progress bar its newest state."""
    return shown(COLOURING.sub("", line).rstrip("\r\n").rpartition("\r")[2], MOST_OF_LINE)
