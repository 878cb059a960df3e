"""A run of a small club with findings of several kinds, and what was planted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edited_clubs import edited_club

import recon

if TYPE_CHECKING:
    from pathlib import Path

    from edited_clubs import EditedClub

    from recon.demo import DemoPaths

LONG_ID, ZEROS = "12345678901234567890", "007"
FORMULA, MARKUP = '=HYPERLINK("a","b")', "<r>Doe</r>"


class FoundRun:
    """Two missing members, of whom one has an id with zeros and a name like a formula; an altered phone; and so on."""

    def __init__(self, folder: Path, **options: Any) -> None:
        club = edited_club(members=20, events=10, registrations=60)
        pairs = club.pairs("members")
        (self.missing, row), (self.other, other), self.altered = pairs[:3]
        club.free_of_registrations(row["id"], other["id"])
        for _, gone in pairs[:2]:
            club.remove("members", row=gone)
        rename(club, self.missing, ZEROS)
        rename(club, self.altered[0], LONG_ID)
        self.missing |= {"firstName": FORMULA, "lastName": MARKUP}
        self.altered[1]["phone"] = "+49 30 1234"
        self.untiered = pairs[3][1]
        self.untiered["membershipTierId"] = None
        self.event, changed = club.pairs("events")[0]
        changed["startTime"] = "2024-03-01 09:30:00.000"
        self.paths: DemoPaths = club.write(folder)
        self.environment = {"DATABASE_URL": str(self.paths.database)}
        verify = recon.VerifyOptions(self.paths.bundle, environment=self.environment, **options)
        done = recon.run(recon.RunOptions(verify, outputs=folder / "outputs", parts=("snapshot",)))
        self.run, self.verified_on = done.folder.path, done.verification.verified_at.date()


def rename(club: EditedClub, record: dict[str, Any], wa_id: str) -> None:
    """Give a member another Wild Apricot id, wherever it stands."""
    old = record["_waId"]
    club.mapping_of(record)["waId"] = wa_id
    for mapping in club.report["idMapping"]["members"]:
        if mapping["waId"] == old:
            mapping["waId"] = wa_id
    record["_waId"] = wa_id
