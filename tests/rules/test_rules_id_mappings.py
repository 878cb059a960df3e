"""The id map leads from each record to its row, or the next sync goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from edited_clubs import BEFORE, OTHER_RUN, Accounted, EditedClub, edited_club
from support import check_of

from recon.model import ENTITIES, Check, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SMALL = {"members": 20, "events": 12, "registrations": 40}
TYPES = {"members": "Member", "events": "Event", "registrations": "EventRegistration"}
NOWHERE = "0f000000-0000-4000-8000-000000000001"
Change = dict[str, Any]


def mappings(club: EditedClub, entity: str) -> list[dict[str, Any]]:
    return [mapping for mapping in club.mappings if mapping["entityType"] == TYPES[entity]]


def forget(club: EditedClub, *entities: str, kept: int = 0) -> None:
    """Delete the database's mappings of these entities but for the first ones."""
    gone = [id(mapping) for entity in entities for mapping in mappings(club, entity)[kept:]]
    club.club.tables["WaIdMapping"] = [mapping for mapping in club.mappings if id(mapping) not in gone]


def exchange(club: EditedClub) -> None:
    first, second = mappings(club, "members")[:2]
    first["murmurantId"], second["murmurantId"] = second["murmurantId"], first["murmurantId"]


def lead_nowhere(club: EditedClub) -> None:
    mappings(club, "events")[0]["murmurantId"] = NOWHERE


def lead_to_another_entity(club: EditedClub) -> None:
    mappings(club, "events")[0]["murmurantId"] = club.rows("members")[3]["id"]


def take_for_another_entity(club: EditedClub) -> None:
    mappings(club, "events")[0]["entityType"] = "Member"


def report_otherwise(club: EditedClub) -> None:
    listed = club.report["idMapping"]["members"]
    listed[0]["murmurantId"], listed[1]["murmurantId"] = listed[1]["murmurantId"], listed[0]["murmurantId"]


def report_another_id(club: EditedClub) -> None:
    club.report["idMapping"]["events"][0]["waId"] = "4999999"


def name_another_id(club: EditedClub) -> None:
    mappings(club, "registrations")[0]["waId"] = 29_999_999


def checked(club: EditedClub, folder: Path) -> tuple[Check, Accounted]:
    found = club.account(folder, loose=True)
    return check_of(found.verification, "id_mappings"), found


FAULTS: dict[str, tuple[Callable[[EditedClub], None], str, str, set[str]]] = {
    "all of the members deleted": (
        lambda club: forget(club, "members"),
        "20 members",
        "The next sync would update 52 rightly, create 20 again and write 0 over another's row",
        {"not mapped"},
    ),
    "some deleted": (
        lambda club: forget(club, "registrations", kept=37),
        "3 registrations",
        "The next sync would update 69 rightly, create 3 again and write 0 over another's row",
        {"not mapped"},
    ),
    "two exchanged": (
        exchange,
        "2 members",
        "The next sync would update 70 rightly, create 0 again and write 2 over another's row",
        {"maps to another row than the record has"},
    ),
    "to no row": (
        lead_nowhere,
        "1 event",
        "The next sync would update 71 rightly, create 1 again and write 0 over another's row",
        {"maps to no row"},
    ),
    "to a row of another entity": (
        lead_to_another_entity,
        "1 event",
        "The next sync would update 71 rightly, create 1 again and write 0 over another's row",
        {"maps to a row of another entity"},
    ),
    "of another entity": (
        take_for_another_entity,
        "1 member, 1 event",
        "The next sync would update 71 rightly, create 1 again and write 0 over another's row",
        {"maps to a row of another entity", "not mapped"},
    ),
    "the report's exchanged": (
        report_otherwise,
        "2 members",
        "The next sync would update 70 rightly, create 0 again and write 2 over another's row",
        {"maps to another row than the report says"},
    ),
    "the report's of another id": (
        report_another_id,
        "1 event",
        "The next sync would update 72 rightly, create 1 again and write 0 over another's row",
        {"not mapped", "the report does not map it"},
    ),
    "of another id": (
        name_another_id,
        "2 registrations",
        "The next sync would update 71 rightly, create 1 again and write 0 over another's row",
        {"not mapped", "maps to the row of another Wild Apricot id"},
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_mapping_that_leads_astray_fails(tmp_path: Path, fault: str) -> None:
    change, of, detail, problems = FAULTS[fault]
    club = edited_club(**SMALL)
    change(club)

    check, _ = checked(club, tmp_path)

    assert (check.outcome, check.message) == (Outcome.FAIL, f"Wrong id mappings: {of}")
    assert check.detail == detail
    assert {row["problem"] for row in check.violations.to_dicts()} <= problems
    assert bool(check.escalate) == (fault != "to no row")


def test_a_clean_club_has_every_record_mapped(tmp_path: Path) -> None:
    """Whatever the case of the entity types is."""
    club = edited_club(**SMALL)
    for mapping in club.mappings[::2]:
        mapping["entityType"] = mapping["entityType"].lower()

    check, _ = checked(club, tmp_path)

    assert (check.outcome, check.message) == (Outcome.PASS, "Every record is mapped to its row: 72")


def test_merged_and_skipped_records_share_a_row_rightly(tmp_path: Path) -> None:
    club = edited_club(**SMALL)
    event = club.records("events")[0]
    again = {**event, "_sourceRow": 90, "_waId": "4999999", "_action": "skip"}
    club.records("events").append(again)
    club.report["idMapping"]["events"].append({"waId": "4999999", "murmurantId": event["_murmurantId"]})
    club.mappings.append({**club.mapping_of(event), "id": NOWHERE, "waId": 4999999})
    unmapped = club.records("events")[1]
    unmapped["_action"] = "skip"
    club.forget_ids("events", dict(unmapped))

    check, _ = checked(club, tmp_path)

    assert (check.outcome, check.message) == (Outcome.PASS, "Every record is mapped to its row: 71")


def test_mappings_that_another_run_relabelled_warn(tmp_path: Path) -> None:
    """As every sync does; a record that this run did not create may well have kept its label."""
    club = edited_club(**SMALL)
    for mapping in mappings(club, "members")[:10]:
        mapping["syncRunId"] = OTHER_RUN
    club.records("members")[0]["_action"] = "update"
    mappings(club, "events")[0]["syncRunId"] = None

    check, _ = checked(club, tmp_path)

    assert check.outcome is Outcome.WARN
    assert check.message == "Not mapped by this run or its report: 9 members, 1 event"


def test_a_report_that_maps_some_of_what_it_created_warns(tmp_path: Path) -> None:
    club = edited_club(**SMALL)
    club.records("members")[0]["_action"] = "update"
    del club.report["idMapping"]["members"][:3]

    check, _ = checked(club, tmp_path)

    assert (check.outcome, check.message) == (Outcome.WARN, "Not mapped by this run or its report: 2 members")
    assert {row["problem"] for row in check.violations.to_dicts()} == {"the report does not map it"}


@pytest.mark.parametrize("lacking, warns", [(2, True), (3, False), (5, False)])
def test_a_report_that_maps_most_of_what_it_did_not_create_should_map_all(
    tmp_path: Path, lacking: int, *, warns: bool
) -> None:
    club = edited_club(**SMALL)
    records = club.records("events")[:5]
    for record, action in zip(records, ("update", "skip", "update", "skip", "update"), strict=True):
        record["_action"] = action
    del club.report["idMapping"]["events"][:lacking]

    check, _ = checked(club, tmp_path)

    assert check.outcome is (Outcome.WARN if warns else Outcome.PASS)
    assert [(v["problem"], v["wa_id"]) for v in check.violations.to_dicts()] == [
        ("the report does not map it", record["_waId"]) for record in records[: lacking if warns else 0]
    ]


WITHOUT_ID, WITHOUT_ROW = (
    "the report maps the row without a Wild Apricot id",
    "the report maps the Wild Apricot id without a row",
)


def test_a_mapping_of_the_report_that_lacks_an_id_warns(tmp_path: Path) -> None:
    """Whether the run created the record's row or found it, and however the id is lacking; nothing is named twice."""
    club = edited_club(**SMALL)
    pairs, listed = club.pairs("members"), club.report["idMapping"]["members"]
    for place, action in ((1, "update"), (2, "skip"), (4, "update"), (5, "skip")):
        pairs[place][0]["_action"] = action
    for place, half in enumerate([{"waId": None}, {"waId": ""}, {"waId": " "}]):
        listed[place].update(half)
    for place, half in enumerate([{"murmurantId": None}, {"murmurantId": ""}, {"murmurantId": " "}], start=3):
        listed[place].update(half)
    for place, key in ((6, "waId"), (7, "murmurantId")):
        del listed[place][key]
    club.report["idMapping"]["events"].append({"waId": None, "title": "Picnic"})

    check, _ = checked(club, tmp_path)

    assert (check.outcome, check.message) == (
        Outcome.WARN,
        "Not mapped by this run or its report: 8 members, 1 event",
    )
    problems = [*[WITHOUT_ID] * 3, *[WITHOUT_ROW] * 3, WITHOUT_ID, WITHOUT_ROW]
    of_members = {
        (problem, record["_waId"], record["_sourceRow"], row["id"])
        for problem, (record, row) in zip(problems, pairs, strict=False)
    }
    of_event = ("the report maps neither a Wild Apricot id nor a row", None, None, None)
    assert named(check) == {*of_members, of_event}


def named(check: Check) -> set[tuple[Any, ...]]:
    return {(v["problem"], v["wa_id"], v["source_row"], v["expected"]) for v in check.violations.to_dicts()}


def test_each_record_on_a_row_is_named_for_one_mapping_without_its_id(tmp_path: Path) -> None:
    """A row may be mapped twice, by a record that was merged into another's; a row of no record is named alone."""
    club = edited_club(**SMALL)
    event = club.records("events")[0]
    again = {**event, "_sourceRow": 90, "_waId": "4999999", "_action": "skip"}
    club.records("events").append(again)
    club.mappings.append({**club.mapping_of(event), "id": NOWHERE, "waId": 4999999})
    row_id = event["_murmurantId"]
    listed = club.report["idMapping"]["events"]
    listed[0]["waId"] = None
    listed += [{"waId": None, "murmurantId": row_id.upper()}, {"waId": None, "murmurantId": NOWHERE}]

    check, _ = checked(club, tmp_path)

    assert check.outcome is Outcome.WARN
    assert named(check) == {
        (WITHOUT_ID, event["_waId"], event["_sourceRow"], row_id),
        (WITHOUT_ID, "4999999", 90, row_id),
        (WITHOUT_ID, None, None, NOWHERE),
    }


def test_a_mapping_of_a_record_without_row_needs_none(tmp_path: Path) -> None:
    """A rejected record has no row, and one that was not written yet has the made-up one of a dry run."""
    club = edited_club(**SMALL)
    (record, row), (updated, _) = club.pairs("members")[:2]
    club.free_of_registrations(row["id"])
    club.remove("members", row=row)
    club.forget_ids("members", record)
    club.reject("members", record, "Missing email")
    updated["_action"] = "update"
    listed = club.report["idMapping"]["members"]
    listed[0]["murmurantId"] = "dry-17"
    listed += [{"waId": record["_waId"], "murmurantId": None}, {"waId": None, "murmurantId": "dry-18"}]

    check, _ = checked(club, tmp_path)

    assert check.outcome is Outcome.PASS, check.message


def test_a_short_bundle_that_lacks_an_id_is_completed_by_the_database(tmp_path: Path) -> None:
    club = edited_club(**SMALL)
    (first, row), (second, other) = club.pairs("members")[:2]
    for entity in ENTITIES:
        club.shorten(entity)
    listed = club.report["idMapping"]["members"]
    listed[0]["waId"], listed[1]["murmurantId"] = None, None
    listed.append({"waId": "60999999", "murmurantId": None})

    check, _ = checked(club, tmp_path)

    assert check.outcome is Outcome.WARN
    assert named(check) == {
        (WITHOUT_ID, first["_waId"], None, row["id"]),
        (WITHOUT_ROW, second["_waId"], None, other["id"]),
    }


def test_what_other_runs_mapped_and_lost_is_theirs(tmp_path: Path) -> None:
    club = edited_club(**SMALL)
    old = {**mappings(club, "events")[0], "waId": 1, "syncRunId": OTHER_RUN}
    club.mappings.append({**old, "id": NOWHERE, "murmurantId": NOWHERE})

    assert checked(club, tmp_path / "lost")[0].outcome is Outcome.WARN

    row = {**club.rows("events")[0], "id": NOWHERE, "title": "Older", "createdAt": BEFORE, "updatedAt": BEFORE}
    club.rows("events").append(row)

    assert checked(club, tmp_path / "there")[0].outcome is Outcome.PASS


@pytest.mark.parametrize(
    "entities, outcome, message",
    [
        (("registrations",), "WARN", "ID mappings are not recorded for registrations"),
        (ENTITIES, "WARN", "ID mappings are not recorded"),
        (("events", "registrations"), "FAIL", "Wrong id mappings: 12 events"),
    ],
)
def test_what_an_importer_does_not_map_is_not_recorded(
    tmp_path: Path, entities: tuple[str, ...], outcome: str, message: str
) -> None:
    """Registrations are in no bundle's mapping; an importer that maps nothing leaves the table empty."""
    club = edited_club(**SMALL)
    forget(club, *entities)

    check, _ = checked(club, tmp_path)

    assert (check.outcome, check.message) == (Outcome(outcome), message)


def test_a_short_bundle_is_judged_by_its_own_mapping(tmp_path: Path) -> None:
    club = edited_club(**SMALL)
    for entity in ENTITIES:
        club.shorten(entity)

    right, _ = checked(club, tmp_path / "right")
    exchange(club)
    wrong, _ = checked(club, tmp_path / "wrong")

    assert right.outcome is Outcome.WARN
    assert right.message == "The bundle does not say what is mapped of registrations"
    assert (wrong.outcome, wrong.message) == (Outcome.FAIL, "Wrong id mappings: 2 members")


@pytest.mark.parametrize("entity", ENTITIES)
def test_a_missing_record_whose_mapping_stands_is_named_and_unexplained(tmp_path: Path, entity: str) -> None:
    club = edited_club(**SMALL)
    (record, row), (other, lost) = club.pairs(entity)[:2]
    if entity != "registrations":
        club.free_of_registrations(row["id"], lost["id"])
    club.remove(entity, row=row)
    club.remove(entity, row=lost)
    club.forget_ids(entity, dict(other))

    check, found = checked(club, tmp_path)

    assert found.of_record(entity, record)["cause"] == "mapped_without_row"
    assert (
        found.of_record(entity, record)["reason"] == f"its id mapping names the row {row['id']}, which does not exist"
    )
    assert found.of_record(entity, other)["cause"] == "missing"
    assert found.ledger.unexplained_records == 2
    assert check.outcome is Outcome.FAIL
    (nowhere,) = (v for v in check.violations.to_dicts() if (v["entity"], v["problem"]) == (entity, "maps to no row"))
    assert (nowhere["wa_id"], nowhere["mapped_to"]) == (record["_waId"], row["id"])
