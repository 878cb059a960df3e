"""Asks Wild Apricot's API what an import will ask: can all of it be read, and with a key that cannot write?"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

from recon.errors import ApiRefusal, ReconError
from recon.model import Check, Fact, Outcome, Probe
from recon.preflight.wild_apricot.account import (
    ACCOUNT,
    VARIABLE,
    chosen_account,
    opened_accounts,
    read_account,
    rights_check,
)
from recon.preflight.wild_apricot.address import API_URL, OAUTH_URL, service_address
from recon.preflight.wild_apricot.connection import clock_check, rate_findings
from recon.preflight.wild_apricot.entities import (
    CATEGORY,
    CONTACT_FIELDS,
    CONTACTS,
    EVENTS,
    MEMBERSHIP_LEVELS,
    REGISTRATIONS,
)
from recon.preflight.wild_apricot.judging import Portion, ask_entity, count_matching
from recon.preflight.wild_apricot.key import read_key
from recon.preflight.wild_apricot.shapes import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from recon.preflight.wild_apricot.client import WildApricot
    from recon.preflight.wild_apricot.exchange import Watch
    from recon.preflight.wild_apricot.key import ApiKey
    from recon.preflight.wild_apricot.shapes import Account, Grant

KEY = Probe(
    "source_key",
    "API Key",
    CATEGORY,
    "The key is set, in a place that other users of this machine cannot read.",
    "Others can read the club's data with it, or there is no key and nothing can be read",
    "Keep the key in the environment, or in a file of mode 0600",
)
TOKEN = Probe(
    "source_token",
    "Token",
    CATEGORY,
    "Wild Apricot accepts the key and gives a token for it.",
    "Nothing can be read: an import would end here",
    "Do what the message says, and ask again",
)
# Of an event, which say that it has registrations.
COUNTERS = ("ConfirmedRegistrationsCount", "PendingRegistrationsCount")
EVENTS_TRIED = 3
NOT_ARCHIVED = "IsArchived eq false"


@dataclass(frozen=True)
class SourceOptions:
    """Where the source is and who asks.

    Attributes:
        key_file: A file whose only content is the key; None: the environment variable WA_API_KEY.
        account_id: The club's account; None: WA_ACCOUNT_ID, or else the only one that the key opens.
        api_url: Address of the API; without a path, that of version 2.2. None: WA_API_URL, or else Wild Apricot's.
        oauth_url: Address of the token endpoint. None: WA_OAUTH_URL, or else Wild Apricot's.
        timeout_s: How long one question may take, with the waits that the API asks for and that for its result.
        environment: Environment variables by name; None: those of this process.
    """

    key_file: Path | str | None = None
    account_id: str | None = None
    api_url: str | None = field(default=None, repr=False)
    oauth_url: str | None = field(default=None, repr=False)
    timeout_s: float = 120
    environment: Mapping[str, str] | None = field(default=None, repr=False)

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment variables that count."""
        return os.environ if self.environment is None else self.environment

    @property
    def wanted_account(self) -> str | None:
        """Id of the account that is meant; None: none is named."""
        return (self.account_id or self.variables.get(VARIABLE, "")).strip() or None


def ask_source(options: SourceOptions, watch: Watch | None = None) -> Iterator[Fact | Check]:
    """Ask the API; it is read and never written, and neither key nor token is in what is yielded.

    Args:
        options: Where it is.
        watch: The time; None: that of this machine.

    Yields:
        Facts and checks, as they are found. Where there is no token or no account, there is nothing to ask further.
    """
    given = options.variables
    api_url = service_address(options.api_url or given.get("WA_API_URL"), API_URL, "WA_API_URL")
    oauth_url = service_address(options.oauth_url or given.get("WA_OAUTH_URL"), OAUTH_URL, "WA_OAUTH_URL")
    yield Fact("API", api_url)
    try:
        key = read_key(options.key_file, given)
    except ReconError as error:
        yield KEY.not_evaluated(error.message)
        return
    yield _key_check(key)
    # httpx is loaded only where something is asked.
    client = import_module("recon.preflight.wild_apricot.client").WildApricot
    with client(key, api_url, oauth_url, options.timeout_s, watch) as api:
        yield from _asked(api, options.wanted_account)
        if api.seen.headers:
            yield from rate_findings(api.seen)
            yield clock_check(api.seen)


def _key_check(key: ApiKey) -> Check:
    if key.mode is None:
        return KEY.passed(f"The key is set: {key.place}")
    return KEY.warned(f"Other users of this machine can read the key: {key.place} has the mode {key.mode:04o}")


def _asked(api: WildApricot, wanted: str | None) -> Iterator[Fact | Check]:
    try:
        grant = api.obtain_token()
    except ReconError as error:
        yield _ended(TOKEN, error)
        return
    yield TOKEN.passed(f"Wild Apricot gives a token for the key{_lifetime(grant)}")
    try:
        opened = opened_accounts(api, grant)
        chosen = chosen_account(opened, wanted)
        account = read_account(api, chosen)
    except ReconError as error:
        yield _ended(ACCOUNT, error)
        return
    yield from _account_findings(account, opened, wanted)
    yield rights_check(grant, chosen)
    yield from _entities(api, chosen)


def _ended(probe: Probe, error: ReconError) -> Check:
    """The check that an error ends: a refusal is a result."""
    return probe.failed(error.message) if isinstance(error, ApiRefusal) else probe.not_evaluated(error.message)


def _lifetime(grant: Grant) -> str:
    return "" if grant.expires_in is None else f", for {quoted(str(grant.expires_in), 20)} s"


def _account_findings(account: Account, opened: list[str], wanted: str | None) -> Iterator[Fact | Check]:
    name = quoted(account.name) if account.name else "no name"
    yield Fact("Account", f"{quoted(str(account.id), 40)} ({name})")
    zone = account.time_zone
    stated = zone and (zone.zone_id or zone.name)
    yield Fact("Time zone of the account", quoted(stated) if stated else "not stated")
    others = [quoted(other, 40) for other in opened if other != str(account.id)]
    if others:
        yield Fact("Other accounts of the key", ", ".join(others))
    if wanted is None:
        yield ACCOUNT.passed(f"The key opens one account, {account.id}; {VARIABLE} names none to compare with")
    else:
        yield ACCOUNT.passed(f"The key opens the account that is meant, {account.id}")


def _entities(api: WildApricot, account: str) -> Iterator[Fact | Check]:
    for entity in (CONTACT_FIELDS, MEMBERSHIP_LEVELS):
        yield ask_entity(api, account, entity).check
    contacts = ask_entity(api, account, CONTACTS)
    yield contacts.check
    if contacts.count:
        yield Fact("Archived contacts", _archived(contacts.count, count_matching(api, account, CONTACTS, NOT_ARCHIVED)))
    events = ask_entity(api, account, EVENTS)
    yield events.check
    yield _registrations(api, account, events.records)


def _archived(count: int, current: int | None) -> str:
    if current is None or current > count:
        return "not stated; an import without a filter reads them too"
    return f"{count - current:,} of {count:,}, which an import without a filter reads too"


def _registrations(api: WildApricot, account: str, events: list[dict[str, Any]]) -> Check:
    """Ask for the registrations of the event that has most; where it has none, of some others until one has any."""
    asked = sorted(filter(_is_identified, events), key=_registered, reverse=True)[:EVENTS_TRIED]
    if not asked:
        return REGISTRATIONS.probe.not_evaluated("Registrations are read by event, and there is no event to ask for")
    for event in asked:
        read = ask_entity(api, account, REGISTRATIONS, _portion(event))
        if read.records or read.check.outcome is not Outcome.WARN:
            break
    return read.check


def _portion(event: dict[str, Any]) -> Portion:
    return Portion({"eventId": event["Id"]}, f" of event {quoted(str(event['Id']), 40)}", _registered(event))


def _is_identified(event: dict[str, Any]) -> bool:
    return isinstance(event.get("Id"), int | str)


def _registered(event: dict[str, Any]) -> int:
    """How many registrations the event says that it has."""
    return sum(count for count in map(event.get, COUNTERS) if isinstance(count, int))
