"""Instants as options of the command line."""

from __future__ import annotations

from datetime import UTC, datetime

from recon.errors import UsageError


def instant(text: str, flag: str) -> datetime:
    """Return the instant that a person wrote, in UTC.

    Raises:
        UsageError: It cannot be read, or does not say its offset.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise UsageError(
            "The time cannot be read" if found is None else "The time has no offset",
            where=flag,
            expected="a time with its offset, e.g. 2024-01-15T14:30:00Z",
            found=text[:40],
        )
    return found.astimezone(UTC)
