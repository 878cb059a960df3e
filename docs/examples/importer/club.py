"""The import itself: which rows are created, updated, skipped or rejected, and what is written for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from target import TABLES, now, stored_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from exports import Export
    from records import Record, Rules
    from target import Target

MAPPED = {"members": "Member", "events": "Event", "registrations": "EventRegistration"}
TIMES = ("joinedAt", "startTime", "endTime", "registeredAt", "cancelledAt")


@dataclass
class Imported:
    """What became of one export.

    Attributes:
        records: One per data row, as the bundle reports it.
        ids: Target ids by Wild Apricot id, of all rows that have one.
        inserted, updated: What is to be written.
    """

    file: str
    records: list[Record] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    inserted: list[dict[str, Any]] = field(default_factory=list)
    updated: list[dict[str, Any]] = field(default_factory=list)

    def counted(self, action: str) -> int:
        """Return how many records have an action; rejected ones have none of them."""
        return sum(record["_action"] == action and "_errors" not in record for record in self.records)

    @property
    def rejected(self) -> int:
        """How many records have errors."""
        return sum("_errors" in record for record in self.records)


class ClubImport:
    """One import.

    Args:
        target: The database, read for what is there already.
        rules: What the club decided.
        dry_run: Whether ids are made up as those of a dry run are.
    """

    def __init__(self, target: Target, rules: Rules, *, dry_run: bool) -> None:
        self._target, self._rules, self._dry_run = target, rules, dry_run
        self._statuses = dict(target.rows('select code, id from "MembershipStatus"'))
        self._tiers = (
            dict(target.rows('select code, id from "MembershipTier"')) if target.columns("MembershipTier") else {}
        )

    def members(self, export: Export) -> Imported:
        """Match members to rows by their address, in lower case."""
        known = {email.lower(): str(key) for key, email in self._target.rows('select id, email from "Member"')}

        def finish(record: Record) -> dict[str, Any]:
            tier = self._tiers.get(self._rules.tier(record) or "")
            if tier:
                record["membershipTierId"] = str(tier)
            row = {name: record.get(name) for name in ("firstName", "lastName", "email", "phone", "joinedAt")}
            return row | {
                "membershipStatusId": str(self._statuses[record["membershipStatusCode"]]),
                "membershipTierId": record.get("membershipTierId"),
                "waMembershipLevelRaw": record.get("waMembershipLevel"),
            }

        records = [self._rules.member(row) for row in export.rows]
        return self._imported(export, records, known, lambda record: record["email"], finish)

    def events(self, export: Export) -> Imported:
        """Match events to rows by title and hour of their start; a second one of an export is skipped."""
        rows = self._target.rows('select id, title, "startTime" from "Event"')
        known = {(title, str(start).replace(" ", "T")[:13]): str(key) for key, title, start in rows}

        def finish(record: Record) -> dict[str, Any]:
            names = ("title", "description", "category", "location", "startTime", "endTime", "capacity", "isPublished")
            return {name: record.get(name) for name in names} | {"status": "PUBLISHED"}

        records = [self._rules.event(row) for row in export.rows]
        key_of = lambda record: (record["title"], record["startTime"][:13])  # noqa: E731
        return self._imported(export, records, known, key_of, finish, repeated="skip")

    def registrations(self, export: Export, members: Mapping[str, str], events: Mapping[str, str]) -> Imported:
        """Match registrations to rows by event and member."""
        rows = self._target.rows('select id, "eventId", "memberId" from "EventRegistration"')
        known = {(str(event), str(member)): str(key) for key, event, member in rows}

        def finish(record: Record) -> dict[str, Any]:
            names = ("eventId", "memberId", "status", "registeredAt", "cancelledAt")
            return {name: record.get(name) for name in names}

        records = [self._rules.registration(row, members, events) for row in export.rows]
        return self._imported(export, records, known, lambda record: (record["eventId"], record["memberId"]), finish)

    def _imported(  # noqa: PLR0913, PLR0917 - what differs between the three entities
        self,
        export: Export,
        records: list[Record],
        known: dict[Any, str],
        key_of: Callable[[Record], Any],
        finish: Callable[[Record], dict[str, Any]],
        repeated: str = "update",
    ) -> Imported:
        """Decide on each record; one whose key an earlier record of the same export had is `repeated`."""
        imported, seen = Imported(export.file), set()
        moment = now()
        for record in records:
            imported.records.append(record)
            if "_errors" in record:
                record["_action"] = "skip"
                continue
            key = key_of(record)
            record["_action"] = repeated if key in seen else "update" if key in known else "create"
            target_id = known.setdefault(key, f"{'dry-' if self._dry_run else ''}{uuid4()}")
            record["_murmurantId"] = target_id
            seen.add(key)
            if "_waId" in record:
                imported.ids[record["_waId"]] = target_id
            if record["_action"] == "skip":
                continue
            row = {"id": target_id, **finish(record), "updatedAt": moment}
            row |= {name: stored_time(row[name]) for name in TIMES if row.get(name)}
            if record["_action"] == "create":
                imported.inserted.append(row | {"createdAt": moment})
            else:
                imported.updated.append(row)
        return imported

    def write(self, entity: str, imported: Imported, run_id: str) -> None:
        """Write the rows of one export, and its id mappings."""
        self._target.insert(TABLES[entity], imported.inserted)
        self._target.update(TABLES[entity], imported.updated)
        columns = self._target.columns("WaIdMapping")
        if not columns:
            return
        key = next(name for name in ("murmurantId", "clubosId") if name in columns)
        sql = 'select "waId", id from "WaIdMapping" where "entityType" = ?'
        mapped = {str(wa_id): mapping for wa_id, mapping in self._target.rows(sql, [MAPPED[entity]])}
        moment = now()
        rows = [
            {
                "id": str(mapped.get(wa_id, uuid4())),
                "entityType": MAPPED[entity],
                "waId": int(wa_id) if wa_id.isdecimal() else wa_id,
                key: target_id,
                "syncRunId": run_id,
                "syncedAt": moment,
                "updatedAt": moment,
            }
            for wa_id, target_id in imported.ids.items()
        ]
        self._target.insert("WaIdMapping", [row for row in rows if str(row["waId"]) not in mapped])
        self._target.update("WaIdMapping", [row for row in rows if str(row["waId"]) in mapped])
