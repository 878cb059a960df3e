from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from edited_clubs import edited_club
from judged_rules import judge
from migrated_databases import KINDS, migrate, not_passed
from support import check_of, edit_report

from recon.bundle import frames, open_bundle
from recon.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from migrated_databases import Migration

    from recon.demo import DemoPaths
    from recon.model import Check

NOBODY = "0e000000-0000-4000-8000-000000000006"
NOTHING = "0e000000-0000-4000-8000-000000000007"
RUN_ID = "run-20240115-143000"
TWICE = "Wild Apricot id mapped more than once"
SHARED = "several Wild Apricot ids on one target row"


# What the ledger says of an orphan's record; nothing where no record is known.
UNNAMED = dict.fromkeys(
    ("source_row", "wa_id", "expected_member", "member_outcome", "expected_event", "event_outcome"), None
)


def refer(
    registrations: Sequence[tuple[str, str | None, str | None]],
    members: Sequence[str] = ("m1", "m2"),
    events: Sequence[str] = ("e1", "e2"),
) -> Check:
    """What the rule on orphans says: registrations as (id, member id, event id)."""
    people, meetings = [(m, None) for m in members], [(e,) for e in events]
    target = {"registrations": registrations, "members": people, "events": meetings}
    return judge("orphaned_registrations", target=target)


@pytest.mark.parametrize(
    "member, event, side",
    [
        ("gone", "e1", "member"),
        ("m1", "gone", "event"),
        ("gone", "lost", "member and event"),
        (None, "e1", "member"),
        ("m1", None, "event"),
        (None, None, "member and event"),
        ("gone", None, "member and event"),
        ("", "e1", "member"),
        ("e1", "e2", "member"),
    ],
    ids=["member", "event", "both", "no member", "no event", "neither", "one and none", "empty", "another's id"],
)
def test_an_orphan_is_one_violation_that_says_which_side(member: str | None, event: str | None, side: str) -> None:
    check = refer([("r1", "m1", "e1"), ("r2", member, event)])

    assert (check.outcome, check.violation_count) == (Outcome.FAIL, 1)
    assert check.violations.to_dicts() == [
        {"registration_id": "r2", "missing_side": side, "member_id": member, "event_id": event} | UNNAMED
    ]
    assert check.escalate == "Data integrity issue (orphaned registrations): 1"


def test_an_orphan_names_the_parents_of_its_record(tmp_path: Path) -> None:
    club = edited_club()
    of_members = {row["memberId"]: (record, row) for record, row in club.pairs("registrations")}
    (deleted, lost, misled, unclaimed), others = [*of_members.values()][:4], club.pairs("members")
    members = {row["id"]: (record, row) for record, row in others}
    events = {row["id"]: record["_waId"] for record, row in club.pairs("events")}
    club.remove("members", row=members[deleted[1]["memberId"]][1])
    rejected, row = members[lost[1]["memberId"]]
    club.remove("members", row=row)
    club.reject("members", rejected, "Duplicate contact")
    rejected["_murmurantId"] = row["id"]
    misled[1]["eventId"] = NOTHING
    unclaimed[1]["memberId"] = NOBODY
    club.forget_ids("registrations", unclaimed[0])
    club.remove("registrations", record=unclaimed[0])

    check = check_of(club.account(tmp_path, loose=True).verification, "orphaned_registrations")

    found = {row["registration_id"]: row for row in check.violations.to_dicts()}
    for (record, row), outcomes in (
        (deleted, ("missing_in_target", "landed")),
        (lost, ("rejected", "landed")),
        (misled, ("landed", "landed")),
    ):
        orphan = found[row["id"]]
        assert (orphan["source_row"], orphan["wa_id"]) == (record["_sourceRow"], record["_waId"])
        assert orphan["expected_member"] == members[record["memberId"]][0]["_waId"]
        assert orphan["expected_event"] == events[record["eventId"]]
        assert (orphan["member_outcome"], orphan["event_outcome"]) == outcomes
    assert {name: found[unclaimed[1]["id"]][name] for name in UNNAMED} == UNNAMED


def test_one_orphan_reads_as_one() -> None:
    assert refer([("r1", "gone", "e1")]).message == "Found 1 orphaned registration"


def test_orphans_are_counted_once_each() -> None:
    gone = [(f"r{i}", "gone", "lost") for i in range(7)]

    check = refer([("a", "m1", "e1"), *gone, ("s1", "gone", "e1"), ("s2", "m2", "lost")])

    assert (check.violation_count, check.message) == (9, "Found 9 orphaned registrations")
    assert check.violations["missing_side"].to_list() == ["member and event"] * 7 + ["member", "event"]


def test_repeated_parents_do_not_multiply() -> None:
    twice = {"members": ["m1", "m1", "m2"], "events": ["e1", "e1", "e1"]}

    assert refer([("r1", "m1", "e1"), ("r2", "m1", "e1")], **twice).outcome is Outcome.PASS
    orphan = refer([("r1", "m1", "e1"), ("r2", "gone", "e1"), ("r3", "m1", "lost")], **twice)
    assert (orphan.violation_count, orphan.violations["registration_id"].to_list()) == (2, ["r2", "r3"])


def test_parents_without_registrations_are_no_orphans() -> None:
    check = refer([("r1", "m1", "e1")], members=["m1", "alone"], events=["e1", "empty"])

    assert (check.outcome, check.message) == (Outcome.PASS, "No orphaned registrations found")


@pytest.mark.parametrize("kind", KINDS)
def test_orphans_in_a_database(kind: str, demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    migration = migrate(kind, demo, request)
    migration.drop_constraints()
    chosen = 'select id from "EventRegistration" order by id limit 1 offset'
    migration.execute(
        f'update "EventRegistration" set "memberId" = \'{NOBODY}\', "eventId" = \'{NOTHING}\' where id = ({chosen} 0)',
        f'update "EventRegistration" set "memberId" = \'{NOBODY}\' where id = ({chosen} 1)',
        f'update "EventRegistration" set "eventId" = \'{NOTHING}\' where id = ({chosen} 2)',
    )

    verification = migration.verify()

    assert not_passed(verification) == {
        "orphaned_registrations": ("FAIL", "Found 3 orphaned registrations"),
        "altered_records": ("FAIL", "Differ from their rows: 3 registrations"),
    }
    check = check_of(verification, "orphaned_registrations")
    rows = check.violations.to_dicts()
    assert [row["missing_side"] for row in rows] == ["member and event", "member", "event"]
    assert [row["member_id"] == NOBODY for row in rows] == [True, True, False]
    assert [row["event_id"] == NOTHING for row in rows] == [True, False, True]
    assert verification.escalation.required
    assert verification.escalation.situation == "Verification fails, major issues"


@pytest.mark.parametrize("kind", KINDS)
def test_a_member_and_its_events_deleted_leave_one_orphan_each(
    kind: str, demo: DemoPaths, request: pytest.FixtureRequest
) -> None:
    migration = migrate(kind, demo, request)
    migration.drop_constraints()
    migration.execute('delete from "Member"', 'delete from "Event"')

    check = check_of(migration.verify(), "orphaned_registrations")

    assert (check.outcome, check.message) == (Outcome.FAIL, "Found 150 orphaned registrations")
    assert set(check.violations["missing_side"].to_list()) == {"member and event"}


def test_a_null_reference_is_an_orphan(demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    migration = migrate("postgresql", demo, request)
    migration.execute(
        'alter table "EventRegistration" alter column "memberId" drop not null',
        'update "EventRegistration" set "memberId" = null where id = (select min(id::text)::uuid '
        'from "EventRegistration")',
    )

    check = check_of(migration.verify(), "orphaned_registrations")

    assert (check.outcome, check.violation_count) == (Outcome.FAIL, 1)
    assert check.violations["missing_side"].to_list() == ["member"]
    assert check.violations["member_id"].to_list() == [None]


Mapped = tuple[str, "str | None", "str | None"]


def mapped(database: Sequence[Mapped], bundle: Sequence[Mapped] = ()) -> Check:
    """What the rule on mappings says: (entity type, Wild Apricot id, target id)."""
    columns = dict.fromkeys(("entity_type", "wa_id", "target_id"), pl.String)
    source = {"id_mappings": pl.DataFrame(bundle, schema=columns, orient="row")}
    return judge("duplicate_id_mappings", source, {"id_mappings": database})


@pytest.mark.parametrize("origin", ["database", "bundle"])
def test_an_id_mapped_twice_names_both_rows(origin: str) -> None:
    rows: list[Mapped] = [("Member", "7", "row-b"), ("Member", "8", "row-c"), ("Member", "7", "row-a")]

    check = mapped(rows) if origin == "database" else mapped([("Member", "1", "row")], rows)

    assert check.outcome is Outcome.FAIL
    assert check.violations.to_dicts() == [
        {
            "origin": origin,
            "problem": TWICE,
            "entity_type": "Member",
            "wa_id": "7",
            "target_id": "row-a, row-b",
            "occurrences": 2,
        }
    ]


def test_one_duplicate_reads_as_one() -> None:
    check = mapped([("Member", "7", "row-b"), ("Member", "7", "row-a")])

    assert check.message == "Found 1 duplicate ID mapping"


@pytest.mark.parametrize("origin", ["database", "bundle"])
def test_a_target_row_with_two_ids_names_both_ids(origin: str) -> None:
    rows: list[Mapped] = [("Event", "9", "row"), ("Event", "8", "row"), ("Event", "7", "other")]

    check = mapped(rows) if origin == "database" else mapped([("Event", "1", "else")], rows)

    assert check.outcome is not Outcome.PASS
    assert check.violations.to_dicts() == [
        {
            "origin": origin,
            "problem": SHARED,
            "entity_type": "Event",
            "wa_id": "8, 9",
            "target_id": "row",
            "occurrences": 2,
        }
    ]


@pytest.mark.parametrize("origin", ["database", "bundle"])
def test_an_exact_repeat_is_one_duplicate(origin: str) -> None:
    rows: list[Mapped] = [("Member", "7", "row"), ("Member", "7", "row"), ("Member", "7", "row")]

    check = mapped(rows) if origin == "database" else mapped([("Event", "7", "row")], rows)

    assert check.outcome is Outcome.FAIL
    (found,) = check.violations.to_dicts()
    assert (found["problem"], found["wa_id"], found["occurrences"]) == (TWICE, "7", 3)


def test_each_duplicate_is_found_where_it_is() -> None:
    check = mapped(
        [("Member", "1", "a"), ("Member", "1", "b"), ("Event", "2", "c"), ("Event", "3", "c")],
        [("members", "1", "a"), ("events", "4", "d"), ("events", "4", "e"), ("members", "5", "a")],
    )

    found = check.violations.select("origin", "problem", "entity_type", "wa_id", "target_id").rows()
    assert sorted(found) == [
        ("bundle", TWICE, "events", "4", "d, e"),
        ("bundle", SHARED, "members", "1, 5", "a"),
        ("database", TWICE, "Member", "1", "a, b"),
        ("database", SHARED, "Event", "2, 3", "c"),
    ]
    assert (check.violation_count, check.message) == (4, "Found 4 duplicate ID mappings")


@pytest.mark.parametrize(
    "database, bundle",
    [
        ([("Member", "7", "a"), ("Event", "7", "b")], []),
        ([("Member", "7", "a"), ("Event", "8", "a"), ("EventRegistration", "9", "a")], []),
        ([("Member", "7", "a")], [("members", "7", "a")]),
        ([("Member", "7", "a")], [("members", "8", "a")]),
        ([("Member", "7", "a")], [("members", "7", "a"), ("events", "7", "b"), ("events", "8", "a")]),
        ([("Member", "7", "a"), ("Member", "07", "b")], []),
        ([("Member", "7", None), ("Member", "8", None)], []),
        ([("Member", "7", "a")], [("members", "7", None), ("members", "8", None)]),
        ([("Member", "7", "a")], [("members", "7", ""), ("members", "8", "")]),
        ([("Member", "7", "a")], [("members", None, "a"), ("members", None, "b")]),
    ],
    ids=[
        "one id of two entities",
        "one row of three entities",
        "the same on both sides",
        "another on each side",
        "one id of two entities in the bundle",
        "ids are texts",
        "no target",
        "no target in the bundle",
        "empty target in the bundle",
        "no id in the bundle",
    ],
)
def test_what_is_no_duplicate(database: list[Mapped], bundle: list[Mapped]) -> None:
    check = mapped(database, bundle)

    assert (check.outcome, check.message) == (Outcome.PASS, "No duplicate ID mappings found")


def test_older_keys_and_numbers_in_the_bundle_are_one_mapping(demo: DemoPaths) -> None:
    def map_again(report: dict[str, Any]) -> None:
        report["idMapping"] = {
            "members": [{"waId": 1001, "clubosId": "old"}, {"waId": "1001", "murmurantId": "new"}],
            "events": [{"waId": "WA7", "clubosId": "row"}, {"waId": "WA8", "murmurantId": "row"}],
        }

    edit_report(demo.bundle, map_again)

    source = {"id_mappings": frames(open_bundle(demo.bundle))["id_mappings"]}
    check = judge("duplicate_id_mappings", source, {"id_mappings": [("Member", "1", "row")]})

    found = check.violations.select("problem", "entity_type", "wa_id", "target_id").rows()
    assert sorted(found) == [(TWICE, "members", "1001", "new, old"), (SHARED, "events", "WA7, WA8", "row")]


@pytest.mark.parametrize("kind, generation", [("sqlite", "newer"), ("postgresql", "newer"), ("postgresql", "older")])
def test_duplicates_in_a_database(kind: str, generation: str, demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    migration = migrate(kind, demo, request, generation)
    migration.drop_constraints()
    column = "clubosId" if generation == "older" else "murmurantId"
    of_events = '"WaIdMapping" where "entityType" = \'Event\' order by "waId" limit 1'
    migration.execute(
        f"""
        insert into "WaIdMapping" (id, "entityType", "waId", "{column}", "updatedAt")
        select '{NOBODY}', 'Event', (select "waId" from {of_events}), '{NOTHING}', '2024-01-15 14:21:30.000'
        """
    )

    verification = migration.verify()

    assert {name: outcome for name, (outcome, _) in not_passed(verification).items()} == {
        "duplicate_id_mappings": "FAIL",
        "id_mappings": "FAIL",
    }
    (found,) = check_of(verification, "duplicate_id_mappings").violations.to_dicts()
    first = demo_mapping(demo)
    assert (found["origin"], found["entity_type"], found["wa_id"]) == ("database", "Event", first["waId"])
    assert set(found["target_id"].split(", ")) == {first["murmurantId"], NOTHING}
    assert found["occurrences"] == 2


def demo_mapping(demo: DemoPaths) -> dict[str, str]:
    report = json.loads((demo.bundle / "migration-report.json").read_text(encoding="utf-8"))
    first: dict[str, str] = report["idMapping"]["events"][0]
    return first


def test_ids_of_wild_apricot_may_be_text(demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    migration = migrate("postgresql", demo, request)
    migration.drop_constraints()
    migration.execute(
        """alter table "WaIdMapping" alter column "waId" type text using 'WA' || "waId" """,
        """
        update "WaIdMapping" set "waId" = 'WA001' where "entityType" = 'Event' and id in
          (select id from "WaIdMapping" where "entityType" = 'Event' order by "waId" limit 2)
        """,
    )

    check = check_of(migration.verify(), "duplicate_id_mappings")

    assert check.violations.select("problem", "wa_id", "occurrences").rows() == [(TWICE, "WA001", 2)]


EARLY, NOON, LATE = "2024-01-15 08:00:00", "2024-01-15 12:00:00", "2024-01-15 20:00:00"
Recorded = tuple["str | None", "str | None"]


def recorded(*runs: Recorded) -> Check:
    """What the rule on the run says of a bundle of run-1: runs as (run id, recorded at)."""
    source = {"run": pl.DataFrame({"run_id": ["run-1"]})}
    return judge("run_id_match", source, {"runs": [(run, moment, 1, "AuditLog.metadata") for run, moment in runs]})


@pytest.mark.parametrize(
    "runs",
    [
        [("run-1", NOON)],
        [("run-1", None)],
        [("run-1", NOON), ("run-1", EARLY)],
        [("run-1", NOON), ("run-0", EARLY)],
        [("run-1", NOON), ("run-0", NOON)],
        [("run-0", NOON), ("run-1", EARLY), ("run-1", LATE)],
        [("run-1", NOON), (None, LATE), ("", LATE), ("  ", None)],
    ],
    ids=["alone", "undated", "twice", "beside an older", "at one time", "newest in one place", "beside blanks"],
)
def test_the_newest_run_is_the_bundle_s(runs: list[Recorded]) -> None:
    check = recorded(*runs)

    assert (check.outcome, check.message, check.violation_count) == (Outcome.PASS, "Run ID matches: run-1", 0)
    assert (check.expected, check.actual) == ("run-1", "run-1")


@pytest.mark.parametrize(
    "runs, actual, count",
    [
        ([("run-0", EARLY)], "run-0", 1),
        ([("run-0", EARLY), ("run-2", LATE)], "run-2", 2),
        ([("run-0", None), ("run-2", LATE)], "run-2", 2),
        ([("run-0", None)], "run-0", 1),
        ([("run-10", NOON)], "run-10", 1),
        ([("RUN-1", NOON)], "RUN-1", 1),
        ([("run-0", EARLY), (None, LATE), (" ", LATE)], "run-0", 1),
    ],
    ids=["one", "the newest is named", "dated before undated", "undated", "no prefix", "another case", "beside blanks"],
)
def test_another_run_alone_is_a_failure(runs: list[Recorded], actual: str, count: int) -> None:
    check = recorded(*runs)

    assert check.outcome is Outcome.FAIL
    assert check.message == f"Run ID mismatch: expected run-1, the database records {actual}"
    assert (check.expected, check.actual, check.violation_count) == ("run-1", actual, count)


@pytest.mark.parametrize(
    "runs",
    [[("run-1", NOON), ("run-2", LATE)], [("run-0", EARLY), ("run-2", LATE), ("run-1", NOON), ("run-1", EARLY)]],
    ids=["one", "among others"],
)
def test_a_newer_run_warns_with_both(runs: list[Recorded]) -> None:
    check = recorded(*runs)

    assert check.outcome is Outcome.WARN
    assert check.message == "Run ID matches: run-1, but a newer run is recorded: run-2"
    assert check.violations["run_id"].to_list() == ["run-2"]


@pytest.mark.parametrize(
    "runs",
    [
        [("run-1", NOON), ("run-2", None)],
        [("run-1", None), ("run-2", LATE)],
        [("run-1", None), ("run-2", None)],
        [("run-1", NOON), ("run-0", EARLY), ("run-2", None)],
        [("run-1", NOON), ("run-0", NOON), ("run-2", None)],
    ],
    ids=["other undated", "own undated", "both undated", "beside an older", "beside one at that time"],
)
def test_another_run_that_may_be_newer_warns_with_both(runs: list[Recorded]) -> None:
    check = recorded(*runs)

    assert check.outcome is Outcome.WARN
    assert check.message == ("Run ID matches: run-1, but so is, without a time to tell which is newer: run-2")
    assert check.violations["run_id"].to_list() == ["run-2"]


def test_one_dated_record_of_a_run_is_enough() -> None:
    check = recorded(("run-1", NOON), ("run-0", EARLY), ("run-0", None))

    assert (check.outcome, check.message) == (Outcome.PASS, "Run ID matches: run-1")


@pytest.mark.parametrize(
    "runs", [[], [(None, NOON)], [("", NOON)], [("   ", NOON), (None, None)], [("\t", NOON)], [("\r\n \t", LATE)]]
)
def test_no_run_recorded_warns(runs: list[Recorded]) -> None:
    check = recorded(*runs)

    assert (check.outcome, check.violation_count) == (Outcome.WARN, 0)
    assert check.message == "No run is recorded: nothing says which migration the database holds"


def test_no_run_recorded_is_no_actual_run() -> None:
    check = recorded((None, NOON))

    assert (check.expected, check.actual) == ("run-1", None)


def test_blank_runs_do_not_hide_the_bundle_s() -> None:
    check = recorded(("\t\n", LATE), ("run-1", NOON))

    assert (check.outcome, check.message) == (Outcome.PASS, "Run ID matches: run-1")


def audit_again(metadata: str, number: int, moment: str = "'2024-01-15T14:21:30.000Z'") -> str:
    """The statement that adds an entry with this metadata to the audit log."""
    entry = f"0e000000-0000-4000-8000-{number:012}"
    return f"""
        insert into "AuditLog" (id, action, "resourceType", "resourceId", metadata, "createdAt")
        values ('{entry}', 'IMPORT', 'WaSync', '{NOTHING}', {metadata}, {moment})
        """


def only_audited(migration: Migration, entries: Sequence[str | None]) -> None:
    """Leave the record of the run to these entries of the audit log alone."""
    values = ["null" if metadata is None else f"'{metadata}'" for metadata in entries]
    migration.execute(
        'update "WaIdMapping" set "syncRunId" = null',
        'delete from "AuditLog"',
        *(audit_again(value, number) for number, value in enumerate(values)),
    )


# Each entry records a run of its own, so that the rule lists what was found where.
RECORDING = {
    "sqlite": {
        "syncRunId": '{"syncRunId": "syncRunId"}',
        "run_id": '{"run_id": "run_id", "rows": 5}',
        "null beside it": '{"syncRunId": null, "run_id": "null beside it"}',
        "blank beside it": '{"syncRunId": "", "run_id": "blank beside it"}',
    },
    "postgresql": {
        "run_id": '{"run_id": "run_id", "rows": 5}',
        "blank beside it": '{"syncRunId": "", "run_id": "blank beside it"}',
    },
}


@pytest.mark.parametrize("kind", RECORDING)
def test_the_audit_log_alone_records_the_run(kind: str, demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    migration = migrate(kind, demo, request)
    only_audited(migration, [*RECORDING[kind].values()])
    migration.execute(
        audit_again(f"""'{{"run_id": "{RUN_ID}"}}'""", len(RECORDING[kind]), "'2024-01-15T14:20:00.000Z'")
    )

    verification = migration.verify()

    assert not_passed(verification).keys() == {"run_id_match"}
    check = check_of(verification, "run_id_match")
    assert check.outcome is Outcome.WARN
    assert check.message.startswith(f"Run ID matches: {RUN_ID}, but a newer run is recorded: ")
    assert sorted(check.violations["run_id"].to_list()) == sorted(RECORDING[kind])


# If one of these recorded a run, its text would be the run that the database records.
NOT_RECORDING: dict[str, list[str | None]] = {
    "sqlite": [
        None,
        "{}",
        "[1]",
        '"text"',
        '{"runId": "another key"}',
        '{"syncRunId": null}',
        '{"syncRunId": "", "run_id": " "}',
        "imported by hand",
        "{",
        '{"syncRunId": "run-',
        "",
    ],
    "postgresql": ['["syncRunId", {"syncRunId": "run-1"}]', '{"syncRunId": "", "run_id": " "}'],
}


@pytest.mark.parametrize("kind", KINDS)
def test_metadata_without_a_run_records_none(kind: str, demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    migration = migrate(kind, demo, request)
    only_audited(migration, NOT_RECORDING[kind])

    assert not_passed(migration.verify()) == {
        "run_id_match": ("WARN", "No run is recorded: nothing says which migration the database holds")
    }


def test_metadata_that_is_no_json_is_passed_over(demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    migration = migrate("sqlite", demo, request)
    migration.execute(*(audit_again(f"'{text}'", n) for n, text in enumerate(("imported by hand", "{", ""))))

    assert not_passed(migration.verify()) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_the_mappings_alone_record_the_run(kind: str, demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    migration = migrate(kind, demo, request)
    migration.execute('delete from "AuditLog"')

    assert not_passed(migration.verify()) == {}


def test_the_older_generation_without_audit_log_records_none(demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    migration = migrate("postgresql", demo, request, "older")
    migration.execute('delete from "AuditLog"')

    assert not_passed(migration.verify()) == {
        "run_id_match": ("WARN", "No run is recorded: nothing says which migration the database holds")
    }


def test_the_older_generation_records_the_run_in_its_audit_log(demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    migration = migrate("postgresql", demo, request, "older")
    migration.execute("""update "AuditLog" set metadata = '{"run_id": "run-other"}'""")

    assert not_passed(migration.verify()) == {
        "run_id_match": ("FAIL", f"Run ID mismatch: expected {RUN_ID}, the database records run-other")
    }


def test_times_of_runs_are_read_in_any_form(demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    migration = migrate("sqlite", demo, request)
    moments = {"as text": "'2024-01-16T10:15:00.000Z'", "as milliseconds": "1705400100001"}
    for number, (run, moment) in enumerate(moments.items()):
        migration.execute(audit_again(f"""'{{"run_id": "{run}"}}'""", number, moment))

    verification = migration.verify()

    assert not_passed(verification) == {
        "run_id_match": ("WARN", f"Run ID matches: {RUN_ID}, but a newer run is recorded: as milliseconds")
    }
    newer = check_of(verification, "run_id_match").violations
    assert [(run, str(moment)) for run, moment in newer.select("run_id", "recorded_at").rows()] == [
        ("as milliseconds", "2024-01-16 10:15:00.001000"),
        ("as text", "2024-01-16 10:15:00"),
    ]
