from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from recon.demo import FAULTS, Club, DemoPaths, generate, plant, write_bundle, write_demo, write_sqlite

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ENTITIES = {"members": "Member", "events": "Event", "registrations": "EventRegistration"}
TIER_SIZES = {
    "NEWCOMER": 500,
    "FIRST_YEAR": 800,
    "SECOND_YEAR": 350,
    "THIRD_YEAR": 240,
    "ALUMNI": 120,
    "LAPSED": 65,
    "GENERAL": 40,
    None: 32,
}
STARTED_AT, COMPLETED_AT = "2024-01-15 14:20:00.000", "2024-01-15 14:28:00.000"

COUNT_MEMBERS = 'SELECT COUNT(*) FROM "Member"'
COUNT_EVENTS = 'SELECT COUNT(*) FROM "Event"'
COUNT_REGISTRATIONS = 'SELECT COUNT(*) FROM "EventRegistration"'
COUNT_SHORT_TITLES = 'SELECT COUNT(*) FROM "Event" WHERE LENGTH(title) = 8'
COUNT_EARLY_ENDS = 'SELECT COUNT(*) FROM "Event" WHERE "endTime" < "startTime"'
COUNT_TIERLESS = 'SELECT COUNT(*) FROM "Member" WHERE "membershipTierId" IS NULL'
COUNT_GENERAL = """
    SELECT COUNT(*) FROM "Member" JOIN "MembershipTier" AS t ON t.id = "membershipTierId"
    WHERE code = 'GENERAL'
"""
COUNT_UNKNOWN_TIER = """
    SELECT COUNT(*) FROM "Member" WHERE "membershipTierId" NOT IN (SELECT id FROM "MembershipTier")
"""
ORPHANS = """
    SELECT m.id IS NULL, e.id IS NULL, COUNT(*) FROM "EventRegistration"
    LEFT JOIN "Member" AS m ON m.id = "memberId" LEFT JOIN "Event" AS e ON e.id = "eventId"
    WHERE m.id IS NULL OR e.id IS NULL GROUP BY 1, 2 ORDER BY 1, 2
"""
REPEATED_WA_IDS = """
    SELECT COUNT(*), COUNT(DISTINCT "murmurantId") FROM "WaIdMapping"
    GROUP BY "entityType", "waId" HAVING COUNT(*) > 1
"""
SHARED_TARGETS = """
    SELECT "entityType", COUNT(DISTINCT "waId") FROM "WaIdMapping"
    GROUP BY "entityType", "murmurantId" HAVING COUNT(DISTINCT "waId") > 1
"""
RUNS = """
    SELECT DISTINCT "syncRunId" FROM "WaIdMapping"
    UNION ALL SELECT json_extract(metadata, '$.syncRunId') FROM "AuditLog"
"""
SORT_ORDERS_AS_TEXT = """
    SELECT code, "sortOrder" FROM "MembershipTier" WHERE typeof("sortOrder") <> 'integer'
"""
REPORT = "migration-report.json"


@pytest.fixture(scope="module")
def club() -> Club:
    return generate()


@pytest.fixture(scope="module")
def small_club() -> Club:
    return generate(members=60, events=12, registrations=150)


@pytest.fixture(scope="module")
def demo(club: Club, tmp_path_factory: pytest.TempPathFactory) -> DemoPaths:
    return write(club, tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def small_demo(small_club: Club, tmp_path_factory: pytest.TempPathFactory) -> DemoPaths:
    return write(small_club, tmp_path_factory.mktemp("small_demo"))


def write(club: Club, folder: Path) -> DemoPaths:
    return DemoPaths(write_bundle(club, folder / "bundle"), write_sqlite(club, folder / "club.db"))


def copy(demo: DemoPaths, folder: Path) -> DemoPaths:
    shutil.copytree(demo.bundle.parent, folder, dirs_exist_ok=True)
    return DemoPaths(folder / "bundle", folder / "club.db")


def bundle_of(demo: DemoPaths) -> dict[str, bytes]:
    """The content of the bundle's files by name."""
    return {file.name: file.read_bytes() for file in demo.bundle.iterdir()}


def read_report(paths: DemoPaths) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((paths.bundle / REPORT).read_text(encoding="utf-8"))
    return report


def dump(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return list(connection.iterdump())


def rows(club: Club, table: str) -> list[dict[str, Any]]:
    return club.tables[table]


def query(database: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(sql).fetchall()


def is_unique(values: Sequence[object]) -> bool:
    return len(set(values)) == len(values)


def test_club_has_the_rows_that_the_report_names(club: Club) -> None:
    counted = {name: len(rows(club, table)) for name, table in ENTITIES.items()}

    assert counted == {"members": 2147, "events": 523, "registrations": 8603}
    for name, number in counted.items():
        entity = club.report[name]
        assert [entity[key] for key in ("totalRows", "parsed", "created")] == [number] * 3
        assert [entity[key] for key in ("updated", "skipped", "errors")] == [0] * 3
        assert [record["_sourceRow"] for record in entity["records"]] == list(range(2, number + 2))
    assert club.report["summary"]["totalRecords"] == club.report["summary"]["created"] == sum(counted.values())
    assert club.report["errors"] == []


def test_report_says_when_the_import_ran(club: Club) -> None:
    assert club.report["runId"] == "run-20240115-143000"
    assert club.report["startedAt"] == "2024-01-15T14:20:00.000Z"
    assert club.report["completedAt"] == "2024-01-15T14:28:00.000Z"
    assert club.report["dryRun"] is False


def test_rows_were_written_during_the_import(club: Club) -> None:
    tables = [*ENTITIES.values(), "MembershipTier", "AuditLog"]
    written = [row["createdAt"] for table in tables for row in rows(club, table)]
    written += [row["syncedAt"] for row in rows(club, "WaIdMapping")]

    assert all(STARTED_AT <= moment <= COMPLETED_AT for moment in written)


def test_members_are_in_the_tiers_that_the_policies_map_their_levels_to(club: Club) -> None:
    codes = {tier["id"]: tier["code"] for tier in rows(club, "MembershipTier")}
    policies = {policy["key"]: policy["value"] for policy in club.policies["policies"]}
    mapping = policies["membership.tiers.waMapping"]

    members = rows(club, "Member")

    assert Counter(codes.get(member["membershipTierId"]) for member in members) == TIER_SIZES
    for member in members:
        assert mapping.get(member["waMembershipLevelRaw"]) == codes.get(member["membershipTierId"])


def test_members_have_the_status_that_the_config_maps_their_levels_to(club: Club) -> None:
    mapping = club.config["membership_status_mapping"]
    codes = {status["id"]: status["code"] for status in rows(club, "MembershipStatus")}

    for member in rows(club, "Member"):
        status = codes[member["membershipStatusId"]]
        assert status == mapping.get(member["waMembershipLevelRaw"], mapping["_default"])


def test_tiers_are_seeded_in_order(club: Club) -> None:
    seeded = [(tier["code"], tier["sortOrder"]) for tier in rows(club, "MembershipTier")]

    assert seeded == list(zip(list(TIER_SIZES)[:-1], (10, 20, 30, 40, 50, 60, 100), strict=True))


@pytest.mark.parametrize("size", [{}, {"members": 60, "events": 12, "registrations": 150}])
def test_keys_are_unique_and_resolve(size: dict[str, int]) -> None:
    club = generate(**size)
    members, events, registrations = (rows(club, table) for table in ENTITIES.values())

    assert all(is_unique([row["id"] for row in table]) for table in club.tables.values())
    assert is_unique([member["email"] for member in members])
    assert is_unique([(event["title"], event["startTime"]) for event in events])
    assert is_unique([(row["eventId"], row["memberId"]) for row in registrations])
    assert {row["memberId"] for row in registrations} < {member["id"] for member in members}
    assert {row["eventId"] for row in registrations} < {event["id"] for event in events}


def test_people_register_after_they_joined_and_before_the_event(club: Club) -> None:
    joined = {member["id"]: member["joinedAt"] for member in rows(club, "Member")}
    starts = {event["id"]: event["startTime"] for event in rows(club, "Event")}

    for row in rows(club, "EventRegistration"):
        moments = [joined[row["memberId"]], row["registeredAt"], row["cancelledAt"], starts[row["eventId"]]]
        present = [moment for moment in moments if moment]
        assert present == sorted(present)
        assert (row["cancelledAt"] is not None) == (row["status"] == "CANCELLED")


def test_registrations_are_mostly_confirmed(club: Club) -> None:
    statuses = Counter(row["status"] for row in rows(club, "EventRegistration"))

    assert set(statuses) == {"CONFIRMED", "CANCELLED", "NO_SHOW", "WAITLISTED"}
    assert statuses["CONFIRMED"] > 0.8 * statuses.total()


def test_events_hold_all_who_registered(club: Club) -> None:
    registered = Counter(row["eventId"] for row in rows(club, "EventRegistration"))

    assert all(not e["capacity"] or registered[e["id"]] <= e["capacity"] for e in rows(club, "Event"))


def test_people_look_like_people(club: Club) -> None:
    members = rows(club, "Member")
    names = {name for member in members for name in (member["firstName"], member["lastName"])}

    assert all(any(mark in name for name in names) for mark in "'-éñ")
    for member in members:
        assert re.fullmatch(r"[a-z.-]+\d*@example\.(org|net|com)", member["email"])
        assert member["phone"] is None or re.fullmatch(r"805-555-0\d{3}", member["phone"])


def test_wa_ids_are_the_same_in_records_and_mappings(club: Club) -> None:
    for name, table in ENTITIES.items():
        mapped = {
            (str(row["waId"]), row["murmurantId"]) for row in rows(club, "WaIdMapping") if row["entityType"] == table
        }
        recorded = {(record["_waId"], record["_murmurantId"]) for record in club.report[name]["records"]}

        assert mapped == recorded
        assert {target for _, target in mapped} == {row["id"] for row in rows(club, table)}
    assert is_unique([row["waId"] for row in rows(club, "WaIdMapping")])


def test_id_mapping_names_members_and_events(club: Club) -> None:
    mapping = club.report["idMapping"]

    for name, label in {"members": "email", "events": "title"}.items():
        recorded = [(r["_waId"], r["_murmurantId"], r[label]) for r in club.report[name]["records"]]
        assert [(m["waId"], m["murmurantId"], m[label]) for m in mapping[name]] == recorded
    assert set(mapping) == {"members", "events"}


def test_records_say_what_the_rows_hold(club: Club) -> None:
    for name, table in ENTITIES.items():
        for record, row in zip(club.report[name]["records"], rows(club, table), strict=True):
            for key in row.keys() & record.keys():
                shown = row[key]
                if key.endswith(("At", "Time")):
                    shown = shown.replace(" ", "T") + "Z"
                # Importers report an empty field of the export as such and write null.
                assert record[key] == ("" if shown is None else shown)


def test_same_seed_gives_the_same_files(tmp_path: Path) -> None:
    first, second = write_demo(tmp_path / "first", seed=7), write_demo(tmp_path / "second", seed=7)

    assert sorted(file.name for file in first.bundle.iterdir()) == [
        "migration-config.json",
        "migration-report.json",
        "policy-bundle.json",
    ]
    for file in first.bundle.iterdir():
        assert file.read_bytes() == (second.bundle / file.name).read_bytes()
    assert dump(first.database) == dump(second.database)


def test_other_seed_gives_another_club(small_club: Club) -> None:
    other = generate(7, members=60, events=12, registrations=150)

    assert other.tables["Member"] != small_club.tables["Member"]
    assert other.report["events"]["records"] != small_club.report["events"]["records"]


def test_clubs_do_not_share_what_can_be_edited() -> None:
    generate(members=1, events=1, registrations=1).config["import_options"]["batch_size"] = 1

    assert generate(members=1, events=1, registrations=1).config["import_options"]["batch_size"] == 100


@pytest.mark.parametrize("size", [(0, 0, 0), (1, 1, 1), (2, 1, 2), (20, 5, 60), (7, 3, 0), (5, 3, 10)], ids=str)
def test_sizes_are_exact(size: tuple[int, int, int], tmp_path: Path) -> None:
    members, events, registrations = size

    club = generate(members=members, events=events, registrations=registrations)
    database = write_sqlite(club, tmp_path / "club.db")

    assert tuple(len(rows(club, table)) for table in ENTITIES.values()) == size
    assert query(database, ORPHANS) == []


def test_too_many_registrations_are_refused() -> None:
    with pytest.raises(ValueError, match="10 registrations need more members or events"):
        generate(members=3, events=3, registrations=10)


def test_sqlite_holds_the_tables_as_generated(small_club: Club, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "club.db"
    path.parent.mkdir()
    path.write_text("an older demo")

    database = write_sqlite(small_club, path)

    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        for table, expected in small_club.tables.items():
            assert [dict(row) for row in connection.execute(f'SELECT * FROM "{table}"')] == expected
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert len(connection.execute('PRAGMA foreign_key_list("EventRegistration")').fetchall()) == 2


def test_bundle_holds_the_club_as_generated(small_club: Club, tmp_path: Path) -> None:
    folder = write_bundle(small_club, tmp_path / "deep" / "bundle")

    contents = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in folder.iterdir()}
    assert contents == {
        "migration-report": small_club.report,
        "policy-bundle": small_club.policies,
        "migration-config": small_club.config,
    }


RUN = ("run-20240115-143000",)
# Fault → questions to the database, each with the answers of the clean club and of the faulty one.
EVIDENCE: dict[str, list[tuple[str, object, object]]] = {
    "missing-members": [(COUNT_MEMBERS, [(2147,)], [(2100,)]), (ORPHANS, [], [])],
    "extra-members": [(COUNT_MEMBERS, [(2147,)], [(2150,)])],
    "missing-events": [(COUNT_EVENTS, [(523,)], [(518,)]), (ORPHANS, [], [])],
    "extra-event": [(COUNT_EVENTS, [(523,)], [(524,)])],
    "missing-registrations": [(COUNT_REGISTRATIONS, [(8603,)], [(8591,)])],
    "one-tier": [(COUNT_GENERAL, [(40,)], [(2115,)]), (COUNT_TIERLESS, [(32,)], [(32,)])],
    "no-tiers": [(COUNT_TIERLESS, [(32,)], [(2147,)])],
    "unknown-tier": [(COUNT_UNKNOWN_TIER, [(0,)], [(10,)]), (COUNT_TIERLESS, [(32,)], [(32,)])],
    "low-tier-coverage": [(COUNT_TIERLESS, [(32,)], [(322,)])],
    "orphaned-registrations": [
        (ORPHANS, [], [(0, 1, 4), (1, 0, 5), (1, 1, 1)]),
        (COUNT_REGISTRATIONS, [(8603,)], [(8603,)]),
    ],
    "duplicate-wa-id": [(REPEATED_WA_IDS, [], [(2, 2)])],
    "shared-target-row": [(SHARED_TARGETS, [], [("Member", 2)]), (REPEATED_WA_IDS, [], [])],
    "wrong-run": [(RUNS, [RUN, RUN], [("run-20240108-090000",)] * 2)],
    "newer-run": [(RUNS, [RUN, RUN], [RUN, RUN, ("run-20240116-101500",)])],
    "no-run": [(RUNS, [RUN, RUN], [(None,), (None,)])],
    "bad-value": [(SORT_ORDERS_AS_TEXT, [], [("GENERAL", "high")])],
    "replaced-registration": [(COUNT_REGISTRATIONS, [(8603,)], [(8603,)]), (ORPHANS, [], [])],
    "stray-registration": [(COUNT_REGISTRATIONS, [(8603,)], [(8604,)]), (ORPHANS, [], [])],
    "exchanged-times": [(COUNT_EARLY_ENDS, [(0,)], [(5,)]), (COUNT_EVENTS, [(523,)], [(523,)])],
    "truncated-titles": [(COUNT_SHORT_TITLES, [(13,)], [(18,)]), (COUNT_EVENTS, [(523,)], [(523,)])],
    "unmapped-members": [
        ("""select count(*) from "WaIdMapping" where "entityType" = 'Member'""", [(2147,)], [(0,)]),
    ],
    "exchanged-mappings": [
        (
            """
            select count(*) from "WaIdMapping" w join "Member" m
            on m.id = w."murmurantId" and m."createdAt" = w."syncedAt"
            """,
            [(2147,)],
            [(2145,)],
        ),
    ],
    "equal-addresses": [('select count(distinct lower(email)) from "Member"', [(2147,)], [(2146,)])],
    "one-row-for-two": [(COUNT_EVENTS, [(523,)], [(522,)])],
    "scripted-phones": [
        ("""select count(*) from "Member" where phone = '805-555-9999'""", [(0,)], [(40,)]),
    ],
    "wrong-tiers": [(COUNT_GENERAL, [(40,)], [(455,)]), (COUNT_TIERLESS, [(32,)], [(32,)])],
}
PATCHES = ["duplicate-in-bundle", "import-died", "rejected-rows", "wrong-summary"]
# What the club declared wrongly stands in neither the report nor the database.
DECLARED = ["wrong-policies"]
# What the importer did wrong stands in both.
IN_BOTH = {"one-tier", "no-tiers", "low-tier-coverage", "wrong-tiers", "one-row-for-two"}


@pytest.mark.parametrize("fault", EVIDENCE)
def test_fault_changes_the_database(demo: DemoPaths, tmp_path: Path, fault: str) -> None:
    planted = copy(demo, tmp_path)

    plant([fault], planted.bundle, planted.database)

    for sql, clean, faulty in EVIDENCE[fault]:
        assert (query(demo.database, sql), query(planted.database, sql)) == (clean, faulty)
    is_same = (planted.bundle / REPORT).read_bytes() == (demo.bundle / REPORT).read_bytes()
    assert is_same == (fault not in IN_BOTH)


@pytest.mark.parametrize("fault", PATCHES)
def test_fault_changes_the_report_alone(small_demo: DemoPaths, tmp_path: Path, fault: str) -> None:
    planted = copy(small_demo, tmp_path)

    plant([fault], planted.bundle, planted.database)

    assert dump(planted.database) == dump(small_demo.database)
    assert read_report(planted) != read_report(small_demo)


def test_every_fault_has_evidence() -> None:
    assert {*EVIDENCE, *PATCHES, *DECLARED} == set(FAULTS)
    for name, fault in FAULTS.items():
        assert fault.name == name
        assert fault.description.endswith(".")
        assert bool(fault.sql and fault.patch) == (name in IN_BOTH)
        assert fault.sql or fault.patch


def test_duplicate_in_bundle_maps_one_id_twice(small_demo: DemoPaths, tmp_path: Path) -> None:
    planted = copy(small_demo, tmp_path)

    plant(["duplicate-in-bundle"], planted.bundle, planted.database)

    mappings = read_report(planted)["idMapping"]["members"]
    targets = {m["murmurantId"] for m in mappings if m["waId"] == mappings[0]["waId"]}
    assert (len(mappings), len(targets)) == (61, 2)


def test_import_that_died_says_so(small_demo: DemoPaths, tmp_path: Path) -> None:
    planted = copy(small_demo, tmp_path)

    plant(["import-died"], planted.bundle, planted.database)

    report = read_report(planted)
    assert "completedAt" not in report
    assert [problem["entity"] for problem in report["errors"]] == ["system"]
    assert report["registrations"]["totalRows"] > report["registrations"]["parsed"] == 150
    assert report["registrations"]["created"] == 150


def test_rejected_rows_are_reported(small_demo: DemoPaths, tmp_path: Path) -> None:
    planted = copy(small_demo, tmp_path)

    plant(["rejected-rows"], planted.bundle, planted.database)

    report = read_report(planted)
    counted = [(report[name]["totalRows"], report[name]["errors"]) for name in ENTITIES]
    assert counted == [(63, 3), (12, 0), (155, 5)]
    assert (report["summary"]["totalRecords"], report["summary"]["errors"]) == (230, 8)
    assert [problem["entity"] for problem in report["errors"]] == ["member"] * 3 + ["registration"] * 5
    assert report["errors"][0]["message"] == "Missing email"
    assert report["errors"][3]["message"] == "Member not found: 1234567"


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_leaves_its_mark_on_a_small_club(small_demo: DemoPaths, tmp_path: Path, fault: str) -> None:
    planted = copy(small_demo, tmp_path)

    plant([fault], planted.bundle, planted.database)

    clean, faulty = ((dump(paths.database), bundle_of(paths)) for paths in (small_demo, planted))
    assert clean != faulty


def test_order_and_repetition_of_faults_do_not_matter(small_demo: DemoPaths, tmp_path: Path) -> None:
    planted = [copy(small_demo, tmp_path / name) for name in ("in_order", "reversed")]

    for paths, names in zip(planted, (list(FAULTS), [*reversed(list(FAULTS)), "no-run"]), strict=True):
        plant(names, paths.bundle, paths.database)

    assert dump(planted[0].database) == dump(planted[1].database) != dump(small_demo.database)
    assert read_report(planted[0]) == read_report(planted[1]) != read_report(small_demo)


def test_unknown_fault_names_the_choices(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Unknown fault: missing-member; choose from one-tier, no-tiers, low"):
        write_demo(tmp_path / "demo", faults=["missing-member"])

    assert not (tmp_path / "demo").exists()


def test_demo_plants_faults(tmp_path: Path) -> None:
    demo = write_demo(tmp_path, faults=iter(["missing-members"]))

    assert (demo.bundle, demo.database) == (tmp_path / "migration-bundle-2024-01-15", tmp_path / "club.db")
    assert query(demo.database, COUNT_MEMBERS) == [(2100,)]


def test_planting_makes_no_database(small_demo: DemoPaths, tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        plant(["no-run"], small_demo.bundle, tmp_path / "absent.db")

    assert not (tmp_path / "absent.db").exists()
