"""Faults that can be switched on, to see what a verification makes of them: what goes wrong in real imports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from club import Imported


def lose_rows(imported: Mapping[str, Imported]) -> None:
    """Every tenth registration is reported and never written."""
    del imported["registrations"].inserted[::10]


def lose_batch(imported: Mapping[str, Imported]) -> None:
    """The last batch of registrations, half of them, is reported and never written."""
    rows = imported["registrations"].inserted
    del rows[len(rows) // 2 :]


def truncate(imported: Mapping[str, Imported]) -> None:
    """Titles are cut at twelve characters."""
    _change(imported["events"], "title", lambda title: title[:12])


def shift_times(imported: Mapping[str, Imported]) -> None:
    """The hour of events is taken for that of another time zone, three hours off."""
    _change(imported["events"], "startTime", lambda time: f"{time[:11]}{(int(time[11:13]) + 3) % 24:02}{time[13:]}")


def lose_phones(imported: Mapping[str, Imported]) -> None:
    """Phone numbers are not written."""
    _change(imported["members"], "phone", lambda _: None)


def lose_tiers(imported: Mapping[str, Imported]) -> None:
    """No member gets a tier."""
    _change(imported["members"], "membershipTierId", lambda _: None)


def swap_names(imported: Mapping[str, Imported]) -> None:
    """First and last names are exchanged."""
    for row in (*imported["members"].inserted, *imported["members"].updated):
        row["firstName"], row["lastName"] = row["lastName"], row["firstName"]


def _change(imported: Imported, name: str, change: Callable[[Any], Any]) -> None:
    for row in (*imported.inserted, *imported.updated):
        row[name] = change(row[name]) if row.get(name) else row.get(name)


FAULTS: dict[str, Callable[[Mapping[str, Imported]], None]] = {
    "lose-rows": lose_rows,
    "lose-batch": lose_batch,
    "truncate": truncate,
    "shift-times": shift_times,
    "lose-phones": lose_phones,
    "lose-tiers": lose_tiers,
    "swap-names": swap_names,
}
"""What is wrong with the rows that are written; the report says nothing of it."""

OF_THE_RUN = {
    "no-audit": "The application does not learn of the run: no row in its audit table.",
    "no-bundle": "The import ends without a bundle.",
    "dry-run-writes": "A dry run writes, too.",
    "die": "The import ends after it was committed, before it writes its bundle.",
    "hang": "The import never ends.",
    "two-bundles": "The import leaves a second bundle beside its own.",
    "older-bundle": "The bundle is that of an import of yesterday.",
    "fail": "The import ends with an error before it is committed.",
}
"""What is wrong with the run itself, in words."""
