"""A run to explore: of a small club with missing members and events whose names and titles are hostile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edited_clubs import edited_club
from shared_runs import HOSTILE

import recon

if TYPE_CHECKING:
    from pathlib import Path

FIRST, LAST, PHONE = "Jolanthe", "Quisenberry", "+49 30 5557391"
"""What a masked table never shows, of the member with an altered phone number; its address is made of the names."""
TITLES = (*HOSTILE[:3], "\u202eto left, right\u200f", "y" * 10_000)
"""Of the missing events; those that are no member's name are not masked."""


class ExploredRun:
    """Missing members and events with hostile names, an altered phone number, and a snapshot of it all."""

    def __init__(self, folder: Path) -> None:
        club = edited_club(members=20, events=12, registrations=60)
        members, events = club.pairs("members"), club.pairs("events")
        self.missing = [record for record, _ in members[: len(HOSTILE)]]
        self.events = [record for record, _ in events[: len(HOSTILE)]]
        gone = members[: len(HOSTILE)] + events[: len(HOSTILE)]
        club.free_of_registrations(*(row["id"] for _, row in gone))
        named = ((members, "members", "firstName", HOSTILE), (events, "events", "title", TITLES))
        for pairs, entity, name, texts in named:
            for (record, row), text in zip(pairs, texts, strict=False):
                club.remove(entity, row=row)
                record[name] = text
        self.altered, row = members[len(HOSTILE)]
        person = {"firstName": FIRST, "lastName": LAST, "email": f"{FIRST}.{LAST}@secret.example".lower()}
        self.altered |= person
        row |= person | {"phone": PHONE}
        self.paths = club.write(folder)
        verify = recon.VerifyOptions(self.paths.bundle, environment={"DATABASE_URL": str(self.paths.database)})
        done = recon.run(recon.RunOptions(verify, outputs=folder / "outputs", parts=("snapshot",)))
        self.run = done.folder.path
