"""The rows of the generated club, as an importer writes them to the target's tables."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

from recon.demo.names import ACTIVITIES, FIRST_NAMES, LAST_NAMES, MAIL_DOMAINS
from recon.demo.settings import GROUPS, STATUS_IDS, STATUSES, TIERS, Tier

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from random import Random

Row: TypeAlias = dict[str, Any]

STARTED_AT = datetime(2024, 1, 15, 14, 20)  # noqa: DTZ001 - the target's columns are UTC without zone
COMPLETED_AT = datetime(2024, 1, 15, 14, 28)  # noqa: DTZ001 - as above
MIGRATION_DAY = datetime(2024, 1, 15)  # noqa: DTZ001 - as above
DAYS_OF_EVENTS = 1800


def as_text(moment: datetime) -> str:
    """An instant as stored in the tables: '2024-01-15 14:25:00.123'."""
    return moment.isoformat(sep=" ", timespec="milliseconds")


def draw_id(rng: Random) -> str:
    """A random UUID determined by the seed."""
    return str(UUID(int=rng.getrandbits(128), version=4))


def draw_moments(rng: Random, number: int) -> Iterator[str]:
    """`number` ascending instants between the start and the end of the import."""
    span_ms = (COMPLETED_AT - STARTED_AT) // timedelta(milliseconds=1)
    offsets_ms = sorted(rng.choices(range(1, span_ms), k=number))
    return (as_text(STARTED_AT + timedelta(milliseconds=offset)) for offset in offsets_ms)


def stamp(rows: Iterable[Row], moments: Iterator[str]) -> None:
    """Set the time at which each row was written."""
    for row in rows:
        row["createdAt"] = row["updatedAt"] = next(moments)


def apportion(total: int, weights: Sequence[float]) -> list[int]:
    """Integer shares in proportion to `weights` that add up to `total` (largest remainders)."""
    scale = sum(weights) or 1
    exact = [total * weight / scale for weight in weights]
    shares = [int(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: shares[i] - exact[i])
    for i in by_remainder[: total - sum(shares)]:
        shares[i] += 1
    return shares


def status_rows() -> list[Row]:
    """The MembershipStatus rows, which existed long before the migration."""
    seeded = "2024-01-01 00:00:00.000"
    return [
        {
            "id": status_id,
            "code": code,
            "label": label,
            "sortOrder": order,
            "isActive": True,
            "createdAt": seeded,
            "updatedAt": seeded,
        }
        for status_id, code, label, order in STATUSES
    ]


def draw_tiers(rng: Random) -> list[Row]:
    """The MembershipTier rows in sort order."""
    return [{"id": draw_id(rng), "code": tier.code, "name": tier.name, "sortOrder": tier.sort_order} for tier in TIERS]


def draw_members(rng: Random, number: int, tiers: Sequence[Row]) -> list[Row]:
    """`number` Member rows by date of joining; the tiers keep their shares of the 2147."""
    sizes = apportion(number, [group.members for group in GROUPS])
    joined = [(_draw_join(rng, group), group) for group, size in zip(GROUPS, sizes, strict=True) for _ in range(size)]
    joined.sort(key=lambda pair: pair[0])
    tier_ids = {tier["code"]: tier["id"] for tier in tiers}
    emails: set[str] = set()
    return [_draw_member(rng, moment, group, tier_ids, emails) for moment, group in joined]


def _draw_join(rng: Random, group: Tier) -> datetime:
    return MIGRATION_DAY - timedelta(days=rng.randint(*group.joined_days))


def _draw_member(rng: Random, joined: datetime, group: Tier, tier_ids: dict[str, str], emails: set[str]) -> Row:
    first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    return {
        "id": draw_id(rng),
        "firstName": first,
        "lastName": last,
        "email": _draw_email(rng, first, last, emails),
        "phone": f"805-555-0{rng.randrange(1000):03}" if rng.random() > 0.06 else None,
        "joinedAt": as_text(joined),
        "membershipStatusId": STATUS_IDS[group.status],
        "membershipTierId": tier_ids.get(group.code),
        "waMembershipLevelRaw": rng.choices(group.levels, (4, 1))[0] if group.levels else None,
        "waRawData": None,
    }


def _draw_email(rng: Random, first: str, last: str, taken: set[str]) -> str:
    plain = unicodedata.normalize("NFKD", f"{first}.{last}".lower()).encode("ascii", "ignore").decode()
    name, domain = re.sub(r"[^a-z.-]", "", plain), rng.choice(MAIL_DOMAINS)
    suffixes = ("" if n == 1 else str(n) for n in count(1))
    email = next(e for suffix in suffixes if (e := f"{name}{suffix}@{domain}") not in taken)
    taken.add(email)
    return email


def draw_events(rng: Random, number: int) -> list[Row]:
    """`number` Event rows by start; no two have the same title and start, capacities are not set yet."""
    events: dict[tuple[str, str], Row] = {}
    while len(events) < number:
        event = _draw_event(rng)
        events.setdefault((event["title"], event["startTime"]), event)
    return sorted(events.values(), key=lambda event: event["startTime"])


def _draw_event(rng: Random) -> Row:
    activity = rng.choice(ACTIVITIES)
    # The power makes recent years busier: the club has grown.
    days_ago = 1 + int(DAYS_OF_EVENTS * rng.random() ** 1.6)
    start = MIGRATION_DAY - timedelta(days=days_ago) + timedelta(hours=activity.hour, minutes=rng.choice((0, 0, 30)))
    return {
        "id": draw_id(rng),
        "title": activity.title,
        "description": activity.description,
        "category": activity.category,
        "location": activity.location,
        "startTime": as_text(start),
        "endTime": as_text(start + timedelta(hours=activity.hours)) if rng.random() > 0.03 else None,
        "capacity": None,
        "isPublished": rng.random() > 0.02,
        # Importers leave the status at the column's default.
        "status": "DRAFT",
    }
