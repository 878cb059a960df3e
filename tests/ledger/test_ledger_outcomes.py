"""A planted case for every outcome of a record and of a row, for every entity where it can occur."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from edited_clubs import AFTER, BEFORE, DURING, OTHER_RUN, TABLES, Accounted, EditedClub, account_of, edited_club
from migrated_databases import Migration
from msgspec.structs import replace
from postgres import load_rows, load_schema
from support import check_of, outcomes

from recon.bundle import reading
from recon.ledger import pairing
from recon.model import ENTITIES, Outcome, Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from postgres import Cluster

SMALL = {"members": 8, "events": 6, "registrations": 10}

NO_ROW = "00000000-0000-4000-8000-0000000000{:02x}"
NATURAL = {
    "members": "natural key (email)",
    "events": "natural key (title and start_time)",
    "registrations": "natural key (event_id and member_id)",
}
# By entity and case; a record without a row or a row without a record has None beside it.
Cases: TypeAlias = dict[tuple[str, str], tuple[dict[str, Any] | None, dict[str, Any] | None]]


@dataclass
class Mess:
    """One of everything: the cases by name, as record and row were planted (None: there is none), and the ledger."""

    found: Accounted
    cases: Cases

    def line(self, entity: str, case: str) -> dict[str, Any]:
        record, row = self.cases[entity, case]
        if record is not None:
            return self.found.of_record(entity, record)
        assert row is not None
        (line,) = self.found.of_row(entity, row)
        return line


class Planting:
    """Plants one of each case in one entity, taking pair after pair."""

    def __init__(self, club: EditedClub, entity: str) -> None:
        self.club, self.entity = club, entity
        self._pairs = iter(club.pairs(entity))
        self.cases: dict[str, tuple[dict[str, Any] | None, dict[str, Any] | None]] = {}

    def take(self, case: str) -> tuple[dict[str, Any], dict[str, Any]]:
        pair = next(self._pairs)
        self.cases[case] = pair
        return pair

    def plant(self) -> None:
        self._paired()
        self._merged()
        self._without_row()
        self._rejected()
        self._without_record()

    def _paired(self) -> None:
        club, entity = self.club, self.entity
        self.take("by id")
        record, _ = self.take("by the report's mapping")
        club.forget_ids(entity, record, reported=entity == "registrations")
        record, _ = self.take("by the database's mapping")
        club.forget_ids(entity, record, stored=False)
        record, _ = self.take("by natural key")
        club.forget_ids(entity, record)
        self._respell(record)
        record, row = self.take("another id")
        record["_murmurantId"] = NO_ROW.format(1)
        self._forget_mapping(record, row)
        record, _ = self.take("skipped")
        record["_action"] = "skip"

    def _respell(self, record: dict[str, Any]) -> None:
        """As the natural key forgives it."""
        if self.entity == "members":
            record["email"] = f"  {record['email'].upper()} "
        if self.entity == "events":
            record["title"] = f" {record['title']}"

    def _forget_mapping(self, record: dict[str, Any], row: dict[str, Any]) -> None:
        self.club.club.tables["WaIdMapping"] = [m for m in self.club.mappings if m["murmurantId"] != row["id"]]
        mapping = self.club.report["idMapping"]
        if self.entity in mapping:
            mapping[self.entity] = [m for m in mapping[self.entity] if m["waId"] != record["_waId"]]

    def _merged(self) -> None:
        club, entity = self.club, self.entity
        first, kept = self.take("merged")
        last, lost = self.take("merged into")
        # The last writer's values stand in the row that the first one made.
        club.remove(entity, row=lost)
        kept.update({name: value for name, value in lost.items() if name not in ("id", "createdAt")})
        last.update(_action="update", _murmurantId=kept["id"])
        if entity == "members":
            first["email"] = last["email"]
        _, row = self.take("created, then skipped")
        skipped, lost = self.take("skipped into another")
        club.remove(entity, row=lost)
        skipped.update(_action="skip", _murmurantId=row["id"])

    def _without_row(self) -> None:
        club, entity = self.club, self.entity
        _, row = self.take("missing")
        club.remove(entity, row=row)
        record, row = self.take("skipped without row")
        club.remove(entity, row=row)
        club.forget_ids(entity, record)
        record["_action"] = "skip"

    def _rejected(self) -> None:
        club, entity = self.club, self.entity
        record, row = self.take("rejected")
        club.remove(entity, row=row)
        club.reject(entity, record, "Bad date in row 12")
        record, row = self.take("rejected by the list alone")
        club.remove(entity, row=row)
        club.reject(entity, record, "Bad date in row 13", own=False)
        record, row = self.take("rejected without a record")
        club.remove(entity, record=record, row=row)
        club.list_error(entity, "Bad date in row 14", record["_sourceRow"], record["_waId"])

    def _without_record(self) -> None:
        moments = {"preexisting": BEFORE, "written later": AFTER, "unexpected": DURING, "undated": None}
        for case, moment in moments.items():
            record, row = self.take(case)
            row["createdAt"] = moment
            if case == "preexisting":
                row["updatedAt"] = moment
                self.club.mapping_of(record)["syncRunId"] = OTHER_RUN
            self._unclaim(case, record, row)
            self._forget_mapping(record, row)
        record, row = self.take("foreign run")
        self.club.mapping_of(record)["syncRunId"] = OTHER_RUN
        self._unclaim("foreign run", record, row)

    def _unclaim(self, case: str, record: dict[str, Any], row: dict[str, Any]) -> None:
        self.club.remove(self.entity, record=record)
        self.cases[case] = (None, row)


PLANTED = 20


def planted() -> tuple[EditedClub, Cases]:
    """The club with every case in every entity, and the cases."""
    club = edited_club()
    touched = [row["id"] for entity in ("members", "events") for row in club.rows(entity)[:PLANTED]]
    club.free_of_registrations(*touched)
    cases: Cases = {}
    for entity in ENTITIES:
        planting = Planting(club, entity)
        planting.plant()
        assert len(planting.cases) <= PLANTED
        cases |= {(entity, case): pair for case, pair in planting.cases.items()}
    return club, cases


@pytest.fixture(scope="module")
def mess(tmp_path_factory: pytest.TempPathFactory) -> Mess:
    club, cases = planted()
    return Mess(club.account(tmp_path_factory.mktemp("mess"), loose=True), cases)


@pytest.mark.parametrize("entity", ENTITIES)
@pytest.mark.parametrize(
    "case, expected",
    [
        ("by id", ("landed", "target id", None)),
        ("by the report's mapping", ("landed", "id mapping", None)),
        ("by the database's mapping", ("landed", "database's id mapping", None)),
        ("by natural key", ("landed", "natural key", None)),
        ("another id", ("landed_altered", "natural key", "other_id")),
        ("skipped", ("skipped", "target id", None)),
        ("merged", ("merged", "target id", "merged")),
        ("merged into", ("landed", "target id", None)),
        ("created, then skipped", ("landed", "target id", None)),
        ("skipped into another", ("merged", "target id", "merged")),
        ("missing", ("missing_in_target", None, "mapped_without_row")),
        ("skipped without row", ("skipped", None, "skipped_without_row")),
        ("rejected", ("rejected", None, "rejected")),
        ("rejected by the list alone", ("rejected", None, "rejected")),
        ("rejected without a record", ("rejected", None, "rejected")),
    ],
)
def test_a_record_has_its_outcome(
    mess: Mess, entity: str, case: str, expected: tuple[str, str | None, str | None]
) -> None:
    if (entity, case) == ("registrations", "by the report's mapping"):
        expected = ("landed", "natural key", None)  # reports map members and events only

    line = mess.line(entity, case)

    assert (line["outcome"], line["matched_by"], line["cause"]) == expected


@pytest.mark.parametrize("entity", ENTITIES)
@pytest.mark.parametrize(
    "case, expected",
    [
        ("preexisting", ("preexisting", "preexisting", "older than the run")),
        ("foreign run", ("foreign_run", "foreign_run", f"written by the run {OTHER_RUN}")),
        ("written later", ("unexpected", "written_later", "written after the run ended")),
        ("unexpected", ("unexpected", "unexpected", "written while the run went on, but no record claims it")),
        ("undated", ("unexpected", "unexpected", "the database does not say when it was written")),
    ],
)
def test_a_row_that_no_record_claims_has_its_outcome(
    mess: Mess, entity: str, case: str, expected: tuple[str, str, str]
) -> None:
    line = mess.line(entity, case)

    assert (line["row_outcome"], line["cause"], line["reason"]) == expected
    assert line["matched_by"] is None


@pytest.mark.parametrize("entity", ENTITIES)
def test_reasons_are_reported(mess: Mess, entity: str) -> None:
    into, _ = mess.cases[entity, "merged into"]
    assert into is not None
    reasons = {case: mess.line(entity, case)["reason"] for of, case in mess.cases if of == entity}

    assert mess.line(entity, "merged")["merged_into"] == into["_sourceRow"]
    assert reasons["merged"] == f"one row with source row {into['_sourceRow']}"
    assert reasons["skipped"] == "already in the database"
    assert reasons["skipped without row"] == "the importer skipped it, and no row holds it"
    rejected = [reasons[case] for case in reasons if case.startswith("rejected")]
    assert rejected == ["Bad date in row 12", "Bad date in row 13", "Bad date in row 14"]


@pytest.mark.parametrize("entity", ENTITIES)
def test_what_was_planted_adds_up(mess: Mess, entity: str) -> None:
    account = mess.found.account(entity)
    by_id = "id mapping" if entity != "registrations" else NATURAL[entity]

    assert account.records == sum(account.outcomes.values())
    assert account.rows == sum(account.rows_by_outcome.values())
    outcomes_but_landed = {name: n for name, n in account.outcomes.items() if name != "landed"}
    rows_but_claimed = {name: n for name, n in account.rows_by_outcome.items() if name != "claimed"}
    assert outcomes_but_landed == {
        "landed_altered": 1, "merged": 2, "skipped": 2, "rejected": 3, "missing_in_target": 1,
    }  # fmt: skip
    assert rows_but_claimed == {"preexisting": 1, "foreign_run": 1, "unexpected": 3}
    assert account.matched_by[NATURAL[entity]] == (2 if by_id == "id mapping" else 3)
    assert account.matched_by["database's id mapping"] == 1
    assert (account.unexplained_records, account.unexplained_rows) == (2, 3)


def test_what_harms_fails(mess: Mess) -> None:
    found = outcomes(mess.found.verification)

    assert {found[name] for name in ("missing_records", "unexpected_records", "altered_records")} == {"FAIL"}
    assert check_of(mess.found.verification, "missing_records").message == (
        "Not in the database: 2 registrations, 2 members, 2 events"
    )
    assert check_of(mess.found.verification, "unexpected_records").message == (
        "Rows that no record claims: 3 registrations, 3 members, 3 events"
    )
    assert found["report_arithmetic"] == "PASS"


@pytest.mark.soak
def test_every_way_leads_to_the_same_ledger(
    mess: Mess, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL, whose keys are uuids, and of a report that is streamed because it is large."""
    club, _ = planted()
    paths = club.write(tmp_path, loose=True)
    url = cluster.create_database("mess")
    load_schema(url, "newer")
    Migration("postgresql", paths.bundle, url).execute(
        *(f'alter table "{table}" alter column "createdAt" drop not null' for table in TABLES.values())
    )
    load_rows(url, club.club.tables)
    monkeypatch.setattr(reading, "LARGE_BYTES", 0)

    found = account_of(paths, url)
    cluster.drop_database("mess")

    for name, rows in mess.found.tables.items():
        assert in_order(found.tables[name]) == in_order(rows), name
    assert replace(found.ledger, causes=()) == replace(mess.found.ledger, causes=())
    assert {c.title for c in found.ledger.causes} == {c.title for c in mess.found.ledger.causes}


def in_order(rows: list[dict[str, Any]]) -> list[str]:
    """Rows as sorted text: keys are uuids here and texts there."""
    return sorted(str({name: None if value is None else str(value) for name, value in row.items()}) for row in rows)


def test_older_bundles_name_their_target_otherwise(tmp_path: Path) -> None:
    club = edited_club(**SMALL)
    for entity in ENTITIES:
        for record in club.records(entity):
            record["_clubosId"] = record.pop("_murmurantId")
    for mappings in club.report["idMapping"].values():
        for mapping in mappings:
            mapping["clubosId"] = mapping.pop("murmurantId")
    forgotten = club.records("events")[3]
    del forgotten["_clubosId"]

    found = club.account(tmp_path)

    assert found.account("members").matched_by == {"target id": 8}
    assert found.account("events").matched_by == {"target id": 5, "id mapping": 1}
    assert (found.ledger.unexplained, found.verification.verdict) == (0, Verdict.PASSED)


def test_without_any_id_natural_keys_pair(tmp_path: Path) -> None:
    club = edited_club(**SMALL)
    for entity in ENTITIES:
        for record in club.records(entity):
            del record["_murmurantId"]
    club.report["idMapping"] = {"members": [], "events": []}
    club.club.tables["WaIdMapping"] = []

    found = club.account(tmp_path)

    for entity in ENTITIES:
        account = found.account(entity)
        assert account.matched_by == {NATURAL[entity]: account.records}
        assert account.outcomes["landed"] == account.records


@pytest.mark.parametrize("entity", ENTITIES)
def test_equal_counts_over_wrong_rows_fail(tmp_path: Path, entity: str) -> None:
    club = edited_club(**SMALL)
    record, row = club.pairs(entity)[2]
    club.forget_ids(entity, record, stored=True)
    record["_murmurantId"] = NO_ROW.format(7)
    wrong = {"members": ("email", "nobody@example.org"), "events": ("title", "Nobody's Event")}
    if entity in wrong:
        row.update([wrong[entity]])
        club.free_of_registrations(row["id"])
    else:
        row.update(id=NO_ROW.format(8), memberId=club.rows("members")[0]["id"], eventId=NO_ROW.format(9))

    found = club.account(tmp_path)

    check = check_of(found.verification, f"{entity[:-1]}_count")
    assert (check.outcome, check.expected) == (Outcome.FAIL, check.actual)
    assert check.message.endswith("but not the rows: 1 missing, 1 unexpected, 0 with another id")
    assert found.of_record(entity, record)["outcome"] == "missing_in_target"
    assert found.of_record(entity, record)["claimed_id"] == NO_ROW.format(7)


def test_a_row_of_another_id_fails_the_count(tmp_path: Path) -> None:
    club = edited_club(**SMALL)
    record, row = club.pairs("events")[2]
    club.forget_ids("events", record)
    record["_murmurantId"] = NO_ROW.format(7)

    found = club.account(tmp_path)

    check = check_of(found.verification, "event_count")
    assert (check.outcome, check.expected) == (Outcome.FAIL, check.actual)
    assert check.message.endswith("0 missing, 0 unexpected, 1 with another id")
    difference = next(d for d in found.tables["differences"] if d["field"] == "id")
    assert (difference["source"], difference["target"]) == (NO_ROW.format(7), row["id"])


def test_an_id_on_several_rows_pairs_none(tmp_path: Path) -> None:
    club = edited_club(**SMALL)
    lines = {}
    for entity in ENTITIES:
        record, row = club.pairs(entity)[1]
        club.rows(entity).extend([{**row, "createdAt": AFTER}, dict(row)])
        lines[entity] = record, row

    found = club.account(tmp_path, loose=True)

    for entity, (record, row) in lines.items():
        line = found.of_record(entity, record)
        assert (line["outcome"], line["cause"], line["claimed_id"]) == ("missing_in_target", "duplicate_key", row["id"])
        assert [each["row_outcome"] for each in found.of_row(entity, row)] == ["unexpected"] * 3
        assert found.account(entity).unexplained_records == found.account(entity).unexplained_rows == 0
    reported = [(d.entity, d.key, d.matched_by, d.source_count, d.target_count) for d in found.ledger.duplicate_keys]
    assert sorted(reported) == sorted((entity, row["id"], "target id", 1, 3) for entity, (_, row) in lines.items())
    assert outcomes(found.verification)["missing_records"] == "FAIL"


def test_a_natural_key_of_several_rows_pairs_none(tmp_path: Path) -> None:
    club = edited_club(**SMALL)
    for entity in ENTITIES:
        record, row = club.pairs(entity)[1]
        club.forget_ids(entity, record)
        club.rows(entity).append({**row, "id": NO_ROW.format(3)})

    found = club.account(tmp_path, loose=True)

    reported = {d.entity: (d.matched_by, d.source_count, d.target_count) for d in found.ledger.duplicate_keys}
    assert reported == {entity: (NATURAL[entity], 1, 2) for entity in ENTITIES}
    for entity in ENTITIES:
        record = club.records(entity)[1]
        line = found.of_record(entity, record)
        assert (line["outcome"], line["target_id"], line["cause"]) == ("missing_in_target", None, "duplicate_key")
        assert line["reason"] == f"its {NATURAL[entity]} is on 2 rows"
    email = club.records("members")[1]["email"]
    assert email not in str(found.ledger)
    assert f"{email[0]}***@***" in {d.key for d in found.ledger.duplicate_keys}


def test_a_skipped_event_keeps_its_mapping_and_shares_a_row(tmp_path: Path) -> None:
    club = edited_club(**SMALL)
    event = club.records("events")[0]
    again = {**event, "_sourceRow": 90, "_waId": "4999999", "_action": "skip"}
    del again["_murmurantId"]
    club.records("events").append(again)
    mapping = {"waId": again["_waId"], "murmurantId": event["_murmurantId"], "title": event["title"]}
    club.report["idMapping"]["events"].append(mapping)

    found = club.account(tmp_path)

    line = found.of_record("events", again)
    assert (line["outcome"], line["matched_by"], line["merged_into"]) == ("merged", "id mapping", event["_sourceRow"])
    assert (found.ledger.unexplained, found.verification.verdict) == (0, Verdict.PASSED)
    check = check_of(found.verification, "duplicate_id_mappings")
    assert (check.outcome, check.message) == (
        Outcome.WARN,
        "Wild Apricot ids share a row because their records were merged into it: 1",
    )


@pytest.mark.parametrize("many_rows", [0, pairing.MANY_ROWS], ids=["a copy of the rest", "everything"])
def test_a_later_record_on_a_row_that_landed_is_the_one_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many_rows: int
) -> None:
    monkeypatch.setattr(pairing, "MANY_ROWS", many_rows)
    club = edited_club(members=40, events=30, registrations=40)
    event = club.records("events")[0]
    later = {**event, "_sourceRow": 90, "_waId": "4999999", "capacity": event["capacity"] + 7}
    del later["_murmurantId"]
    club.records("events").append(later)
    club.report["idMapping"]["events"].append({"waId": later["_waId"], "murmurantId": event["_murmurantId"]})

    found = club.account(tmp_path)

    assert found.of_record("events", event)["outcome"] == "merged"
    assert found.of_record("events", later)["outcome"] == "landed_altered"
    (difference,) = found.tables["differences"]
    assert (difference["source_row"], difference["field"], difference["source"]) == (
        90,
        "capacity",
        str(later["capacity"]),
    )


@pytest.mark.parametrize("entity", ENTITIES)
@pytest.mark.parametrize("last", [False, True], ids=["the first keeps it", "the last keeps it"])
def test_records_that_each_created_one_row_are_no_merge(tmp_path: Path, entity: str, *, last: bool) -> None:
    club = edited_club(**SMALL)
    (first, kept), (second, lost) = club.pairs(entity)[:2]
    if entity != "registrations":
        club.free_of_registrations(kept["id"], lost["id"])
    club.remove(entity, row=lost)
    club.mapping_of(second)["murmurantId"] = second["_murmurantId"] = kept["id"]
    if last:
        kept.update({name: value for name, value in lost.items() if name != "id"})

    found = club.account(tmp_path, loose=True)

    keeper, loser = (second, first) if last else (first, second)
    line = found.of_record(entity, loser)
    assert (line["outcome"], line["cause"], line["claimed_id"]) == ("missing_in_target", "row_taken", kept["id"])
    assert line["reason"] == f"its row holds source row {keeper['_sourceRow']}"
    assert found.of_record(entity, keeper)["outcome"] == "landed"
    check = check_of(found.verification, "missing_records")
    assert (check.outcome, check.message) == (Outcome.FAIL, f"Not in the database: 1 {entity[:-1]}")
    assert check_of(found.verification, f"{entity[:-1]}_count").outcome is Outcome.FAIL
    assert found.ledger.unexplained == 0


def test_a_record_whose_named_row_is_anothers_is_looked_for_elsewhere(tmp_path: Path) -> None:
    club = edited_club(**SMALL)
    (_, kept), (second, own) = club.pairs("members")[:2]
    second["_murmurantId"] = kept["id"]

    found = club.account(tmp_path)

    line = found.of_record("members", second)
    assert (line["outcome"], line["target_id"], line["matched_by"]) == ("landed_altered", own["id"], "id mapping")
    assert found.ledger.causes[0].name == "other_id"


@pytest.mark.parametrize("change", [{"_action": "update"}, {"_waId": None}, {"_action": None}])
def test_records_of_one_person_or_event_are_merged_whatever_the_importer_calls_them(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    """Told by an update, by one Wild Apricot id, or by one natural key."""
    club = edited_club(**SMALL)
    first, kept = club.pairs("events")[0]
    again = {**first, "_sourceRow": 90, "title": first["title"] if change == {"_action": None} else "Renamed"}
    again.update(change if change != {"_waId": None} else {"_waId": first["_waId"]})
    club.records("events").append({name: value for name, value in again.items() if value is not None})
    kept["title"] = again["title"]

    found = club.account(tmp_path)

    assert found.of_record("events", first)["outcome"] == "merged"
    assert found.of_record("events", again)["outcome"] == "landed"


@pytest.mark.parametrize("by", ["target id", "natural key"])
def test_skipped_records_are_compared_with_the_rows_that_were_left_alone(tmp_path: Path, by: str) -> None:
    club = edited_club(**SMALL)
    equal, other = (record for record, _ in club.pairs("members")[:2])
    for record in (equal, other):
        record["_action"] = "skip"
        if by == "natural key":
            club.forget_ids("members", record)
    other["firstName"] += "a"

    found = club.account(tmp_path)

    check = check_of(found.verification, "altered_records")
    assert (check.outcome, check.message) == (Outcome.WARN, "Skipped, though their rows differ: 1")
    assert check.detail == "Compared: 24 of 24 records, 21 of 21 fields"
    (difference,) = found.tables["differences"]
    assert (difference["source_row"], difference["field"], difference["cause"]) == (
        other["_sourceRow"],
        "first_name",
        "left_alone",
    )
    assert (found.of_record("members", equal)["cause"], found.ledger.unexplained) == (None, 0)


def test_what_a_merge_discarded_is_reported(tmp_path: Path) -> None:
    club = edited_club(**SMALL)
    event, row = club.pairs("events")[0]
    again = {**event, "_sourceRow": 90, "_action": "update", "capacity": 99, "description": None}
    club.records("events").append(again)
    row.update(capacity=99, description=None)
    event["description"] = "What it was about"

    found = club.account(tmp_path)

    check = check_of(found.verification, "altered_records")
    assert (check.outcome, check.message) == (Outcome.WARN, "Merged into rows that hold other values: 1")
    assert {(d["source_row"], d["field"], d["cause"]) for d in found.tables["differences"]} == {
        (event["_sourceRow"], "capacity", "merged_value"),
        (event["_sourceRow"], "description", "merged_value"),
    }


def test_what_the_run_did_not_write_says_nothing_about_what_it_writes(tmp_path: Path) -> None:
    """One row of before the run with a membership level, which this importer does not write."""
    club = edited_club(**SMALL)
    for _, row in club.pairs("members"):
        row["waMembershipLevelRaw"] = None
    (updated, older), (_, other) = club.pairs("members")[:2]
    updated["_action"], older["waMembershipLevelRaw"] = "update", "Newcomer"
    unclaimed = {"id": NO_ROW.format(5), "email": "older@example.org", "waMembershipLevelRaw": "Alumni"}
    club.rows("members").append({**other, **unclaimed, "createdAt": BEFORE, "updatedAt": BEFORE})

    found = club.account(tmp_path)

    assert check_of(found.verification, "altered_records").outcome is Outcome.PASS
    assert "20 of 21 fields" in check_of(found.verification, "altered_records").message


def test_keys_in_another_spelling_are_the_same(tmp_path: Path) -> None:
    club = edited_club(**SMALL)
    for row in (*club.rows("members"), *club.mappings):
        for name in ("id", "murmurantId"):
            row.update({name: row[name].upper()} if name in row and row is not club.rows("members")[0] else {})
    for record in club.records("events"):
        record["_murmurantId"] = record["_murmurantId"].upper()
    for mapping in club.report["idMapping"]["events"]:
        mapping["murmurantId"] = f"{{{mapping['murmurantId']}}}"

    found = club.account(tmp_path, loose=True)

    assert {check.outcome for check in found.verification.checks} == {Outcome.PASS}
    assert found.account("events").matched_by == {"target id": SMALL["events"]}


def test_a_dry_run_compared_all_the_same_pairs_by_natural_key(tmp_path: Path) -> None:
    club = edited_club(**SMALL)
    club.report["dryRun"] = True
    for entity in ENTITIES:
        for number, record in enumerate(club.records(entity)):
            record["_murmurantId"] = f"dry-{entity}-{number}"
    for mappings in club.report["idMapping"].values():
        for number, mapping in enumerate(mappings):
            mapping["murmurantId"] = f"dry-{number}"
    club.club.tables["WaIdMapping"] = []

    found = club.account(tmp_path, allow_dry_run=True)

    assert found.account("members").matched_by == {NATURAL["members"]: 8}
    assert found.account("events").matched_by == {NATURAL["events"]: 6}
    assert {line["claimed_id"] for entity in ENTITIES for line in found.tables[entity]} == {None}
    assert found.ledger.unexplained_records == 0


def test_the_short_form_is_not_evaluated_and_never_passes(tmp_path: Path) -> None:
    club = edited_club(**SMALL)
    for entity in ENTITIES:
        club.shorten(entity)

    found = club.account(tmp_path)

    assert found.ledger.entities == ()
    assert {*found.ledger.not_evaluated} == {*ENTITIES}
    for entity, reason in found.ledger.not_evaluated.items():
        assert reason == f"the bundle counts its {entity} and does not list them"
    reported = outcomes(found.verification)
    for name in ("missing_records", "unexpected_records", "altered_records", "tier_mapping", "report_arithmetic"):
        assert reported[name] == "WARN", name
    assert reported["member_count"] == "PASS"


@pytest.mark.parametrize("entity", ENTITIES)
def test_one_entity_in_short_form_leaves_the_others_accounted_for(tmp_path: Path, entity: str) -> None:
    club = edited_club(**SMALL)
    club.shorten(entity)

    found = club.account(tmp_path)

    assert [account.entity for account in found.ledger.entities] == [name for name in ENTITIES if name != entity]
    assert {*found.ledger.not_evaluated} == {entity}
    assert found.ledger.unexplained == 0
    reported = outcomes(found.verification)
    assert {reported[name] for name in ("missing_records", "unexpected_records", "altered_records")} == {"WARN"}
    assert reported["tier_mapping"] == ("WARN" if entity == "members" else "PASS")


def test_an_empty_bundle_over_an_empty_database_passes_nothing(tmp_path: Path) -> None:
    club = edited_club(**SMALL)
    for entity in ENTITIES:
        club.report[entity]["records"] = []
        club.club.tables[TABLES[entity]] = []
    club.report["idMapping"] = {"members": [], "events": []}
    club.club.tables["WaIdMapping"] = []

    found = club.account(tmp_path)

    assert [(a.records, a.rows) for a in found.ledger.entities] == [(0, 0)] * 3
    reported = outcomes(found.verification)
    assert "PASS" not in {reported[c.id] for c in found.verification.checks if c.category in ("records", "counts")}
    assert found.verification.verdict is Verdict.INCOMPLETE


def test_an_empty_bundle_leaves_rows_without_a_record(tmp_path: Path) -> None:
    club = edited_club(**SMALL)
    for entity in ENTITIES:
        club.report[entity]["records"] = []

    found = club.account(tmp_path)

    assert [a.rows_by_outcome["unexpected"] for a in found.ledger.entities] == [8, 6, 10]
    assert outcomes(found.verification)["unexpected_records"] == "FAIL"


@pytest.mark.parametrize("generation", ["older", "oldest"])
def test_what_an_older_database_lacks_is_reported(tmp_path: Path, generation: str, cluster: Cluster) -> None:
    club = edited_club(**SMALL)
    paths = club.write(tmp_path)
    url = cluster.create_database(f"account_{generation}")
    load_schema(url, generation)  # type: ignore[arg-type]
    load_rows(url, club.club.tables)

    found = account_of(paths, url)
    cluster.drop_database(f"account_{generation}")

    assert [account.outcomes["landed"] for account in found.ledger.entities] == [8, 6, 10]
    if generation == "oldest":
        assert {*found.account("members").not_compared} == {"level", "tier_id"}
        check = check_of(found.verification, "altered_records")
        assert (check.outcome, check.message.startswith("Not compared in full: members.")) == (Outcome.WARN, True)
        assert outcomes(found.verification)["tier_mapping"] == "WARN"


def test_a_database_without_its_own_mapping_or_moments_is_accounted_for(tmp_path: Path) -> None:
    club = edited_club(**SMALL)
    del club.columns["WaIdMapping"], club.columns["MembershipTier"]
    for table in TABLES.values():
        club.columns[table] = [name for name in club.columns[table] if name not in ("createdAt", "updatedAt")]
    record, row = club.pairs("members")[0]
    club.free_of_registrations(row["id"])
    club.remove("members", record=record)

    found = club.account(tmp_path, loose=True)

    (line,) = found.of_row("members", row)
    assert (line["row_outcome"], line["reason"]) == ("unexpected", "the database does not say when it was written")
    assert [account.unexplained_records for account in found.ledger.entities] == [0, 0, 0]
    assert outcomes(found.verification)["tier_mapping"] == "WARN"
