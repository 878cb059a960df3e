"""Who registered for which event of the generated club."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from datetime import datetime, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING

from recon.demo.rows import Row, apportion, as_text, draw_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

LEAD = timedelta(days=45)
STATUSES = ("CONFIRMED", "CANCELLED", "NO_SHOW", "WAITLISTED")
STATUS_WEIGHTS = (86, 8, 3, 3)
CAPACITIES = (8, 12, 16, 20, 24, 30, 36, 40, 50, 60, 80, 100, 120, 150, 200, 300)


def draw_registrations(rng: Random, number: int, members: Sequence[Row], events: Sequence[Row]) -> list[Row]:
    """`number` EventRegistration rows by date of registration, each (event, member) pair once.

    One member in twelve and one event in twenty-five have none. People register after they have joined, except in a
    club too dense for that, where some attend as guests first.

    Args:
        rng: The source of randomness.
        number: How many.
        members: Member rows by joinedAt.
        events: Event rows.

    Raises:
        ValueError: That many registrations require more members or events.
    """
    active = _leave_out(rng, members, len(members) // 12)
    held = _leave_out(rng, events, len(events) // 25 or int(len(events) > 1))
    quotas, reaches = _draw_quotas(rng, number, active, held)
    liveliness = list(accumulate(rng.expovariate(1) + 0.1 for _ in active))
    rows = []
    for event, quota, reach in zip(held, quotas, reaches, strict=True):
        pool, weights = active[:reach], liveliness[:reach]
        rows += [_draw_registration(rng, event, member) for member in _draw_some(rng, pool, weights, quota)]
    return sorted(rows, key=lambda row: row["registeredAt"])


def _leave_out(rng: Random, rows: Sequence[Row], number: int) -> list[Row]:
    left_out = set(rng.sample(range(len(rows)), number))
    return [row for i, row in enumerate(rows) if i not in left_out]


def _draw_quotas(
    rng: Random, number: int, members: Sequence[Row], events: Sequence[Row]
) -> tuple[list[int], list[int]]:
    """Registrations by event, and how many of the first `members` can register for it."""
    joined = [member["joinedAt"] for member in members]
    reaches = [bisect_left(joined, event["startTime"]) for event in events]
    if sum(reaches) < number:
        reaches = [len(members)] * len(events)
    if sum(reaches) < number:
        wanted = f"{number} registrations need more members or events"
        raise ValueError(f"{wanted}: {len(members)} active members and {len(events)} events make {sum(reaches)}")
    # Attendance grows with the club, but more slowly: a hike has only limited room.
    quotas = apportion(number, [rng.uniform(0.3, 1.7) * reach**0.5 for reach in reaches])
    return _cap(quotas, reaches), reaches


def _cap(quotas: Sequence[int], limits: Sequence[int]) -> list[int]:
    """The same total within the limits: any excess goes where most room is left."""
    capped = [min(quota, limit) for quota, limit in zip(quotas, limits, strict=True)]
    for _ in range(sum(quotas) - sum(capped)):
        roomiest = max(range(len(capped)), key=lambda i: limits[i] - capped[i])
        capped[roomiest] += 1
    return capped


def _draw_some(rng: Random, pool: Sequence[Row], cum_weights: Sequence[float], number: int) -> list[Row]:
    chosen: dict[int, None] = {}
    while len(chosen) < number:
        missing = number - len(chosen)
        chosen |= dict.fromkeys(rng.choices(range(len(pool)), cum_weights=cum_weights, k=missing))
    return [pool[i] for i in chosen]


def _draw_registration(rng: Random, event: Row, member: Row) -> Row:
    start, joined = datetime.fromisoformat(event["startTime"]), datetime.fromisoformat(member["joinedAt"])
    opened = start - LEAD
    registered = _draw_between(rng, max(opened, joined) if joined < start else opened, start)
    status = rng.choices(STATUSES, STATUS_WEIGHTS)[0]
    cancelled = _draw_between(rng, registered, start) if status == "CANCELLED" else None
    return {
        "id": draw_id(rng),
        "eventId": event["id"],
        "memberId": member["id"],
        "status": status,
        "registeredAt": as_text(registered),
        "cancelledAt": cancelled and as_text(cancelled),
    }


def _draw_between(rng: Random, earliest: datetime, latest: datetime) -> datetime:
    return (earliest + rng.random() * (latest - earliest)).replace(second=0, microsecond=0)


def set_capacities(rng: Random, events: Sequence[Row], registrations: Sequence[Row]) -> None:
    """Give most events a typical capacity that is enough for all who registered."""
    registered = Counter(row["eventId"] for row in registrations)
    for event in events:
        needed = max(6, registered[event["id"]]) * rng.uniform(1, 1.4)
        fitting = next((size for size in CAPACITIES if size >= needed), None)
        event["capacity"] = fitting if rng.random() > 0.1 else None
