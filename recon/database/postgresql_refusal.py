"""The error for PostgreSQL servers that refuse the connection: each host of the URL with its own reason."""

from __future__ import annotations

import re
from socket import getaddrinfo
from typing import TYPE_CHECKING

from recon.database.postgresql_errors import connecting_advice, kind_of, one_line, reason_of
from recon.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recon.database.address import DatabaseUrl

# How psycopg lists its attempts, of which one host may have several: one for each of its addresses.
LIST = "Multiple connection attempts failed"
ATTEMPT = re.compile(
    r"^- host: (?:None|'(?P<host>.*?)'), port: (?:None|'(?P<port>\d*)'), hostaddr: (?:None|'(?P<address>.*?)'): "
    r"(?P<reason>.*?)(?=^- host: |\Z)",
    re.MULTILINE | re.DOTALL,
)
AT = re.compile(r"^connection to server (?:at|on) .*? failed: ")
# What says only that nobody answered at an address.
SILENCE = ("refused", "unreachable", "timeout")


def refusal(url: DatabaseUrl, message: str, sqlstate: str | None = None) -> DatabaseError:
    """Return the error for a server that refuses the connection, from the driver's `message`.

    Of several hosts, each is named with its own reason, unless all have the same one.
    """
    reasons = _reasons(url, message)
    distinct = list(dict.fromkeys(reasons.values()))
    advice = dict.fromkeys(connecting_advice(reason, sqlstate) for reason in distinct)
    found = distinct[0]
    if len(distinct) > 1:
        found = "; ".join(f"{place}: {reason}" for place, reason in reasons.items())
    elif len(reasons) > 1:
        found = f"each host: {found}"
    return DatabaseError(
        "PostgreSQL cannot be reached",
        where=url.label,
        found=url.redact(found),
        next_step=". ".join(advice),
    )


def _reasons(url: DatabaseUrl, message: str) -> Mapping[str, str]:
    """Return why each place of the URL refused, by host and port; one reason alone where it is that of no host."""
    attempts = [found.groupdict("") for found in ATTEMPT.finditer(message.partition(LIST)[2])]
    if not url.others:
        # One host may have several addresses, of which the one where a server answered says most.
        said = [attempt["reason"] for attempt in attempts] or [message]
        return {"": reason_of(_telling(said))}
    reasons: dict[str, list[str]] = {}
    for attempt in attempts:
        place = f"{attempt['host'] or attempt['address']}:{attempt['port']}"
        reasons.setdefault(place, []).append(attempt["reason"])
    named = [f"{host}:{port}" for host, port in url.places]
    lost = {} if "hostaddr" in url.parameters else _unresolved(url)
    tried = [place for place in named if place not in lost]
    if not reasons and len(tried) < len(named):
        # psycopg passes over a host that it cannot resolve, and makes no list for one attempt.
        reasons = {tried[0]: [message]} if len(tried) == 1 and kind_of(message) != "unknown host" else {}
    stated = lost | {place: _telling(each) for place, each in reasons.items()}
    ordered = [place for place in named if place in stated] + [place for place in stated if place not in named]
    # The place says where.
    return {place: AT.sub("", reason_of(stated[place])) for place in ordered} or {"": reason_of(message)}


def _telling(reasons: list[str]) -> str:
    answered = [reason for reason in reasons if kind_of(reason) not in SILENCE]
    return (answered or reasons)[-1]


def _unresolved(url: DatabaseUrl) -> dict[str, str]:
    """Return those hosts and ports of the URL whose names have no address, with the reason."""
    found = {}
    for host, port in url.places:
        if host and not host.startswith("/"):
            try:
                getaddrinfo(host, port)
            except (OSError, UnicodeError) as error:
                found[f"{host}:{port}"] = one_line(f"failed to resolve host {host!r}: {error}")
    return found
