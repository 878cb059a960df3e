"""Turns rows of exports into records of the application: what is written, and what the bundle reports."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exports import Row

Record: TypeAlias = dict[str, Any]

# The letters of the configuration's formats, in Python's.
LETTERS = (("YYYY", "%Y"), ("MM", "%m"), ("DD", "%d"), ("HH", "%H"), ("mm", "%M"), ("ss", "%S"))
REQUIRED = {
    "members": ("waId", "firstName", "lastName", "email"),
    "events": ("waId", "title", "startTime"),
    "registrations": ("waId", "memberId", "eventId"),
}
WORDS = {"firstName": "first name", "lastName": "last name", "startTime": "start date"}


class Rules:
    """What the club decided: which status, tier and category a word of Wild Apricot leads to, and how dates are read.

    Args:
        config: The content of migration-config.json.
        policies: Values by key, from policy-bundle.json.
    """

    def __init__(self, config: Mapping[str, Any], policies: Mapping[str, Any]) -> None:
        self.config = config
        options = config["import_options"]
        self._zone = ZoneInfo(options["source_timezone"])
        self._formats = [_format(options["datetime_format"]), _format(options["date_format"])]
        self._tiers: Mapping[str, str] = policies.get("membership.tiers.waMapping", {})
        self._has_tiers = policies.get("membership.tiers.enabled", False)
        self._default_tier = policies.get("membership.tiers.defaultCode")
        self.remarks: list[tuple[str, int, str]] = []

    def member(self, row: Row) -> Record:
        """The record of a member; what is wrong with it stands under `_errors`."""
        record = _record(row, "members", ("firstName", "lastName", "email"))
        level = row.cells.get("waMembershipLevel", "")
        record |= {name: row.cells[name] for name in ("firstName", "lastName", "phone") if row.cells.get(name)}
        record["email"] = row.cells.get("email", "").lower()
        record["joinedAt"] = self._time(record, row, "joinedAt", "member") or _iso(datetime.now(UTC))
        record["membershipStatusCode"] = self._mapped("membership_status_mapping", level, "member", row)
        if level:
            record["waMembershipLevel"] = level
        return record

    def tier(self, record: Record) -> str | None:
        """The code of the tier that a member's level leads to; None: none."""
        if not self._has_tiers or "waMembershipLevel" not in record:
            return None
        return self._tiers.get(record["waMembershipLevel"], self._default_tier)

    def event(self, row: Row) -> Record:
        """The record of an event; what is wrong with it stands under `_errors`."""
        record = _record(row, "events", ("title", "startTime"))
        record |= {name: row.cells[name] for name in ("title", "description", "location") if row.cells.get(name)}
        tags = [tag.strip() for tag in row.cells.get("category", "").split(",")]
        known = self.config["event_category_mapping"]
        record["category"] = next((known[tag.lower()] for tag in tags if tag.lower() in known), known.get("_default"))
        for name in ("startTime", "endTime"):
            if value := self._time(record, row, name, "event"):
                record[name] = value
        limit = row.cells.get("capacity", "")
        if limit.isdecimal():
            record["capacity"] = int(limit)
        elif limit:
            self.remarks.append(("event", row.number, f"Registration limit {limit!r} is no number; left empty"))
        record["isPublished"] = True
        return record

    def registration(self, row: Row, members: Mapping[str, str], events: Mapping[str, str]) -> Record:
        """The record of a registration, with the target ids of its member and event."""
        record = _record(row, "registrations", ("memberId", "eventId"))
        for name, known, word in (("memberId", members, "Member"), ("eventId", events, "Event")):
            wanted = row.cells.get(name, "")
            record[name] = known.get(wanted, "")
            if wanted and wanted not in known:
                record.setdefault("_errors", []).append(f"{word} not found: {wanted}")
        record["status"] = self._mapped("registration_status_mapping", row.cells.get("status", ""), "registration", row)
        record["registeredAt"] = self._time(record, row, "registeredAt", "registration") or _iso(datetime.now(UTC))
        if value := self._time(record, row, "cancelledAt", "registration"):
            record["cancelledAt"] = value
        return record

    def _mapped(self, mapping: str, word: str, entity: str, row: Row) -> str:
        known = self.config[mapping]
        if word and word not in known:
            self.remarks.append((entity, row.number, f"{word!r} is not in {mapping}; {known['_default']} is used"))
        found: str = known.get(word, known["_default"])
        return found

    def _time(self, record: Record, row: Row, name: str, entity: str) -> str | None:
        """The instant that a cell denotes; a cell that denotes none is an error of the record."""
        text = row.cells.get(name, "")
        if not text:
            return None
        if moment := self._read(text):
            return _iso(moment)
        record.setdefault("_errors", []).append(f"Unreadable date of {entity}: {text}")
        return None

    def _read(self, text: str) -> datetime | None:
        for place, form in enumerate(self._formats):
            try:
                moment = datetime.strptime(text, form)  # noqa: DTZ007 - the zone is that of the club
            except ValueError:
                continue
            return moment.replace(tzinfo=UTC if place else self._zone)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=self._zone)


def _record(row: Row, entity: str, required: tuple[str, ...]) -> Record:
    record: Record = {"_sourceRow": row.number}
    if row.cells.get("waId"):
        record["_waId"] = row.cells["waId"]
    errors = (
        [row.problem]
        if row.problem
        else [f"Missing {WORDS.get(name, name)}" for name in required if not row.cells.get(name)]
    )
    if not row.problem and entity == "registrations":
        errors = [error.replace("memberId", "Contact ID").replace("eventId", "Event ID") for error in errors]
    if errors:
        record["_errors"] = errors
    return record


def _format(letters: str) -> str:
    for written, python in LETTERS:
        letters = letters.replace(written, python)
    return letters


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
