"""Faults that counts do not show: records that did not reach their rows, or were changed on the way."""

from __future__ import annotations

from typing import Any

from recon.demo.fault import Fault
from recon.demo.tier_faults import general_tier

STRAY_REGISTRATION = """
INSERT INTO "EventRegistration"
  (id, "eventId", "memberId", status, "registeredAt", "createdAt", "updatedAt")
SELECT '{id}', e.id, m.id, 'CONFIRMED', '2024-01-10 00:00:00.000',
  '2024-01-15 14:23:00.000', '2024-01-15 14:23:00.000'
FROM "Event" e CROSS JOIN "Member" m
WHERE NOT EXISTS (SELECT 1 FROM "EventRegistration" r WHERE r."eventId" = e.id AND r."memberId" = m.id)
ORDER BY e.id, m.id LIMIT 1
"""
WRONG_LEVEL, WRONG_TIER = "Newcomer", "GENERAL"


def _add_up_wrong(report: dict[str, Any]) -> None:
    report["summary"]["created"] += 1


def _map_level_wrong(report: dict[str, Any]) -> None:
    """Map a level as the importer would report it: to the tier that it wrote."""
    general = general_tier(report)
    for record in report["members"]["records"]:
        if general and record.get("waMembershipLevel") == WRONG_LEVEL:
            record["membershipTierId"] = general


def _give_one_row_to_two(report: dict[str, Any]) -> None:
    """Let the record of an event that nobody registered for, the one whose row is deleted, name another's row."""
    attended = {record["eventId"] for record in report["registrations"]["records"]}
    records = report["events"]["records"]
    free = sorted(record["_murmurantId"] for record in records if record["_murmurantId"] not in attended)
    if not free:
        return
    lost = next(record for record in records if record["_murmurantId"] == free[0])
    taken = next(record for record in records if record is not lost and record["_action"] == "create")
    lost["_murmurantId"] = taken["_murmurantId"]
    for mapping in report["idMapping"]["events"]:
        if mapping["waId"] == lost["_waId"]:
            mapping["murmurantId"] = taken["_murmurantId"]


RECORD_FAULTS = (
    Fault(
        "wrong-summary",
        "The report's summary counts one record more than its entities.",
        "report_arithmetic",
        patch=_add_up_wrong,
    ),
    Fault(
        "replaced-registration",
        "One registration is missing and another one is there: the counts match.",
        "missing_records",
        (
            STRAY_REGISTRATION.format(id="0e000000-0000-4000-8000-00000000000c"),
            """
            DELETE FROM "EventRegistration" WHERE id IN (
              SELECT id FROM "EventRegistration" WHERE id <> '0e000000-0000-4000-8000-00000000000c'
              ORDER BY id LIMIT 1)
            """,
        ),
    ),
    Fault(
        "stray-registration",
        "One registration was written while the import went on, and the bundle does not know it.",
        "unexpected_records",
        (STRAY_REGISTRATION.format(id="0e000000-0000-4000-8000-00000000000d"),),
    ),
    Fault(
        "truncated-titles",
        "Five events have titles of at most eight characters.",
        "altered_records",
        (
            """
            UPDATE "Event" SET title = SUBSTR(title, 1, 8) WHERE id IN (
              SELECT id FROM "Event" WHERE LENGTH(title) > 8 ORDER BY id LIMIT 5)
            """,
        ),
    ),
    Fault(
        "exchanged-times",
        "Five events start when they end, and end when they start.",
        "altered_records",
        (
            """
            UPDATE "Event" SET "startTime" = "endTime", "endTime" = "startTime" WHERE id IN (
              SELECT id FROM "Event" WHERE "endTime" > "startTime" ORDER BY id LIMIT 5)
            """,
        ),
    ),
    Fault(
        "wrong-tiers",
        "The importer put the members of the level Newcomer into the tier GENERAL.",
        "tier_mapping",
        (
            f"""
            UPDATE "Member" SET "membershipTierId" = (SELECT id FROM "MembershipTier" WHERE code = '{WRONG_TIER}')
            WHERE "waMembershipLevelRaw" = '{WRONG_LEVEL}'
            """,  # noqa: S608 - constants
        ),
        patch=_map_level_wrong,
    ),
    Fault(
        "one-row-for-two",
        "The importer gave an event that nobody registered for the row of another event.",
        "missing_records",
        (
            """
            DELETE FROM "Event" WHERE id IN (
              SELECT id FROM "Event" WHERE id NOT IN (SELECT "eventId" FROM "EventRegistration")
              ORDER BY id LIMIT 1)
            """,
        ),
        patch=_give_one_row_to_two,
    ),
    Fault(
        "scripted-phones",
        "A day later a script gave up to forty members another phone number, all at once.",
        "altered_records",
        (
            """
            UPDATE "Member" SET phone = '805-555-9999', "updatedAt" = '2024-01-16 09:00:00.000' WHERE id IN (
              SELECT id FROM "Member" ORDER BY id LIMIT 40)
            """,
        ),
    ),
)
