"""Words for counts, times and spans in the messages of preflight."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def counted(number: int, noun: str) -> str:
    """A number and its noun: 1 row, 2,147 rows."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def span_words(span: timedelta) -> str:
    """The length of a span, whatever its sign, in its two largest units."""
    total = int(abs(span).total_seconds())
    words = []
    for noun, seconds in UNITS:
        count, total = divmod(total, seconds)
        if count:
            words.append(counted(count, noun))
    return " ".join(words[:2]) or "less than a second"


def utc_text(moment: datetime) -> str:
    """An instant as 2024-01-15T14:30:00Z; fractions of a second are left out."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
