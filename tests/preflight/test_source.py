from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from socket import socket
from typing import TYPE_CHECKING

import pytest
from source_findings import LIMIT_S, Waits, ask
from wild_apricot import ACCOUNT, KEY, READING, Reply, StandIn, stand_in

from recon.errors import UsageError
from recon.model import Outcome
from recon.preflight.assessing import Step, assess
from recon.preflight.source import SourceOptions, ask_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASS, WARN, FAIL, ERROR = Outcome.PASS, Outcome.WARN, Outcome.FAIL, Outcome.ERROR
ALL_CHECKS = ["key", "token", "account", "scopes", "contact_fields", "membership_levels"]
ALL_CHECKS += ["contacts", "events", "registrations", "clock"]


@pytest.fixture
def club() -> Iterator[StandIn]:
    with stand_in() as running:
        yield running


def test_a_club_that_can_be_read_passes_and_is_only_read(club: StandIn) -> None:
    found = ask(club)
    assert found.unpassed == {}
    assert [name.removeprefix("source_") for name in found.checks] == ALL_CHECKS
    assert [asked.resource for asked in club.asked if asked.method != "GET"] == ["token"]
    assert found["contacts"][1] == "130 contacts by $count, all read and of the known shape"
    assert found["registrations"][1] == "4 registrations of event 5500002 by $count, all read and of the known shape"
    assert {check.category for check in found.checks.values()} == {"source"}


def test_what_is_found_and_not_judged_is_told(club: StandIn) -> None:
    facts = ask(club).facts
    assert facts["API"] == f"{club.root}/v2.2"
    assert facts["Account"] == f"{ACCOUNT} (Harbour Newcomers Club)"
    assert facts["Time zone of the account"] == "Pacific Standard Time"
    assert facts["Archived contacts"] == "6 of 130, which an import without a filter reads too"
    assert facts["Requests left"] == "not stated"
    assert facts["Requests"].startswith(f"{len(club.asked)}, of which 0 ")


def test_that_archived_contacts_are_among_them_may_not_be_stated(club: StandIn) -> None:
    club.script("contacts#count", Reply(), Reply(400, {"code": "400", "message": "no such field"}))
    assert ask(club).facts["Archived contacts"] == "not stated; an import without a filter reads them too"


def test_httpx_is_loaded_only_where_something_is_asked() -> None:
    code = "import sys, recon.preflight.source; print([name for name in ('httpx', 'httpcore') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("value", [None, "", "  \n"])
def test_without_a_key_nothing_is_known(value: str | None, club: StandIn) -> None:
    given = {name: text for name, text in club.environment.items() if name != "WA_API_KEY"}
    found = ask(club, options=SourceOptions(environment=given if value is None else {**given, "WA_API_KEY": value}))
    assert found.unpassed == {"key": ERROR}
    assert "environment variable WA_API_KEY" in found["key"][1]
    assert "set WA_API_KEY, or give a file of mode 0600 with --wa-key-file" in found["key"][1]
    assert club.asked == []


@pytest.mark.parametrize("value", ["two words", "kéy", "a\x00b", "x" * 5000, "key\nWA_ACCOUNT_ID=1"])
def test_what_cannot_be_a_key_is_not_sent_and_not_shown(value: str, club: StandIn) -> None:
    found = ask(club, options=SourceOptions(environment={**club.environment, "WA_API_KEY": value}))
    assert found.unpassed == {"key": ERROR}
    assert value not in found.text
    assert club.asked == []


@pytest.mark.parametrize("mode, outcome", [(0o600, PASS), (0o400, PASS), (0o644, WARN), (0o640, WARN), (0o604, WARN)])
def test_a_key_file_that_others_can_read_is_named(mode: int, outcome: Outcome, club: StandIn, tmp_path: Path) -> None:
    file = tmp_path / "wa.key"
    file.write_text(f"\ufeff{KEY}\r\n", encoding="utf-8")
    file.chmod(mode)
    environment = {**club.environment, "WA_API_KEY": "that-of-another-account"}
    found = ask(club, options=SourceOptions(key_file=file, environment=environment))
    assert found["key"][0] is outcome
    assert ("mode" in found["key"][1]) == (outcome is WARN)
    assert found["token"][0] is PASS


def test_a_key_file_that_cannot_be_read_is_not_repeated(club: StandIn, tmp_path: Path) -> None:
    for file in (tmp_path, tmp_path / "absent", KEY, "a\x00b"):
        found = ask(club, options=SourceOptions(key_file=file, environment=club.environment))
        assert found.unpassed == {"key": ERROR}
        assert KEY not in found.text
        assert "--wa-key-file" in found["key"][1]
    assert club.asked == []


def test_a_key_that_is_not_accepted_fails_and_is_not_repeated(club: StandIn) -> None:
    other = "another-key-77aa"
    found = ask(club, options=SourceOptions(environment={**club.environment, "WA_API_KEY": other}))
    assert found.unpassed == {"token": FAIL}
    assert "The key is not accepted" in found["token"][1]
    assert "status 401 Unauthorized (invalid_client; unknown APIKEY:***)" in found["token"][1]
    assert other not in found.text
    assert "clock" in {name.removeprefix("source_") for name in found.checks}


@pytest.mark.parametrize(
    "reply, outcome, words",
    [
        (Reply(400, {"error": "invalid_grant"}), FAIL, "invalid_grant"),
        (Reply(403, {}), FAIL, "403 Forbidden"),
        (Reply(404, b"<html>"), FAIL, "nothing at this address"),
        (Reply(500, {}), ERROR, "out of order"),
        (Reply(405, {}), ERROR, "does not understand"),
        (Reply(599, b""), ERROR, "status 599"),
        (Reply(200, b"<html>sign in</html>"), FAIL, "a page of HTML"),
        (Reply(200, b""), FAIL, "found nothing"),
        (Reply(200, []), FAIL, "expected object, found array"),
        (Reply(200, {"token": "x"}), FAIL, "access_token: absent"),
        (Reply(200, {"access_token": 1}), FAIL, "access_token: expected str"),
        (Reply(200, {"access_token": "a b\r\nX: y"}), FAIL, "access_token"),
        (Reply(200, {"access_token": "x", "Permissions": {}}), FAIL, "Permissions: expected array"),
        (Reply(200, {"access_token": "x" * 400}, cut=True), ERROR, "cut off"),
    ],
)
def test_where_there_is_no_token_there_is_nothing_further(
    reply: Reply, outcome: Outcome, words: str, club: StandIn
) -> None:
    club.always("token", reply)
    found = ask(club)
    assert found["token"][0] is outcome
    assert words in found["token"][1]
    assert set(club.resources()) == {"token"}


def test_a_host_that_is_not_there_is_no_result(club: StandIn) -> None:
    with socket() as taken:
        # Nobody listens there, and nobody else can be given it.
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/auth/token"
        found = ask(club, options=SourceOptions(environment={**club.environment, "WA_OAUTH_URL": url}))
    assert found["token"][0] is ERROR
    assert "cannot be reached" in found["token"][1]
    assert club.asked == []


@pytest.mark.parametrize(
    "opened, wanted, outcome, words",
    [
        ([ACCOUNT], str(ACCOUNT), PASS, "is meant, 204118"),
        ([ACCOUNT], "", PASS, "opens one account, 204118; WA_ACCOUNT_ID names none"),
        ([str(ACCOUNT)], f" {ACCOUNT} ", PASS, "is meant, 204118"),
        ([ACCOUNT, 9, ACCOUNT], str(ACCOUNT), PASS, "is meant, 204118"),
        (
            [ACCOUNT, 9],
            "",
            ERROR,
            "opens 2 accounts, and none of them is named (WA_ACCOUNT_ID): expected one of 204118, 9",
        ),
        ([9], str(ACCOUNT), FAIL, "expected 204118, found 9"),
        ([9], "", FAIL, "describes another account"),
    ],
)
def test_the_account_is_the_one_that_is_meant(
    opened: list[object], wanted: str, outcome: Outcome, words: str, club: StandIn
) -> None:
    club.permissions = [{"AccountId": account, "AvailableScopes": READING} for account in opened]
    found = ask(club, options=SourceOptions(environment={**club.environment, "WA_ACCOUNT_ID": wanted}))
    assert found["account"][0] is outcome
    assert words in found["account"][1]
    assert (found.facts.get("Other accounts of the key") == "9") == (outcome is PASS and 9 in opened)
    assert ("source_events" in found.checks) == (outcome is PASS)


def test_the_option_names_the_account_over_the_environment(club: StandIn) -> None:
    options = SourceOptions(account_id="9", environment=club.environment)
    assert ask(club, options=options)["account"][0] is FAIL


def test_a_token_without_accounts_leaves_them_to_the_api(club: StandIn) -> None:
    club.permissions = None
    found = ask(club, options=SourceOptions(environment={**club.environment, "WA_ACCOUNT_ID": ""}))
    assert found.unpassed == {"scopes": WARN}
    assert "Not recorded" in found["scopes"][1]
    assert "accounts" in club.resources()


@pytest.mark.parametrize("document", [[], {"Accounts": []}, {"Id": None}, [{"Id": 1}, 2]])
def test_a_list_of_accounts_that_is_none_is_no_account(document: object, club: StandIn) -> None:
    club.permissions = []
    club.always("accounts", Reply(body=document))
    assert ask(club)["account"][0] is FAIL


@pytest.mark.parametrize("document", [[], {}, {"Id": {}}, "text", None, {"data": []}])
def test_an_account_in_an_unknown_shape_fails(document: object, club: StandIn) -> None:
    club.always("account", Reply(body=b"null" if document is None else document))
    outcome, message = ask(club)["account"]
    assert outcome is FAIL
    assert "shape that is not known" in message


@pytest.mark.parametrize(
    "scopes, outcome, words",
    [
        (READING, PASS, "nothing else than read (5 rights)"),
        ([*READING, "contacts_me", "finances_view"], PASS, "(7 rights)"),
        ([*READING, "contacts_edit", "emails_send"], WARN, "does not need: contacts_edit, emails_send"),
        ([*READING, "everything"], WARN, "everything"),
        ([scope for scope in READING if scope != "events_view"], FAIL, "lacks events_view"),
        ([scope.replace("events_view", "events_edit") for scope in READING], WARN, "events_edit"),
        ([], FAIL, "lacks account_view, contacts_view, membership_levels_view, events_view, event_registrations_view"),
        (None, WARN, "Not recorded"),
    ],
)  # fmt: skip
def test_the_key_may_read_all_and_write_nothing(
    scopes: list[str] | None, outcome: Outcome, words: str, club: StandIn
) -> None:
    club.permissions = [{"AccountId": 9, "AvailableScopes": ["club_delete"]}, {"AccountId": ACCOUNT}]
    if scopes is not None:
        club.permissions[1]["AvailableScopes"] = scopes
    found = ask(club)
    assert found["scopes"][0] is outcome
    assert words in found["scopes"][1]
    assert found["events"][0] is PASS


def test_every_right_that_writes_is_a_row(club: StandIn) -> None:
    club.permissions[0]["AvailableScopes"] = [*READING[1:], "contacts_edit", "events_edit"]
    check = ask(club).checks["source_scopes"]
    rows = [("account_view", "lacking"), ("contacts_edit", "may write"), ("events_edit", "may write")]
    assert check.violations.rows() == rows
    assert check.violation_count == 3


@pytest.mark.parametrize(
    "clock_s, outcome, words",
    [
        (0, PASS, "right to 1 s"),
        (45, PASS, "right to"),
        (-45, PASS, "right to"),
        (150, WARN, "behind the API's, more than 60 s"),
        (-150, WARN, "ahead of the API's, more than 60 s"),
        (4000, FAIL, "behind the API's, more than 300 s"),
        (-4000, FAIL, "ahead of the API's, more than 300 s"),
    ],
)
def test_the_clock_is_that_of_the_api(clock_s: int, outcome: Outcome, words: str, club: StandIn) -> None:
    club.clock_s = clock_s
    found = ask(club)
    assert found["clock"][0] is outcome
    assert words in found["clock"][1]


@pytest.mark.parametrize(
    "name, value, outcome",
    [
        ("X-RateLimit-Remaining", "41", PASS),
        ("X-Rate-Limit-Remaining", "9", WARN),
        ("RateLimit-Remaining", "0", WARN),
        ("X-RateLimit-Remaining", "many", None),
        ("X-RateLimit-Limit", "60", None),
    ],
)
def test_the_rate_left_is_told_where_it_is_stated(
    name: str, value: str, outcome: Outcome | None, club: StandIn
) -> None:
    club.always("eventregistrations", Reply(headers={name: value}))
    found = ask(club)
    assert found.facts["Requests left"] == (value if outcome else "not stated")
    assert ("source_rate" in found.checks) == (outcome is not None)
    if outcome:
        assert found["rate"][0] is outcome


def test_a_limit_that_was_met_is_told_even_if_all_was_read(club: StandIn) -> None:
    waits = Waits()
    club.script("events", Reply(429, headers={"Retry-After": "7"}))
    club.script("membershiplevels", Reply(429))
    found = ask(club, waits)
    assert found.unpassed == {"rate": WARN}
    assert found["rate"][1].startswith("2 times the API answered that it is asked too often")
    assert found.facts["Requests"].endswith("of which 2 were answered 429 and waited for 8 s")
    assert waits.waited == [1, 7]


@pytest.mark.parametrize(
    "name, url, words",
    [
        ("WA_API_URL", "http://api.example.org/v2.2", "without encryption"),
        ("WA_OAUTH_URL", "http://192.0.2.1/auth/token", "without encryption"),
        ("WA_API_URL", "https://user:hunter2@api.example.org", "no user and no password"),
        ("WA_API_URL", "ftp://127.0.0.1/", "no address of an API"),
        ("WA_API_URL", "https://api.example.org/?key=1", "no address of an API"),
        ("WA_API_URL", "https://", "no address of an API"),
        ("WA_API_URL", "https://[::1", "no address of an API"),
        ("WA_API_URL", "https://api.example.org:port", "no address of an API"),
        ("WA_API_URL", "api.example.org", "no address of an API"),
        ("WA_OAUTH_URL", "http://127.0.0.1.example.org/", "without encryption"),
    ],
)
def test_the_key_goes_to_encrypted_hosts_or_this_machine(name: str, url: str, words: str, club: StandIn) -> None:
    options = SourceOptions(environment={**club.environment, name: url})
    with pytest.raises(UsageError, match=words) as refusal:
        list(ask_source(options))
    assert name in refusal.value.message
    assert "hunter2" not in refusal.value.message
    part = assess("preflight", "Preflight", [Step("source", "Source", lambda: ask_source(options))]).parts[0]
    assert [check.outcome for check in part.checks] == [ERROR]
    assert club.asked == []


def test_addresses_without_a_path_get_that_of_the_service(club: StandIn) -> None:
    options = SourceOptions(api_url=f"{club.root}/", oauth_url=club.root, environment=club.environment)
    assert ask(club, options=options).unpassed == {}


def test_an_address_may_be_written_in_other_ways(club: StandIn) -> None:
    root = club.root.replace("http://127.0.0.1", "HTTP://LocalHost")
    options = SourceOptions(api_url=f"{root}/v2.2/", oauth_url=f" {root}/auth/token ", environment=club.environment)
    assert ask(club, options=options).unpassed == {}


def test_the_options_show_no_key() -> None:
    assert KEY not in repr(SourceOptions(environment={"WA_API_KEY": KEY}))
    assert SourceOptions().variables is os.environ
    assert replace(SourceOptions(), timeout_s=LIMIT_S).timeout_s == LIMIT_S
