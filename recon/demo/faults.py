"""Faults that can be planted in a generated migration, each with the check that must find it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recon.bundle.formats import POLICIES, TIME_ZONE
from recon.demo.fault import Fault
from recon.demo.record_faults import RECORD_FAULTS
from recon.demo.tier_faults import lose_some_tiers, lose_tiers, map_all_to_general

if TYPE_CHECKING:
    from collections.abc import Mapping


def _map_to_two_rows(report: dict[str, Any]) -> None:
    mappings = report["idMapping"]["members"]
    mappings.append({**mappings[0], "murmurantId": mappings[-1]["murmurantId"]})


def _let_import_die(report: dict[str, Any]) -> None:
    registrations = report["registrations"]
    _add_rows(report, "registrations", 1 + registrations["totalRows"] // 10)
    message = "Connection to the target database was lost"
    report["errors"].append({"entity": "system", "sourceRow": 0, "message": message})
    report.pop("completedAt", None)


def _reject_rows(report: dict[str, Any]) -> None:
    for number in range(3):
        _reject(report, "member", "Missing email", 1234567 + number)
    for number in range(5):
        _reject(report, "registration", f"Member not found: {1234567 + number % 3}", 7654321 + number)


def _reject(report: dict[str, Any], entity: str, message: str, wa_id: int) -> None:
    rows = report[f"{entity}s"]
    _add_rows(report, f"{entity}s", 1)
    rows["errors"] += 1
    report["summary"]["errors"] += 1
    source_row = rows["totalRows"] + 1
    problem = {"entity": entity, "sourceRow": source_row, "message": message, "waId": str(wa_id)}
    report["errors"].append(problem)


def _add_rows(report: dict[str, Any], entities: str, number: int) -> None:
    report[entities]["totalRows"] += number
    report["summary"]["totalRecords"] += number


def _declare_wrongly(bundle: dict[str, Any]) -> None:
    values = {TIME_ZONE: "Asia/Tokyo", "scheduling.announcementDay": 7}
    for policy in bundle["policies"]:
        policy["value"] = values.get(policy["key"], policy["value"])


_FAULTS = (
    Fault(
        "one-tier",
        "Every member who has a tier is in GENERAL.",
        "tier_distribution",
        (
            """
            UPDATE "Member" SET "membershipTierId" = (SELECT id FROM "MembershipTier" WHERE code = 'GENERAL')
            WHERE "membershipTierId" IS NOT NULL
            """,
        ),
        patch=map_all_to_general,
    ),
    Fault(
        "no-tiers",
        "No member has a tier.",
        "tier_distribution",
        ('UPDATE "Member" SET "membershipTierId" = NULL',),
        patch=lose_tiers,
    ),
    Fault(
        "low-tier-coverage",
        "15 % of the members, 322 of 2147, have no tier.",
        "tier_coverage",
        (
            # Those without a tier come first, so that they count among the 15 %.
            """
            UPDATE "Member" SET "membershipTierId" = NULL WHERE id IN (
              SELECT id FROM "Member" ORDER BY ("membershipTierId" IS NULL) DESC, id
              LIMIT (SELECT COUNT(*) * 15 / 100 FROM "Member"))
            """,
        ),
        patch=lose_some_tiers,
    ),
    Fault(
        "missing-members",
        "47 members who never registered for anything are missing.",
        "member_count",
        (
            """
            DELETE FROM "Member" WHERE id IN (
              SELECT id FROM "Member" WHERE id NOT IN (SELECT "memberId" FROM "EventRegistration")
              ORDER BY id LIMIT 47)
            """,
        ),
    ),
    Fault(
        "extra-members",
        "The database holds three members of whom the report knows nothing.",
        "member_count",
        (
            """
            INSERT INTO "Member"
              (id, "firstName", "lastName", email, "joinedAt", "membershipStatusId", "membershipTierId",
               "createdAt", "updatedAt")
            VALUES
              ('0e000000-0000-4000-8000-000000000001', 'Ida', 'Extra', 'ida.extra@example.org',
               '2023-11-04 00:00:00.000', (SELECT id FROM "MembershipStatus" WHERE code = 'NEWCOMER'),
               (SELECT id FROM "MembershipTier" WHERE code = 'NEWCOMER'),
               '2024-01-15 14:21:30.000', '2024-01-15 14:21:30.000'),
              ('0e000000-0000-4000-8000-000000000002', 'Max', 'Extra', 'max.extra@example.org',
               '2023-11-04 00:00:00.000', (SELECT id FROM "MembershipStatus" WHERE code = 'NEWCOMER'),
               (SELECT id FROM "MembershipTier" WHERE code = 'NEWCOMER'),
               '2024-01-15 14:21:30.000', '2024-01-15 14:21:30.000'),
              ('0e000000-0000-4000-8000-000000000003', 'Otto', 'Extra', 'otto.extra@example.org',
               '2022-08-20 00:00:00.000', (SELECT id FROM "MembershipStatus" WHERE code = 'EXTENDED'),
               (SELECT id FROM "MembershipTier" WHERE code = 'SECOND_YEAR'),
               '2024-01-15 14:21:30.000', '2024-01-15 14:21:30.000')
            """,
        ),
    ),
    Fault(
        "missing-events",
        "Five events that nobody registered for are missing.",
        "event_count",
        (
            """
            DELETE FROM "Event" WHERE id IN (
              SELECT id FROM "Event" WHERE id NOT IN (SELECT "eventId" FROM "EventRegistration")
              ORDER BY id LIMIT 5)
            """,
        ),
    ),
    Fault(
        "extra-event",
        "The database holds an event of which the report knows nothing.",
        "event_count",
        (
            """
            INSERT INTO "Event"
              (id, title, category, location, "startTime", "endTime", capacity, "isPublished", status,
               "createdAt", "updatedAt")
            VALUES
              ('0e000000-0000-4000-8000-000000000004', 'Unannounced Picnic', 'Social', 'Stow Grove Park',
               '2023-07-15 11:00:00.000', '2023-07-15 15:00:00.000', 40, TRUE, 'DRAFT',
               '2024-01-15 14:23:00.000', '2024-01-15 14:23:00.000')
            """,
        ),
    ),
    Fault(
        "missing-registrations",
        "Twelve registrations are missing.",
        "registration_count",
        (
            """
            DELETE FROM "EventRegistration" WHERE id IN (
              SELECT id FROM "EventRegistration" ORDER BY id LIMIT 12)
            """,
        ),
    ),
    Fault(
        "unknown-tier",
        "Ten members have a tier id that no tier has.",
        "tier_distribution",
        (
            """
            UPDATE "Member" SET "membershipTierId" = '0e000000-0000-4000-8000-000000000005' WHERE id IN (
              SELECT id FROM "Member" WHERE "membershipTierId" IS NOT NULL ORDER BY id LIMIT 10)
            """,
        ),
        breaks=(("Member", "Member_membershipTierId_fkey"),),
    ),
    Fault(
        "orphaned-registrations",
        "Five registrations name a member who does not exist, four an event that does not, one both.",
        "orphaned_registrations",
        (
            # One for each event, and below one for each member: (eventId, memberId) stays unique.
            """
            UPDATE "EventRegistration" SET "memberId" = '0e000000-0000-4000-8000-000000000006' WHERE id IN (
              SELECT id FROM (
                SELECT id, ROW_NUMBER() OVER (PARTITION BY "eventId" ORDER BY id) AS place
                FROM "EventRegistration") AS ranked
              WHERE place = 1 ORDER BY id LIMIT 5)
            """,
            """
            UPDATE "EventRegistration" SET "eventId" = '0e000000-0000-4000-8000-000000000007' WHERE id IN (
              SELECT id FROM (
                SELECT id, ROW_NUMBER() OVER (PARTITION BY "memberId" ORDER BY id) AS place
                FROM "EventRegistration" WHERE "memberId" <> '0e000000-0000-4000-8000-000000000006') AS ranked
              WHERE place = 1 ORDER BY id LIMIT 4)
            """,
            """
            UPDATE "EventRegistration"
            SET "memberId" = '0e000000-0000-4000-8000-000000000006',
                "eventId" = '0e000000-0000-4000-8000-000000000007'
            WHERE id IN (
              SELECT id FROM "EventRegistration"
              WHERE "memberId" <> '0e000000-0000-4000-8000-000000000006'
                AND "eventId" <> '0e000000-0000-4000-8000-000000000007'
              ORDER BY id LIMIT 1)
            """,
        ),
        breaks=(
            ("EventRegistration", "EventRegistration_memberId_fkey"),
            ("EventRegistration", "EventRegistration_eventId_fkey"),
        ),
    ),
    Fault(
        "duplicate-wa-id",
        "One Wild Apricot member is mapped to two members.",
        "duplicate_id_mappings",
        (
            """
            INSERT INTO "WaIdMapping"
              (id, "entityType", "waId", "murmurantId", "syncRunId", "syncedAt", "updatedAt")
            SELECT '0e000000-0000-4000-8000-000000000008', "entityType", "waId",
              (SELECT "murmurantId" FROM "WaIdMapping" WHERE "entityType" = 'Member' ORDER BY "waId" LIMIT 1),
              "syncRunId", "syncedAt", "updatedAt"
            FROM "WaIdMapping" WHERE "entityType" = 'Member' ORDER BY "waId" DESC LIMIT 1
            """,
        ),
        breaks=(("WaIdMapping", "WaIdMapping_entityType_waId_key"),),
    ),
    Fault(
        "shared-target-row",
        "Two Wild Apricot members are mapped to one member.",
        "duplicate_id_mappings",
        (
            """
            UPDATE "WaIdMapping" SET "murmurantId" = (
              SELECT "murmurantId" FROM "WaIdMapping" WHERE "entityType" = 'Member' ORDER BY "waId" LIMIT 1)
            WHERE "entityType" = 'Member' AND "waId" = (
              SELECT "waId" FROM "WaIdMapping" WHERE "entityType" = 'Member' ORDER BY "waId" LIMIT 1 OFFSET 1)
            """,
        ),
    ),
    Fault(
        "duplicate-in-bundle",
        "The report's id mapping maps one Wild Apricot member to two members.",
        "duplicate_id_mappings",
        patch=_map_to_two_rows,
    ),
    Fault(
        "unmapped-members",
        "No member has an id mapping: the next sync would create every one again.",
        "id_mappings",
        ("""DELETE FROM "WaIdMapping" WHERE "entityType" = 'Member'""",),
    ),
    Fault(
        "exchanged-mappings",
        "Two members have each other's id mapping: the next sync would write one's data over the other's.",
        "id_mappings",
        (
            """
            UPDATE "WaIdMapping" SET "murmurantId" = pair.other
            FROM (
              SELECT one.id, two."murmurantId" AS other
              FROM (SELECT id, ROW_NUMBER() OVER (ORDER BY "waId") AS place
                    FROM "WaIdMapping" WHERE "entityType" = 'Member') AS one
              JOIN (SELECT "murmurantId", ROW_NUMBER() OVER (ORDER BY "waId") AS place
                    FROM "WaIdMapping" WHERE "entityType" = 'Member') AS two ON one.place + two.place = 3) AS pair
            WHERE pair.id = "WaIdMapping".id
            """,
        ),
    ),
    Fault(
        "equal-addresses",
        "Two members have the same e-mail address, but for its case.",
        "duplicate_addresses",
        (
            """
            UPDATE "Member" SET email = (SELECT UPPER(email) FROM "Member" ORDER BY id LIMIT 1)
            WHERE id = (SELECT id FROM "Member" ORDER BY id LIMIT 1 OFFSET 1)
            """,
        ),
    ),
    Fault(
        "wrong-run",
        "The database holds another run than the bundle's.",
        "run_id_match",
        (
            """UPDATE "WaIdMapping" SET "syncRunId" = 'run-20240108-090000'""",
            """UPDATE "AuditLog" SET metadata = '{"syncRunId": "run-20240108-090000"}'""",
        ),
    ),
    Fault(
        "newer-run",
        "Another run was recorded a day after the bundle's.",
        "run_id_match",
        (
            """
            INSERT INTO "AuditLog" (id, action, "resourceType", "resourceId", metadata, "createdAt")
            VALUES ('0e000000-0000-4000-8000-000000000009', 'IMPORT', 'WaSync',
              '0e000000-0000-4000-8000-00000000000a', '{"syncRunId": "run-20240116-101500"}',
              '2024-01-16 10:15:00.000')
            """,
        ),
    ),
    Fault(
        "no-run",
        "The database does not say which run filled it.",
        "run_id_match",
        (
            'UPDATE "WaIdMapping" SET "syncRunId" = NULL',
            'UPDATE "AuditLog" SET metadata = NULL',
        ),
    ),
    Fault(
        "import-died",
        "The importer lost its database before it had read all registrations.",
        "import_completed",
        patch=_let_import_die,
    ),
    Fault(
        "rejected-rows",
        "The importer rejected three members without e-mail and their five registrations.",
        "import_completed",
        patch=_reject_rows,
    ),
    Fault(
        "bad-value",
        "The sort order of the tier GENERAL is the word 'high'.",
        "column_types",
        ("""UPDATE "MembershipTier" SET "sortOrder" = 'high' WHERE code = 'GENERAL'""",),
        in_sqlite_only=True,
    ),
    Fault(
        "wrong-policies",
        "The club's time zone is Tokyo's, and its announcements are on weekday 7, which there is not.",
        "policies",
        patch=_declare_wrongly,
        file=POLICIES,
    ),
)

# In the order in which they are planted: faults that concern a share of the rows in the report come before those that
# delete or add rows.
FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in (*_FAULTS, *RECORD_FAULTS)}
