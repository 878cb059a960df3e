"""What the generated club decided before it moved: tiers and statuses, policies, import settings."""

from __future__ import annotations

from typing import Any, NamedTuple

RUN_ID = "run-20240115-143000"
NAME = "Santa Rosalia Newcomers Club"


class Tier(NamedTuple):
    """A tier and its members.

    Attributes:
        code: Empty for people without a tier.
        members: How many of the 2147 members are in it.
        status: The code of its members' membership status.
        levels: Wild Apricot level names that map to it, the most common first.
        joined_days: The fewest and most days between joining and the migration.
    """

    code: str
    name: str
    sort_order: int
    members: int
    status: str
    levels: tuple[str, ...]
    joined_days: tuple[int, int]


class DemoPolicy(NamedTuple):
    """A policy as the club declared it; `source` is `wa_api`, `manual` or `default`."""

    key: str
    value: object
    source: str
    description: str


TIERS = (
    Tier("NEWCOMER", "Newcomer", 10, 500, "NEWCOMER", ("Newcomer", "New Member"), (2, 90)),
    Tier("FIRST_YEAR", "First Year", 20, 800, "EXTENDED", ("First Year", "1st Year"), (91, 365)),
    Tier("SECOND_YEAR", "Second Year", 30, 350, "EXTENDED", ("Second Year", "2nd Year"), (366, 730)),
    Tier("THIRD_YEAR", "Third Year", 40, 240, "EXTENDED", ("Third Year", "3rd Year"), (731, 1095)),
    Tier("ALUMNI", "Alumni", 50, 120, "ALUMNI", ("Alumni", "Alumni Couple"), (1096, 3650)),
    Tier("LAPSED", "Lapsed", 60, 65, "LAPSED", ("Lapsed", "Not Renewed"), (400, 2600)),
    Tier("GENERAL", "General", 100, 40, "EXTENDED", ("General", "Associate"), (30, 3000)),
)
NO_TIER = Tier("", "", 0, 32, "PROSPECT", (), (5, 1500))
GROUPS = (*TIERS, NO_TIER)

STATUSES = (
    ("00000000-0000-4000-8000-0000000000a1", "NEWCOMER", "Newcomer", 0),
    ("00000000-0000-4000-8000-0000000000a2", "EXTENDED", "Extended", 10),
    ("00000000-0000-4000-8000-0000000000a3", "ALUMNI", "Alumni", 20),
    ("00000000-0000-4000-8000-0000000000a4", "LAPSED", "Lapsed", 30),
    ("00000000-0000-4000-8000-0000000000a5", "PROSPECT", "Prospect", 40),
)
STATUS_IDS = {code: status_id for status_id, code, _, _ in STATUSES}
STATUS_CODES = {status_id: code for status_id, code, _, _ in STATUSES}

LEVELS = {level: tier for tier in TIERS for level in tier.levels}

# The policies without which the application does not start.
REQUIRED = ("scheduling.timezone", "display.organizationName")

POLICIES = (
    DemoPolicy("membership.newbieDays", 90, "manual", "Days for which a member counts as new"),
    DemoPolicy("membership.extendedDays", 730, "manual", "Days until an extended membership ends"),
    DemoPolicy("membership.gracePeriodDays", 30, "wa_api", "Days after expiry until a membership lapses"),
    DemoPolicy("membership.renewalReminderDays", 30, "wa_api", "Days before expiry on which a reminder is sent"),
    DemoPolicy("membership.tiers.enabled", True, "manual", "Whether members have tiers"),
    DemoPolicy("membership.tiers.defaultCode", "GENERAL", "manual", "Tier of a level that the mapping does not name"),
    DemoPolicy(
        "membership.tiers.waMapping",
        {level: tier.code for level, tier in LEVELS.items()},
        "manual",
        "Wild Apricot level name to tier code",
    ),
    DemoPolicy("scheduling.timezone", "America/Los_Angeles", "wa_api", "Time zone of the club"),
    DemoPolicy("scheduling.registrationOpenDay", 2, "manual", "Weekday on which registration opens, Sunday is 0"),
    DemoPolicy("scheduling.registrationOpenHour", 8, "manual", "Hour at which registration opens"),
    DemoPolicy("scheduling.announcementDay", 0, "manual", "Weekday of the announcement, Sunday is 0"),
    DemoPolicy("scheduling.announcementHour", 8, "manual", "Hour of the announcement"),
    DemoPolicy("scheduling.eventArchiveDays", 30, "default", "Days after which an event is archived"),
    DemoPolicy("governance.minutesReviewDays", 7, "default", "Days for the review of minutes"),
    DemoPolicy("governance.boardEligibilityDays", 730, "default", "Days of membership before one may stand"),
    DemoPolicy("governance.quorumPercentage", 50, "default", "Share of the board that can decide"),
    DemoPolicy("kpi.membershipWarningThreshold", 200, "default", "Members below which the dashboard warns"),
    DemoPolicy("kpi.membershipDangerThreshold", 150, "default", "Members below which the dashboard alarms"),
    DemoPolicy("kpi.eventAttendanceWarningPercent", 50, "default", "Attendance below which the dashboard warns"),
    DemoPolicy("kpi.eventAttendanceDangerPercent", 25, "default", "Attendance below which the dashboard alarms"),
    DemoPolicy("display.organizationName", NAME, "wa_api", "Name of the club"),
    DemoPolicy("display.memberTermSingular", "member", "default", "What one member is called"),
    DemoPolicy("display.memberTermPlural", "members", "default", "What members are called"),
)

CONFIG: dict[str, Any] = {
    "membership_status_mapping": {
        **{level: tier.status for level, tier in LEVELS.items()},
        "_default": NO_TIER.status,
    },
    "member_fields": {
        "waId": "Contact ID",
        "firstName": "First name",
        "lastName": "Last name",
        "email": "Email",
        "phone": "Phone",
        "joinedAt": "Member since",
        "waMembershipLevel": "Membership level",
    },
    "event_fields": {
        "waId": "Event ID",
        "title": "Event name",
        "description": "Description",
        "category": "Tags",
        "location": "Location",
        "startTime": "Start date",
        "endTime": "End date",
        "capacity": "Registration limit",
    },
    "registration_fields": {
        "waId": "Registration ID",
        "memberId": "Contact ID",
        "eventId": "Event ID",
        "status": "Registration status",
        "registeredAt": "Registration date",
        "cancelledAt": "Cancellation date",
    },
    "event_category_mapping": {
        "social": "Social",
        "dining": "Dining Out",
        "outdoors": "Outdoor Activities",
        "sports": "Sports",
        "arts": "Arts & Culture",
        "games": "Games",
        "travel": "Travel",
        "community": "Community",
        "governance": "Governance",
        "_default": "Social",
    },
    "registration_status_mapping": {
        "Confirmed": "CONFIRMED",
        "Cancelled": "CANCELLED",
        "Waitlist": "WAITLISTED",
        "No show": "NO_SHOW",
        "_default": "PENDING",
    },
    "id_reconciliation": {
        "members": {"primary_key": "email"},
        "events": {"composite_key": ["title", "startTime"], "time_tolerance_minutes": 60},
        "registrations": {"composite_key": ["eventId", "memberId"]},
    },
    "import_options": {
        "batch_size": 100,
        "source_timezone": "America/Los_Angeles",
        "date_format": "MM/DD/YYYY",
        "datetime_format": "MM/DD/YYYY HH:mm",
        "required_fields": ["firstName", "lastName", "email"],
    },
}


def policy_bundle() -> dict[str, Any]:
    """The content of policy-bundle.json."""
    return {
        "version": "1.0",
        "generatedAt": "2024-01-15T13:55:00.000Z",
        "organizationName": NAME,
        "policies": [{**policy._asdict(), "required": policy.key in REQUIRED} for policy in POLICIES],
        "validation": {"valid": True, "errors": [], "warnings": []},
        "metadata": {"waAccountId": "214700", "captureMode": "full", "templateSections": []},
    }
