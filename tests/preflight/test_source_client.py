from __future__ import annotations

import logging
import traceback
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import httpx
import pytest
from certificates import make_certificate
from source_findings import LIMIT_S, Waits, ask, ask_one, client
from wild_apricot import ACCOUNT, KEY, TOKEN, Reply, StandIn, stand_in

from recon.database.secrets import without_secrets
from recon.errors import ApiError, ApiRefusal
from recon.model import Outcome
from recon.preflight.source import SourceOptions, ask_source
from recon.preflight.wild_apricot.account import read_account
from recon.preflight.wild_apricot.entities import EVENTS
from recon.preflight.wild_apricot.exchange import Observations, Question
from recon.preflight.wild_apricot.key import read_key
from recon.preflight.wild_apricot.transport import ReadingTransport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WARN, FAIL, ERROR = Outcome.WARN, Outcome.FAIL, Outcome.ERROR
NOW = datetime(2024, 1, 15, 14, 30, tzinfo=UTC)
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
BASIC = read_key(None, {"WA_API_KEY": KEY}).basic
SECRETS = (KEY, TOKEN, BASIC)


@pytest.fixture
def club() -> Iterator[StandIn]:
    with stand_in() as running:
        yield running


# What writes


@pytest.mark.parametrize(
    "method, path",
    [
        ("POST", "/v2.2/accounts/1/contacts"),
        ("PUT", "/v2.2/accounts/1/contacts/2"),
        ("PATCH", "/v2.2/accounts/1/contacts/2"),
        ("DELETE", "/v2.2/accounts/1/contacts/2"),
        ("HEAD", "/v2.2/accounts"),
        ("OPTIONS", "/v2.2/accounts"),
        ("get", "/v2.2/accounts"),
        ("POST", "/auth/token/"),
        ("POST", "/auth/token?scope=auto"),
        ("POST", "/auth/../v2.2/accounts/1/contacts"),
        ("DELETE", "/auth/token"),
    ],
)
def test_what_does_not_read_cannot_be_sent(method: str, path: str, club: StandIn) -> None:
    urls = club.environment
    transport = ReadingTransport(urls["WA_API_URL"], urls["WA_OAUTH_URL"])
    with httpx.Client(transport=transport) as http:
        # The method as it is given: httpx writes it in capitals.
        request = http.build_request("GET", f"{club.root}{path}")
        request.method = method
        with pytest.raises(ApiError, match="recon only reads"):
            http.send(request)
    assert club.asked == []


def test_nothing_is_sent_to_another_host(club: StandIn) -> None:
    with stand_in() as other:
        transport = ReadingTransport(club.environment["WA_API_URL"], club.environment["WA_OAUTH_URL"])
        with httpx.Client(transport=transport) as http:
            for method, path in (("GET", "/v2.2/accounts"), ("POST", "/auth/token")):
                with pytest.raises(ApiError, match="recon only reads"):
                    http.request(method, f"{other.root}{path}")
        assert (club.asked, other.asked) == ([], [])


def test_a_query_is_sent_as_it_is_documented() -> None:
    asked = Question("GET", "http://127.0.0.1/v2.2/x", "", {"$filter": "IsArchived eq false", "eventId": "1&$top=2"})
    assert str(httpx.URL(asked.address)) == f"{asked.url}?$filter=IsArchived%20eq%20false&eventId=1%26$top%3D2"
    assert asked.where == asked.url


# Where the key goes


@pytest.mark.parametrize("resource", ["token", "account", "events"])
@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_is_not_followed(resource: str, status: int, club: StandIn) -> None:
    with stand_in() as other:
        club.always(resource, Reply(status, {}, {"Location": f"{other.root}/v2.2/accounts?key={KEY}"}))
        found = ask(club)
        name = f"source_{resource}"
        assert found.checks[name].outcome is FAIL
        assert f"found status {status} to http://127.0.0.1." in found.checks[name].message
        assert other.asked == []


def test_a_redirect_to_nowhere_is_none_that_is_followed(club: StandIn) -> None:
    for location in ("http://[::1", "", "http://a\x01b/", "javascript:alert(1)"):
        club.always("events", Reply(302, {}, {"Location": location}))
        assert ask_one(club, EVENTS).outcome in {FAIL, ERROR}


def test_no_proxy_is_used_for_this_machine(club: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(name.upper(), "" if name == "no_proxy" else "http://127.0.0.1:9")
    assert ask(club).unpassed == {}


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("proxy", ["socks5h://127.0.0.1:9", "gopher://u:hunter2@127.0.0.1", "http://u:hunter2@[::1"])
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(
    proxy: str, variable: str, club: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, proxy)
    environment = {**club.environment, "WA_OAUTH_URL": "https://192.0.2.1/auth/token"}
    outcome, message = ask(club, options=SourceOptions(environment=environment))["token"]
    assert outcome is ERROR
    assert "proxy of the environment cannot be used (HTTPS_PROXY or ALL_PROXY)" in message
    assert "hunter2" not in message


def test_a_certificate_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_certificate(tmp_path)
    with stand_in(tmp_path) as club:
        outcome, message = ask(club)["token"]
        assert outcome is ERROR
        assert "CERTIFICATE_VERIFY_FAILED" in message
        assert "SSL_CERT_FILE" in message
        assert club.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert ask(club).unpassed == {}


# Secrets


def test_neither_key_nor_token_is_anywhere(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore.http11", "httpcore.connection"):
        caplog.set_level(logging.DEBUG, name)
    echo = {"code": f"{KEY} {TOKEN} {BASIC}", "message": f"Basic {BASIC} / Bearer {TOKEN}", TOKEN: KEY}
    shown = []
    for status in (200, 302, 400, 403):
        for resource in ("token", "account", "events"):
            with stand_in() as echoing:
                headers = {"X-Echo": f"Bearer {TOKEN}", "Location": f"https://{KEY}/", "Set-Cookie": f"k={TOKEN}"}
                echoing.always(resource, Reply(status, echo, headers))
                shown.append(ask(echoing).text)
    shown += [caplog.text, *capfd.readouterr()]
    assert [secret for secret in SECRETS if secret in "\n".join(shown)] == []
    # The levels are as they were.
    assert logging.getLogger("httpx").level == logging.DEBUG


def test_no_traceback_shows_a_secret(club: StandIn) -> None:
    club.always("account", Reply(403, {"message": f"{KEY} {TOKEN} {BASIC}"}))
    with client(club) as api:
        api.obtain_token()
        with pytest.raises(ApiRefusal) as refusal:
            read_account(api, str(ACCOUNT))
        text = "".join(traceback.format_exception(refusal.value)) + repr(refusal.value) + repr(api)
    assert [secret for secret in SECRETS if secret in text] == []
    assert without_secrets(f"{KEY}, {TOKEN}, {BASIC}") == "***, ***, ***"


# Time


@pytest.mark.parametrize(
    "reply", [Reply(held=True), Reply(dripping="headers"), Reply(dripping="body")], ids=["held", "headers", "body"]
)
def test_no_answer_is_waited_for_longer_than_the_limit(reply: Reply, club: StandIn) -> None:
    club.always("token", reply)
    found = ask(club, options=SourceOptions(timeout_s=0.3))
    assert found["token"][0] is ERROR
    assert f"has not answered within 0.3 s ({club.root}/auth/token)" in found["token"][1]
    assert club.resources() == ["token"]


@pytest.mark.parametrize(
    "asked, waited", [("17", 17), ("0", 1), (" 3 ", 3), ("-5", 1), ("soon", 1), ("1.5", 1), ("²", 1)]
)
def test_the_wait_that_is_asked_for_is_kept(asked: str, waited: int, club: StandIn) -> None:
    waits = Waits()
    club.script("events", Reply(429, {}, {"Retry-After": asked.encode().decode("latin-1")}))
    assert ask_one(club, EVENTS, waits).outcome is Outcome.PASS
    assert waits.waited == [waited]


@pytest.mark.parametrize("status, attempts", [(429, 2), (503, 2), (500, 1), (502, 1)])
def test_an_instant_may_be_asked_to_wait_for(status: int, attempts: int, club: StandIn) -> None:
    waits = Waits()
    until = format_datetime(NOW + timedelta(seconds=21), usegmt=True)
    club.script("token", Reply(status, {}, {"Retry-After": until}))
    watch = replace(waits.watch, now=lambda: NOW)
    options = SourceOptions(environment=club.environment, timeout_s=LIMIT_S)
    list(ask_source(options, watch))
    assert club.resources().count("token") == attempts
    assert waits.waited == ([21] if attempts == 2 else [])


def test_without_a_wait_that_is_asked_for_each_is_longer(club: StandIn) -> None:
    waits = Waits()
    club.always("events#count", Reply(429, {}))
    check = ask_one(club, EVENTS, waits)
    assert check.outcome is ERROR
    assert "status 429, which asks to wait without saying for how long" in check.message
    assert waits.waited == [1, 2, 4, 8, 16]
    assert check.violation_count is None


def test_a_wait_beyond_the_limit_is_not_begun(club: StandIn) -> None:
    waits = Waits()
    club.always("events#count", Reply(429, {}, {"Retry-After": "9" * 30}))
    assert ask_one(club, EVENTS, waits).outcome is ERROR
    assert waits.waited == []


# Size


def test_an_answer_without_end_is_not_read_to_its_end(club: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recon.preflight.wild_apricot.exchange.LARGEST_BYTES", 1024 * 1024)
    club.always("events", Reply(body=b" " * (2 * 1024 * 1024)))
    check = ask_one(club, EVENTS)
    assert check.outcome is FAIL
    assert "more than 1 MiB, of which no more is read" in check.message


def test_headers_without_end_are_not_read_to_their_end(club: StandIn) -> None:
    club.always("events", Reply(body=[], headers={f"X-{number}": "x" * 1000 for number in range(200)}))
    assert ask_one(club, EVENTS).outcome is ERROR


# The clock


@pytest.mark.parametrize(
    "sent_s, received_s, ahead_s",
    [(0, 0, 0), (-5, 0, 0), (0, 30, 0), (0.9, 0.9, 0), (3, 4, 2), (-9, -8, -8), (61, 62, 60)],
)
def test_the_clock_is_compared_at_the_time_of_the_answer(sent_s: float, received_s: float, ahead_s: float) -> None:
    seen = Observations()
    header = {"date": format_datetime(NOW, usegmt=True)}
    seen.note(header, NOW + timedelta(seconds=sent_s), NOW + timedelta(seconds=received_s))
    assert seen.ahead_s == pytest.approx(ahead_s)
    # An answer that states less changes nothing.
    seen.note(header, NOW - timedelta(seconds=500), NOW - timedelta(seconds=400))
    assert seen.ahead_s == pytest.approx(ahead_s)


@pytest.mark.parametrize("stated", ["", "soon", "Mon, 99 Jan 2024 14:30:00 GMT"])
def test_a_clock_that_is_not_stated_is_not_known(stated: str) -> None:
    seen = Observations()
    seen.note({"date": stated}, NOW, NOW)
    assert seen.ahead_s is None
