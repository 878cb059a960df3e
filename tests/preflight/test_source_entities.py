from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from source_findings import Waits, ask, ask_one
from wild_apricot import ACCOUNT, Reply, StandIn, contact, stand_in

from recon.errors import ApiRefusal
from recon.model import Outcome
from recon.preflight.source import SourceOptions
from recon.preflight.wild_apricot.entities import (
    CONTACT_FIELDS,
    CONTACTS,
    EVENTS,
    MEMBERSHIP_LEVELS,
    REGISTRATIONS,
    ApiEntity,
)
from recon.preflight.wild_apricot.pages import MOST_PAGES, PAGE_SIZE, read_pages
from recon.preflight.wild_apricot.shapes import count_of, described, mismatch, records_of

if TYPE_CHECKING:
    from collections.abc import Iterator

PASS, WARN, FAIL, ERROR = Outcome.PASS, Outcome.WARN, Outcome.FAIL, Outcome.ERROR
ENTITIES = (CONTACT_FIELDS, MEMBERSHIP_LEVELS, CONTACTS, EVENTS, REGISTRATIONS)
each_entity = pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.path)
# What a server may say that is none of the shapes; each is an empty list to a client that expects another one.
UNKNOWN: tuple[Any, ...] = (
    {"Entries": [{"Id": 1}]},
    {},
    {"Items": None},
    {"Contacts": {"Id": 1}, "Other": []},
    {"Items": [], "data": []},
    [1, 2],
    ["a"],
    [[]],
    "text",
    7,
    {"code": "200", "message": "fine"},
    {"State": "Complete"},
)
INSTEAD = (
    (Reply(401, {"code": "x"}), FAIL, "does not accept the key or its token"),
    (Reply(403, {"code": "Forbidden"}), FAIL, "may not read this"),
    (Reply(404, {}), FAIL, "nothing at this address"),
    (Reply(500, {"message": "oh"}), ERROR, "out of order"),
    (Reply(200, b'[{"Id": 1'), FAIL, "not JSON"),
    (Reply(200, b"\xff\xfe["), FAIL, "not JSON"),
    (Reply(200, b"[" * 100_000), FAIL, "not JSON"),
    (Reply(200, [{"Id": 1}] * 50, cut=True), ERROR, "cut off"),
    (Reply(200, b"x", {"Content-Encoding": "gzip"}), FAIL, "compressed"),
    (Reply(429, {}, {"Retry-After": "3600"}), ERROR, "longer than 60 s"),
    (Reply(429, {}), ERROR, "longer than 60 s"),
    (Reply(503, {}, {"Retry-After": "3600"}), ERROR, "longer than 60 s"),
    (Reply(503, {}), ERROR, "out of order"),
)
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Id", "Items", "Events", "Count", "Name", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.fixture
def club() -> Iterator[StandIn]:
    with stand_in() as running:
        yield running


def lists(club: StandIn) -> dict[str, list[dict[str, Any]]]:
    """The club's records by resource."""
    return {
        "contacts": club.contacts,
        "membershiplevels": club.levels,
        "contactfields": club.fields,
        "events": club.events,
        "eventregistrations": club.registrations,
    }


def judged(club: StandIn, entity: ApiEntity) -> tuple[Outcome, str]:
    """The check of one entity; that of registrations as it is after that of events."""
    check = ask(club).checks[entity.probe.id] if entity is REGISTRATIONS else ask_one(club, entity)
    return check.outcome, check.message


@each_entity
def test_nothing_read_where_something_is_counted_fails(entity: ApiEntity, club: StandIn) -> None:
    club.always(f"{entity.path}#count", Reply(body={"Count": 2147}))
    club.always(entity.path, Reply(body=[]))
    outcome, message = judged(club, entity)
    assert outcome is FAIL
    assert message.startswith(f"$count states 2,147 {entity.many}")
    assert message.endswith("and not one can be read")


@each_entity
def test_something_read_where_nothing_is_counted_fails(entity: ApiEntity, club: StandIn) -> None:
    club.always(f"{entity.path}#count", Reply(body={"Count": 0}))
    outcome, message = judged(club, entity)
    assert outcome is FAIL
    assert "$count states 0 " in message


@each_entity
def test_nothing_counted_and_nothing_read_warns(entity: ApiEntity, club: StandIn) -> None:
    for event in club.events:
        event["ConfirmedRegistrationsCount"] = 0
    club.always(f"{entity.path}#count", Reply(body={"Count": 0}))
    club.always(entity.path, Reply(body=[]))
    outcome, message = judged(club, entity)
    assert outcome is WARN
    assert message.startswith(f"Nothing there: $count states 0 {entity.many}")


@each_entity
def test_nothing_read_where_nothing_is_stated_is_not_known(entity: ApiEntity, club: StandIn) -> None:
    for event in club.events:
        event["ConfirmedRegistrationsCount"] = 0
    club.counts = False
    club.always(entity.path, Reply(body=[]))
    club.always(f"{entity.path}#count", Reply(body=[]))
    outcome, message = judged(club, entity)
    assert outcome is ERROR
    assert "may be none, or all lost" in message


@each_entity
@pytest.mark.parametrize("reply", [Reply(400, {}), Reply(405, {}), Reply(body={"code": "x"}), Reply(body=[])], ids=str)
def test_a_count_that_is_not_understood_is_told(reply: Reply, entity: ApiEntity, club: StandIn) -> None:
    club.always(f"{entity.path}#count", reply)
    outcome, message = judged(club, entity)
    assert outcome is PASS
    assert message.endswith("read and of the known shape; the API does not count them")


@each_entity
def test_an_unknown_shape_fails_and_is_named(entity: ApiEntity, club: StandIn) -> None:
    for document in UNKNOWN:
        club.always(entity.path, Reply(body=document))
        check = ask_one(club, entity)
        assert check.outcome is FAIL
        assert "shape that is not known" in check.message
        assert f"found {described(document)}" in check.message


@each_entity
@pytest.mark.parametrize("name", ["Items", "data", "own"])
def test_a_list_in_an_object_is_read_under_the_names_that_are_known(
    name: str, entity: ApiEntity, club: StandIn
) -> None:
    club.shapes[entity.path] = entity.names[0].upper() if name == "own" else name
    assert judged(club, entity)[0] is PASS


@each_entity
def test_what_the_api_says_instead_of_records_is_no_pass(entity: ApiEntity, club: StandIn) -> None:
    for reply, outcome, words in INSTEAD:
        club.always(entity.path, reply)
        check = ask_one(club, entity)
        assert (check.outcome, words in check.message) == (outcome, True), check.message


@each_entity
def test_what_goes_wrong_with_one_entity_hides_no_other(entity: ApiEntity, club: StandIn) -> None:
    club.always(entity.path, Reply(500, {}))
    found = ask(club)
    unpassed = {entity.probe.id.removeprefix("source_"): ERROR}
    if entity is EVENTS:
        unpassed["registrations"] = ERROR
        assert found["registrations"][1] == "Registrations are read by event, and there is no event to ask for"
    assert found.unpassed == unpassed


@pytest.mark.parametrize(
    "entity, name",
    [
        (CONTACTS, "Id"),
        (CONTACTS, "FirstName"),
        (CONTACTS, "LastName"),
        (CONTACTS, "Email"),
        (EVENTS, "Id"),
        (EVENTS, "Name"),
        (EVENTS, "StartDate"),
        (REGISTRATIONS, "Id"),
        (REGISTRATIONS, "Event"),
        (REGISTRATIONS, "Contact"),
        (REGISTRATIONS, "RegistrationDate"),
        (MEMBERSHIP_LEVELS, "Id"),
        (MEMBERSHIP_LEVELS, "Name"),
        (CONTACT_FIELDS, "FieldName"),
        (CONTACT_FIELDS, "SystemCode"),
    ],
)
@pytest.mark.parametrize("kind", ["absent", "another type"])
def test_a_record_without_what_an_import_needs_fails(entity: ApiEntity, name: str, kind: str, club: StandIn) -> None:
    records = lists(club)[entity.path]
    shown = records[1].pop(name)
    if kind != "absent":
        records[1][name] = [shown]
    # Answered as they are: the stand-in chooses registrations by what one of them lacks now.
    club.always(entity.path, Reply(body=records))
    club.always(f"{entity.path}#count", Reply(body={"Count": len(records)}))
    check = ask_one(club, entity)
    assert check.outcome is FAIL
    assert f"1 {entity.one} of {len(records)} read" in check.message
    assert check.violations["field"].to_list() == [name]
    assert check.violations["found"][0].startswith("absent" if kind == "absent" else "expected ")
    assert str(shown) not in f"{check} {check.violations.rows()}".replace(str(check.violations["id"][0]), "")


@pytest.mark.parametrize(
    "entity, change, row",
    [
        (CONTACTS, {"MembershipLevel": "Alumni"}, ("MembershipLevel", "expected ")),
        (CONTACTS, {"MembershipLevel": {"Name": "Alumni"}}, ("MembershipLevel.Id", "absent")),
        (CONTACTS, {"FieldValues": [{"Value": 1}]}, ("FieldValues[0].FieldName", "absent")),
        (CONTACTS, {"FieldValues": {}}, ("FieldValues", "expected ")),
        (EVENTS, {"StartDate": "06/01/2024 18:00"}, ("StartDate", "not a time")),
        (EVENTS, {"EndDate": "soon"}, ("EndDate", "not a time")),
        (EVENTS, {"RegistrationsLimit": "40"}, ("RegistrationsLimit", "expected ")),
        (REGISTRATIONS, {"Contact": {"Name": "Ana"}}, ("Contact.Id", "absent")),
        (REGISTRATIONS, {"RegistrationDate": "never"}, ("RegistrationDate", "not a time")),
    ],
)
def test_a_field_of_another_shape_fails(
    entity: ApiEntity, change: dict[str, Any], row: tuple[str, str], club: StandIn
) -> None:
    lists(club)[entity.path][1].update(change)
    check = ask_one(club, entity)
    assert check.outcome is FAIL
    assert check.violations.height == 1
    assert check.violations["field"][0] == row[0]
    assert check.violations["found"][0].startswith(row[1])
    assert check.violations["id"][0] == str(lists(club)[entity.path][1]["Id"])


@pytest.mark.parametrize(
    "entity, change, row",
    [
        (CONTACTS, {"Email": ""}, ("Email", "empty")),
        (CONTACTS, {"FirstName": None}, ("FirstName", "empty")),
        (EVENTS, {"Name": ""}, ("Name", "empty")),
        (EVENTS, {"StartDate": "2024-01-06T18:00:00"}, ("StartDate", "without the offset of its time zone")),
        (REGISTRATIONS, {"Contact": None}, ("Contact", "empty")),
        (MEMBERSHIP_LEVELS, {"Name": ""}, ("Name", "empty")),
    ],
)
def test_a_field_that_is_empty_is_a_remark(
    entity: ApiEntity, change: dict[str, Any], row: tuple[str, str], club: StandIn
) -> None:
    lists(club)[entity.path][1].update(change)
    check = ask_one(club, entity)
    assert check.outcome is WARN
    assert check.violations.rows() == [(str(lists(club)[entity.path][1]["Id"]), *row)]
    assert f"with remarks: {row[0]} {row[1]}" in check.message


def test_fields_that_the_shape_does_not_name_are_right(club: StandIn) -> None:
    for records in lists(club).values():
        for record in records:
            record["Added"] = {"by": ["a later version"]}
    assert ask(club).unpassed == {}


def test_contacts_of_whom_nobody_is_a_member_are_a_remark(club: StandIn) -> None:
    for each in club.contacts:
        del each["MembershipLevel"]
    check = ask_one(club, CONTACTS)
    assert check.outcome is WARN
    assert "nobody among them is a member" in check.message


def test_a_contact_without_a_level_among_members_is_right(club: StandIn) -> None:
    del club.contacts[0]["MembershipLevel"]
    club.contacts[1]["MembershipLevel"] = None
    assert ask_one(club, CONTACTS).outcome is PASS


def test_a_contact_field_that_an_import_needs_is_missed(club: StandIn) -> None:
    club.fields = [each for each in club.fields if each["SystemCode"] != "Email"]
    check = ask_one(club, CONTACT_FIELDS)
    assert check.outcome is WARN
    assert check.violations.rows() == [("", "Email", "no such contact field")]


def test_what_is_wrong_is_named_without_people(club: StandIn) -> None:
    club.contacts[3] |= {"Email": ["ana.private@club.example"], "Id": "805-555-0199"}
    club.always("events", Reply(403, {"message": "ana.private@club.example (805-555-0199) may not"}))
    text = ask(club).text
    assert "a***@*** (***99) may not" in text
    assert "ana.private" not in text
    assert "805-555" not in text


# Pages


def test_every_page_is_read_until_one_is_empty(club: StandIn) -> None:
    ask_one(club, CONTACTS)
    asked = [each.query for each in club.asked if each.resource == "contacts"]
    assert [each["$skip"] for each in asked] == ["0", "100", "130"]
    assert {each["$async"] for each in asked} == {"false"}


def test_a_page_that_is_short_in_the_middle_ends_nothing(club: StandIn) -> None:
    club.hidden = {club.contacts[40]["Id"]}
    check = ask_one(club, CONTACTS)
    assert check.outcome is FAIL
    short = "short: 99 of 100 records, and more after it"
    assert check.message == f"$count states 130 contacts, and reading to the end gives 129 (page 1 {short})"
    assert check.violations.rows() == [("", "page 1", short)]
    assert (check.expected, check.actual) == (130, 129)


def test_a_server_that_gives_fewer_than_asked_for_loses_nothing(club: StandIn) -> None:
    club.page_limit = 50
    check = ask_one(club, CONTACTS)
    assert check.outcome is WARN
    rows = [("", f"page {page}", "short: 50 of 100 records, and more after it") for page in (1, 2)]
    assert check.violations.rows() == rows
    assert check.message.startswith("130 contacts by $count, all read")


def test_records_that_come_twice_are_counted_once_and_named(club: StandIn) -> None:
    club.contacts[110] = club.contacts[5]
    club.contacts[7] = club.contacts[6]
    club.always("contacts#count", Reply(body={"Count": 128}))
    check = ask_one(club, CONTACTS)
    assert check.outcome is WARN
    assert check.violations.rows() == [
        (str(contact(6)["Id"]), "Id", "more than once, on pages 1"),
        (str(contact(5)["Id"]), "Id", "more than once, on pages 1 and 2"),
    ]


def test_more_than_is_counted_is_a_remark(club: StandIn) -> None:
    club.always("contacts#count", Reply(body={"Count": 120}))
    check = ask_one(club, CONTACTS)
    assert check.outcome is WARN
    assert check.violations.rows() == [("", "$count", "states 120, and 130 came")]


def test_a_server_that_does_not_page_is_not_asked_for_ever(club: StandIn) -> None:
    club.pages = False
    check = ask_one(club, CONTACTS)
    assert check.outcome is WARN
    assert check.violations.rows() == [("", "paging", "ignored: the same page comes again, without end")]
    assert club.resources().count("contacts") == 2


def test_so_many_pages_are_enough(club: StandIn) -> None:
    club.contacts = [contact(number) for number in range(720)]
    check = ask_one(club, CONTACTS)
    assert check.outcome is PASS
    assert check.message == "720 contacts by $count, the first 500 read and of the known shape"
    assert club.resources().count("contacts") == MOST_PAGES


@given(
    st.integers(0, 450),
    st.integers(1, PAGE_SIZE),
    st.sets(st.integers(0, 449), max_size=6),
)
def test_no_record_is_passed_over_or_taken_twice(total: int, limit: int, hidden: set[int]) -> None:
    def page_at(came: int) -> list[dict[str, Any]]:
        window = range(came, min(came + min(limit, PAGE_SIZE), total))
        return [{"Id": number} for number in window if number not in hidden]

    reading = read_pages(page_at, "Id", most=1000)
    ids = [record["Id"] for record in reading.records]
    assert len(ids) == len(set(ids))
    if not hidden:
        assert ids == list(range(total))
        assert reading.repeated == {}
        assert reading.is_whole


# Registrations


def test_registrations_are_those_of_the_event_that_has_most(club: StandIn) -> None:
    club.events[4]["PendingRegistrationsCount"] = 1
    ask(club)
    asked = [each.query["eventId"] for each in club.asked if each.resource == "eventregistrations"]
    assert asked == [str(club.events[2]["Id"])]


def test_registrations_that_the_event_states_and_nobody_counts_are_not_lost_unseen(club: StandIn) -> None:
    club.always("eventregistrations#count", Reply(400, {}))
    club.always("eventregistrations", Reply(body=[]))
    outcome, message = judged(club, REGISTRATIONS)
    assert outcome is FAIL
    assert message == "4 registrations of event 5500002 are stated there, and not one can be read"


def test_where_events_state_nothing_some_are_tried(club: StandIn) -> None:
    for event in club.events:
        del event["ConfirmedRegistrationsCount"], event["PendingRegistrationsCount"]
    assert judged(club, REGISTRATIONS) == (
        PASS,
        "4 registrations of event 5500002 by $count, all read and of the known shape",
    )
    asked = [each.query["eventId"] for each in club.asked if each.resource == "eventregistrations"]
    assert asked == [str(event["Id"]) for event in club.events[:3]]


# Results that are made while the client waits


@pytest.mark.parametrize(
    "states", [[], ["Queued"], ["Waiting", "Processing", "Processing"], ["Simmering", ""]], ids=str
)
def test_a_result_that_is_made_later_is_waited_for(states: list[str], club: StandIn) -> None:
    club.states = states
    waits = Waits()
    found = ask(club, waits)
    assert found.unpassed == {}
    assert waits.waited[: len(states) + 1] == [1, 2, 3, 5][: len(states) + 1]


@pytest.mark.parametrize("state", ["Queued", "Simmering", ""])
def test_a_result_that_never_comes_is_not_waited_for_for_ever(state: str, club: StandIn) -> None:
    club.states = [state] * 1000
    waits = Waits()
    check = ask_one(club, CONTACTS, waits)
    assert check.outcome is ERROR
    assert "longer than 60 s (http://127.0.0.1:" in check.message
    assert f"found the state {state!r}" in check.message
    assert 50 < sum(waits.waited) < 60


def test_a_result_that_failed_is_no_result(club: StandIn) -> None:
    club.states = ["Processing", "Failed"]
    check = ask_one(club, CONTACTS)
    assert check.outcome is ERROR
    assert "could not make the result" in check.message


def test_a_result_at_another_host_is_not_fetched(club: StandIn) -> None:
    for url in (
        "http://127.0.0.1:9/v2.2/r",
        "https://example.org/r",
        "//example.org/",
        "file:///etc/passwd",
        "",
        "http://[::1",
    ):
        club.always("contacts#count", Reply(body={"ResultId": "x", "State": "Queued", "ResultUrl": url}))
        check = ask_one(club, CONTACTS)
        assert check.outcome is FAIL
        assert "a ResultUrl of the host that was asked" in check.message
    assert set(club.resources()) == {"token", "contacts#count"}


def test_a_complete_result_without_records_is_an_unknown_shape(club: StandIn) -> None:
    promise = {"ResultId": "x", "State": "Complete", "ResultUrl": f"{club.root}/v2.2/accounts/{ACCOUNT}/r?resultId=x"}
    club.always("contacts", Reply(body=promise))
    club.always("result", Reply(body=promise))
    check = ask_one(club, CONTACTS)
    assert check.outcome is FAIL
    assert "found an object with ResultId, State, ResultUrl" in check.message


# Version 2.3


@pytest.mark.parametrize("names", [{}, {"contacts": "data", "events": "data", "eventregistrations": "data"}], ids=str)
@pytest.mark.parametrize("states, version", [(None, "v2.3"), (["Processing"], "v2.3"), (None, "v2.10")], ids=str)
def test_version_2_3_is_read(names: dict[str, str], states: list[str] | None, version: str, club: StandIn) -> None:
    club.shapes, club.states = names, states
    environment = {**club.environment, "WA_API_URL": f"{club.root}/{version}"}
    found = ask(club, options=SourceOptions(environment=environment))
    assert found.unpassed == {}
    asked = [each.query for each in club.asked if each.resource == "events"]
    assert all("top" in each and "skip" in each and "$top" not in each for each in asked)


# Any document


@given(json)
def test_no_document_is_taken_for_records_that_it_does_not_hold(document: object) -> None:
    is_known = isinstance(document, list) and all(isinstance(item, dict) for item in document)
    if isinstance(document, dict):
        found = [value for name, value in document.items() if name in {"Items", "Events"} and isinstance(value, list)]
        is_known = len(found) == 1 and all(isinstance(item, dict) for item in found[0])
    if not is_known:
        with pytest.raises(ApiRefusal, match="shape that is not known") as refusal:
            records_of(document, ("Events",), "here")
        assert described(document) in refusal.value.message
        return
    records = records_of(document, ("Events",), "here")
    assert records in ([*document.values()] if isinstance(document, dict) else [document])
    for record in records:
        assert (mismatch(record, EVENTS.shape) is None) <= isinstance(record.get("Id"), int | str)


@given(json)
def test_a_count_is_a_number_that_is_stated(document: object) -> None:
    found = count_of(document)
    assert found is None or found >= 0
    assert (found is not None) <= (found in (document, document.get("Count") if isinstance(document, dict) else None))
