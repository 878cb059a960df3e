"""The maintenance window: when the migration may run, in a stated time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from recon.errors import UsageError
from recon.preflight.wording import span_words, utc_text

if TYPE_CHECKING:
    from datetime import tzinfo

FORM = "START/END ZONE, such as 2026-12-01 22:00/2026-12-02 02:00 Europe/Berlin"
MOMENT = re.compile(
    r"(?P<local>\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2})?)\s*(?P<offset>[Zz]|[+-]\d{2}:?\d{2})?(?:\s+(?P<zone>\S+))?"
)


@dataclass(frozen=True)
class MaintenanceWindow:
    """From `start` to `end`, both in UTC; `zone` is the one that people named, for messages."""

    start: datetime
    end: datetime
    zone: str

    @property
    def words(self) -> str:
        """Its hours in the zone that people named, and how long it is."""
        zone = _zone(self.zone)
        start, end = (f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" for moment in (self.start, self.end))
        return f"{start} to {end} {self.zone} ({span_words(self.end - self.start)})"

    @property
    def document(self) -> dict[str, str]:
        """As it is recorded."""
        return {"start": utc_text(self.start), "end": utc_text(self.end), "zone": self.zone}


def recorded_window(document: object) -> MaintenanceWindow | None:
    """The window of a recorded `document`; None where it records that none is needed."""
    if not isinstance(document, dict) or "start" not in document:
        return None
    start, end = (datetime.fromisoformat(document[key]) for key in ("start", "end"))
    return MaintenanceWindow(start, end, document["zone"])


def parse_window(text: str, now: datetime) -> MaintenanceWindow:
    """Read a window; its zone is a name of the IANA or an offset, behind the end or behind each time.

    Raises:
        UsageError: It has another form, no zone or an unknown one, ends before it starts, or is over; or one of its
            times is skipped or comes twice when the clocks change.
    """
    first, slash, last = text.partition("/")
    # A zone may hold a slash: the window's is the one before a second date.
    cut = re.search(r"/\s*(?=\d{4}-)", text)
    if cut:
        first, slash, last = text[: cut.start()], "/", text[cut.end() :]
    found = [MOMENT.fullmatch(side.strip()) for side in (first, last)]
    if not slash or None in found:
        raise _refused("The window is not understood", FORM, text[:200] or "nothing")
    starts, ends = (one for one in found if one)
    end_zone = ends["offset"] or ends["zone"]
    start_zone = starts["offset"] or starts["zone"] or end_zone
    if not start_zone or not end_zone:
        raise _refused("The window has no time zone", FORM, text[:200])
    window = MaintenanceWindow(
        _moment(starts["local"], start_zone),
        _moment(ends["local"], end_zone),
        ends["zone"] or starts["zone"] or (end_zone.upper() if end_zone in "Zz" else end_zone),
    )
    _zone(window.zone)
    if window.end <= window.start:
        raise _refused("The window ends before it starts", "an end after the start", window.words)
    if window.end <= now:
        raise _refused("The window is over", f"an end after now, {utc_text(now)}", window.words)
    return window


def _moment(local: str, zone_name: str) -> datetime:
    zone = _zone(zone_name)
    try:
        plain = datetime.fromisoformat(local)
    except ValueError:
        raise _refused("The window has a time that does not exist", "a date and a time", local) from None
    early, late = (plain.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if early.utcoffset() != late.utcoffset():
        exists = early.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == plain
        problem = "comes twice" if exists else "is skipped"
        raise _refused(
            f"A time of the window {problem} when the clocks change",
            "another time, or one with its offset, such as 2026-10-25 02:30+01:00",
            f"{local} {zone_name}",
        )
    try:
        return early.astimezone(UTC)
    except OverflowError:
        raise _refused("The window has a time that does not exist", "a year of 2 to 9998", local) from None


def _zone(name: str) -> tzinfo:
    try:
        if name.upper() in {"Z", "UTC"}:
            return UTC
        if name[0] in "+-":
            found = datetime.strptime(name, "%z").tzinfo
            assert found is not None  # noqa: S101 - %z yields one
            return found
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise _refused("The time zone is unknown", "a name such as Europe/Berlin, UTC or +01:00", name[:100]) from None


def _refused(what: str, expected: str, found: str) -> UsageError:
    return UsageError(what, where="--window", expected=expected, found=found)
