"""What the answers state about the connection itself: how often one may ask, and whose clock is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.model import Check, Fact, Probe
from recon.preflight.wild_apricot.entities import CATEGORY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recon.preflight.wild_apricot.exchange import Observations

RATE = Probe(
    "source_rate",
    "Rate of Requests",
    CATEGORY,
    "The API does not limit the requests of this key now.",
    "An import will be slowed down or broken off: something else uses the key, or it has asked too often",
    "End what else uses the key, and wait until the limit is reset",
)
CLOCK = Probe(
    "source_clock",
    "Clock",
    CATEGORY,
    "This machine and the API agree about the time, to a minute.",
    "Times that the import writes are off, and tokens expire early or late",
    "Set this machine's clock (for example by NTP)",
)
WARN_ABOVE_S = 60
FAIL_ABOVE_S = 300
LEAST_LEFT = 10


def rate_findings(seen: Observations) -> Iterator[Fact | Check]:
    """What is known about the limit of requests."""
    yield Fact(
        "Requests", f"{seen.requests}, of which {seen.limited} were answered 429 and waited for {seen.waited_s:.0f} s"
    )
    left = _left(seen.headers)
    yield Fact("Requests left", "not stated" if left is None else str(left))
    if seen.limited:
        yield RATE.warned(f"{_times(seen.limited)} the API answered that it is asked too often (429)")
    elif left is not None and left < LEAST_LEFT:
        yield RATE.warned(f"Only {left} requests are left before the API makes its callers wait")
    elif left is not None:
        yield RATE.passed(f"{left} requests are left, and none of {seen.requests} was made to wait")


def clock_check(seen: Observations) -> Check:
    """Judge this machine's clock by the API's."""
    ahead_s = seen.ahead_s
    if ahead_s is None:
        return CLOCK.warned("Not recorded: the API does not state its time")
    if abs(ahead_s) <= WARN_ABOVE_S:
        return CLOCK.passed(f"This machine's clock is right to {max(1, abs(round(ahead_s)))} s, by the API's")
    words = f"This machine's clock is {abs(ahead_s):,.0f} s {'ahead of' if ahead_s > 0 else 'behind'} the API's"
    if abs(ahead_s) > FAIL_ABOVE_S:
        return CLOCK.failed(f"{words}, more than {FAIL_ABOVE_S} s")
    return CLOCK.warned(f"{words}, more than {WARN_ABOVE_S} s")


def _left(headers: Mapping[str, str]) -> int | None:
    """How many requests are left; None where no header states it in a way that is known."""
    for name, value in headers.items():
        if name.replace("-", "").endswith("ratelimitremaining") and value.strip().isascii() and value.strip().isdigit():
            return int(value.strip()[:12])
    return None


def _times(count: int) -> str:
    return "Once" if count == 1 else f"{count} times"
