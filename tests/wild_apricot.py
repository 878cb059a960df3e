"""A stand-in for Wild Apricot on loopback: a club's records, served in its shapes, and answers that a test scripts."""

from __future__ import annotations

import json
import ssl
from base64 import b64decode
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Event, Thread
from time import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "k3y-of-the-club-2f7d1c"
TOKEN = "t0ken-of-an-hour-9b41aa"  # noqa: S105 - the stand-in's
ACCOUNT = 204118
READING = ["account_view", "contacts_view", "membership_levels_view", "events_view", "event_registrations_view"]
FIRST = ("Ana", "Ben", "Chloé", "Dmitri", "Esther", "Farah", "Gustav", "Hana", "Iris", "Jorge")
LAST = ("Abbott", "Baptiste", "Cho", "Duarte", "Eriksen", "Fofanah", "Grünwald", "Haddad", "Iversen", "Jain")
LEVELS = ("Newcomer Member", "Extended Newcomer", "Alumni", "Lifetime")
CODES = ("FirstName", "LastName", "Email", "Phone", "MemberSince", "MembershipLevelId", "Status", "IsArchived")
TITLES = ("Welcome Coffee", "Harbour Walk", "Book Circle", "Wine Tasting", "Museum Visit", "Garden Day")
# What each resource is called in an object that holds its list; others are bare lists.
V22 = {"contacts": "Contacts", "events": "Events"}


@dataclass
class Reply:
    """An answer that a test scripts.

    Attributes:
        body: JSON, or bytes as they are; None: what the club would answer.
        cut: Close the connection after half of the body.
        held: Answer only once the stand-in ends.
        dripping: "headers" or "body": send that part byte by byte, without end.
    """

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    held: bool = False
    dripping: str = ""


@dataclass(frozen=True)
class Asked:
    """A request that came."""

    method: str
    resource: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str


def contact(number: int) -> dict[str, Any]:
    first, last = FIRST[number % 10], LAST[number // 10 % 10]
    level = number % len(LEVELS)
    email = f"{first}.{last}{number}@club.example".lower()
    archived = number % 20 == 19
    since = datetime(2019, 1, 5, tzinfo=UTC) + timedelta(days=3 * number)
    values = {"Phone": f"805-555-{number:04d}", "MemberSince": since.date().isoformat(), "IsArchived": archived}
    return {
        "Id": 61000000 + number,
        "Url": f"/v2.2/accounts/{ACCOUNT}/Contacts/{61000000 + number}",
        "FirstName": first,
        "LastName": last,
        "Email": email,
        "DisplayName": f"{last}, {first}",
        "MembershipLevel": {"Id": 1200 + level, "Name": LEVELS[level]},
        "MembershipEnabled": True,
        "Status": "Active",
        "FieldValues": [{"FieldName": code, "SystemCode": code, "Value": value} for code, value in values.items()],
    }


def event(number: int, registered: int) -> dict[str, Any]:
    start = datetime(2024, 1, 6, 18, tzinfo=UTC) + timedelta(days=7 * number)
    return {
        "Id": 5500000 + number,
        "Name": f"{TITLES[number % len(TITLES)]} {number + 1}",
        "EventType": "Regular",
        "StartDate": start.strftime("%Y-%m-%dT%H:%M:%S-08:00"),
        "EndDate": (start + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S-08:00"),
        "Location": "Club house",
        "Tags": ["social"],
        "RegistrationsLimit": 40,
        "ConfirmedRegistrationsCount": registered,
        "PendingRegistrationsCount": 0,
    }


def registration(number: int, of: dict[str, Any], by: dict[str, Any]) -> dict[str, Any]:
    return {
        "Id": 7700000 + number,
        "Event": {"Id": of["Id"], "Name": of["Name"]},
        "Contact": {"Id": by["Id"], "Name": by["DisplayName"]},
        "RegistrationDate": f"2024-01-{1 + number % 28:02d}T09:30:00-08:00",
        "Status": "Confirmed",
    }


class StandIn:
    """A club, and how its API behaves; a test changes what it needs to.

    Attributes:
        shapes: Resource → name under which its list stands; others are bare lists.
        states: What a result's state is, look by look, before it is complete; None: contacts are answered at once where
            that is asked for.
        hidden: Ids of records that are counted and left out of their page.
        page_limit: Most records of a page, whatever was asked for.
        pages: Whether lists come in pages at all.
        counts: Whether `$count` is understood.
        clock_s: By how much its clock is ahead.
        asked: The requests that came, in order.
    """

    def __init__(self) -> None:
        self.contacts = [contact(number) for number in range(130)]
        self.levels = [{"Id": 1200 + number, "Name": name, "Type": "Individual"} for number, name in enumerate(LEVELS)]
        self.fields = [{"FieldName": code, "SystemCode": code, "FieldType": "Text", "IsSystem": True} for code in CODES]
        self.events = [event(number, 4 if number == 2 else 0) for number in range(6)]
        self.registrations = [registration(n, self.events[2], self.contacts[n]) for n in range(4)]
        self.account: dict[str, Any] = {
            "Id": ACCOUNT,
            "Name": "Harbour Newcomers Club",
            "PrimaryDomainName": "harbour.example",
            "TimeZone": {"ZoneId": "Pacific Standard Time", "Name": "(UTC-08:00) Pacific Time", "UtcOffset": -480},
        }
        self.permissions: Any = [{"AccountId": ACCOUNT, "SecurityProfileId": 77, "AvailableScopes": list(READING)}]
        self.shapes = dict(V22)
        self.states: list[str] | None = None
        self.hidden: set[int] = set()
        self.page_limit, self.pages, self.counts, self.clock_s = 500, True, True, 0
        self.asked: list[Asked] = []
        self.ended = Event()
        self._scripts: dict[str, list[Reply]] = {}
        self._always: dict[str, Reply] = {}
        self._results: dict[str, tuple[list[str], Any]] = {}
        self._ids = count(1)
        self.root = ""

    @property
    def environment(self) -> dict[str, str]:
        """What the environment of somebody who asks it holds."""
        return {
            "WA_API_KEY": KEY,
            "WA_ACCOUNT_ID": str(ACCOUNT),
            "WA_API_URL": f"{self.root}/v2.2",
            "WA_OAUTH_URL": f"{self.root}/auth/token",
        }

    def script(self, resource: str, *replies: Reply) -> None:
        """The next answers of a resource ("token", "accounts", "account", "result", "contacts", "contacts#count" …)."""
        self._scripts.setdefault(resource, []).extend(replies)

    def always(self, resource: str, reply: Reply) -> None:
        """The answer of a resource from now on."""
        self._always[resource] = reply

    def resources(self) -> list[str]:
        """What was asked for, in order."""
        return [asked.resource for asked in self.asked]

    def reply(self, asked: Asked) -> Reply:
        """The answer to a request: what is scripted for it, or else the club's."""
        scripted = self._scripts.get(asked.resource)
        reply = scripted.pop(0) if scripted else self._always.get(asked.resource, Reply())
        if reply.body is not None or reply.status != 200:
            return reply
        found = self._club(asked)
        return found if found.status != 200 else Reply(body=found.body, headers=reply.headers, **_manner(reply))

    def _club(self, asked: Asked) -> Reply:
        if asked.resource == "token":
            return self._token(asked)
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply(401, {"code": "Unauthorized", "message": "The token is not valid"})
        if asked.resource == "accounts":
            return Reply(body=[self.account])
        if asked.resource == "account":
            return Reply(body=self.account)
        if asked.resource == "result":
            return self._result(asked)
        return self._list(asked)

    def _token(self, asked: Asked) -> Reply:
        shown = b64decode(asked.headers.get("authorization", "Basic ").removeprefix("Basic ")).decode()
        form = dict(parse_qsl(asked.body))
        if shown != f"APIKEY:{KEY}" or form != {"grant_type": "client_credentials", "scope": "auto"}:
            return Reply(401, {"error": "invalid_client", "error_description": f"unknown {shown}"})
        return Reply(
            body={
                "access_token": TOKEN,
                "token_type": "Bearer",
                "expires_in": 1800,
                "refresh_token": "rt-not-used",
                "Permissions": self.permissions,
            }
        )

    def _list(self, asked: Asked) -> Reply:
        resource = asked.resource.removesuffix("#count")
        records = {
            "contacts": self.contacts,
            "membershiplevels": self.levels,
            "contactfields": self.fields,
            "events": self.events,
            "eventregistrations": self.registrations,
        }.get(resource)
        if records is None:
            return Reply(404, {"code": "404.0", "message": "Nothing is there"})
        if resource == "eventregistrations":
            if "eventId" not in asked.query:
                return Reply(400, {"code": "400", "message": "eventId or contactId is needed", "details": []})
            records = [each for each in records if str(each["Event"]["Id"]) == asked.query["eventId"]]
        if asked.query.get("$filter") == "IsArchived eq false":
            records = [each for number, each in enumerate(records) if number % 20 != 19]
        if asked.resource.endswith("#count") and self.counts:
            return self._made(asked, {"Count": len(records)})
        name = self.shapes.get(resource)
        page = [each for each in self._page(asked, records) if each.get("Id") not in self.hidden]
        return self._made(asked, {name: page} if name else page)

    def _page(self, asked: Asked, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        sign = "$" if "$top" in asked.query else ""
        if not self.pages or f"{sign}top" not in asked.query:
            return records
        first = int(asked.query[f"{sign}skip"])
        return records[first : first + min(int(asked.query[f"{sign}top"]), self.page_limit)]

    def _made(self, asked: Asked, document: Any) -> Reply:
        """The document, or the promise of it where results are made while the client waits."""
        is_contacts = asked.resource.startswith("contacts")
        if self.states is None and (not is_contacts or asked.query.get("$async") == "false"):
            return Reply(body=document)
        key = f"result-{next(self._ids)}"
        self._results[key] = (list(self.states if self.states is not None else ["Queued"]), document)
        return Reply(body=self._promise(key, "Queued"))

    def _promise(self, key: str, state: str) -> dict[str, Any]:
        url = f"{self.root}/v2.2/accounts/{ACCOUNT}/contacts/?resultId={key}"
        return {"ResultId": key, "ResultUrl": url, "State": state, "Requested": "2024-01-15T14:30:00-08:00"}

    def _result(self, asked: Asked) -> Reply:
        key = asked.query["resultId"]
        states, document = self._results[key]
        if states:
            return Reply(body=self._promise(key, states.pop(0)))
        if isinstance(document, list):
            return Reply(body=document)
        return Reply(body=self._promise(key, "Complete") | document)


def _manner(reply: Reply) -> dict[str, Any]:
    return {"cut": reply.cut, "held": reply.held, "dripping": reply.dripping}


def _resource(path: str, query: dict[str, str]) -> str:
    parts = [part for part in path.split("/") if part]
    if "resultId" in query:
        return "result"
    name = "account" if parts[-2:-1] == ["accounts"] else parts[-1].lower() if parts else ""
    return f"{name}#count" if query.get("$count") == "true" else name


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, club: StandIn) -> None:
        self.club = club
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, *_: object) -> None:
        """A client that gives up is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one piece a reply, so that no acknowledgement is waited for

    @property
    def club(self) -> StandIn:
        assert isinstance(self.server, _Server)
        return self.server.club

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        pass

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string((time() if timestamp is None else timestamp) + self.club.clock_s)

    def _answer(self) -> None:
        address = urlsplit(self.path)
        query = dict(parse_qsl(address.query))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, _resource(address.path, query), query, headers, body)
        self.club.asked.append(asked)
        reply = self.club.reply(asked)
        if reply.held:
            self.club.ended.wait()
        with suppress(OSError):
            self._send(reply)

    def _send(self, reply: Reply) -> None:
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in ({"Content-Type": "application/json"} | reply.headers).items():
            self.send_header(name, value)
        if reply.dripping == "headers":
            self.flush_headers()
            self._drip(b"X-More: and more\r\n")
        self.send_header("Content-Length", str(len(body) + (1_000_000 if reply.dripping else 0)))
        self.end_headers()
        if reply.dripping:
            self._drip(b" ")
        self.wfile.write(body[: len(body) // 2] if reply.cut else body)
        self.close_connection = self.close_connection or reply.cut

    def _drip(self, piece: bytes) -> None:
        """Send the same again and again, until the client is gone or the stand-in ends."""
        while not self.club.ended.wait(0.02):
            self.wfile.write(piece)
            self.wfile.flush()
        raise ConnectionAbortedError


@contextmanager
def stand_in(certificate: Path | None = None) -> Iterator[StandIn]:
    """Serve a club on a free port; `certificate` names a folder with ca.pem and key.pem, for https."""
    club = StandIn()
    with _Server(club) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate / "ca.pem", certificate / "key.pem")
            server.socket = context.wrap_socket(server.socket, server_side=True)
        club.root = f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, args=(0.01,), name="stand-in", daemon=True)
        thread.start()
        try:
            yield club
        finally:
            club.ended.set()
            server.shutdown()
            thread.join()
