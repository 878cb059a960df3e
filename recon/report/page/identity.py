"""What a page is about, at its top: the club, the database, the bundle, the run, and when."""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING

from recon.report.go_no_go.verdict import CLUB

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from recon.model import PolicyResult, Verification


def identity(v: Verification) -> list[tuple[str, str]]:
    """The facts that distinguish a run from every other, as label and value; the values contain text from data."""
    return list(_identity(v))


def _identity(v: Verification) -> Iterator[tuple[str, str]]:
    yield from (("Club", name) for name in [club_of(v.policies)] if name)
    yield "Database", v.snapshot.database
    yield "Bundle", v.bundle_path
    yield "Run", v.run_id
    yield "Verified", moment(v.started_at)


def club_of(policies: Iterable[PolicyResult]) -> str:
    """The club's name, as its policies state it; empty: they do not."""
    for policy in policies:
        if policy.key == CLUB:
            try:
                name = json.loads(policy.expected)
            except ValueError:
                return ""
            return name if isinstance(name, str) else ""
    return ""


def moment(instant: datetime) -> str:
    """An instant to the second, for people: 15 Jan 2024, 14:30:00 UTC."""
    return f"{instant.astimezone(UTC):%-d %b %Y, %H:%M:%S} UTC"
