"""Whatever becomes of a club, every record and row has one outcome, and planted faults are found exactly."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from altered_values import VALUES, Changed
from edited_clubs import AFTER, BEFORE, Accounted, EditedClub, account_of, edited_club
from hypothesis import given, settings
from hypothesis import strategies as st
from soaking import examples

from recon.ledger import pairing
from recon.model import ENTITIES, Outcome
from recon.verification.options import VerifyOptions
from recon.verification.recorded import keep_judged
from recon.verification.verify import judged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

TINY = {"members": 9, "events": 6, "registrations": 14}
LARGE = {"members": 400, "events": 80, "registrations": 1500}
NO_ROW = "00000000-0000-4000-8000-0000000000ff"


def account(club: EditedClub) -> Accounted:
    with TemporaryDirectory() as folder:
        return club.account(Path(folder), loose=True)


def first_row_of(club: EditedClub, entity: str) -> dict[str, Any]:
    return club.rows(entity)[0] if club.rows(entity) else {"id": NO_ROW}


# What may become of one record or one row, by name: each gets the club, the entity, the record and the row.
MESSES: dict[str, Callable[[EditedClub, str, dict[str, Any], dict[str, Any]], object]] = {
    "delete the row": lambda c, e, _, row: c.remove(e, row=row),
    "delete the record": lambda c, e, record, _: c.remove(e, record=record),
    "repeat the record": lambda c, e, record, _: c.records(e).append(deepcopy(record)),
    "repeat it without a place": lambda c, e, record, _: c.records(e).append(
        {name: value for name, value in record.items() if name not in ("_sourceRow", "_waId")}
    ),
    "repeat the row": lambda c, e, _, row: c.rows(e).append(dict(row)),
    "repeat the row under another id": lambda c, e, _, row: c.rows(e).append({**row, "id": NO_ROW}),
    "forget the id": lambda _c, _e, record, _: record.pop("_murmurantId", None),
    "empty the id": lambda _c, _e, record, _: record.update(_murmurantId=""),
    "claim an id that is no id": lambda _c, _e, record, _: record.update(_murmurantId="?"),
    "claim an id that is nowhere": lambda _c, _e, record, _: record.update(_murmurantId=NO_ROW),
    "claim another's id": lambda c, e, record, _: record.update(_murmurantId=first_row_of(c, e)["id"]),
    "reject it": lambda c, e, record, _: c.reject(e, record, "Bad date"),
    "reject it in the list alone": lambda c, e, record, _: c.reject(e, record, "Bad date", own=False),
    "reject another": lambda c, e, record, _: c.list_error(e, "Bad date", 1000 + len(record), "WA1"),
    "reject one without a place": lambda c, e, _r, _: c.report["errors"].append(
        {"entity": e.removesuffix("s"), "message": "Bad date"}
    ),
    "skip it": lambda _c, _e, record, _: record.update(_action="skip"),
    "update it": lambda _c, _e, record, _: record.update(_action="update"),
    "forget the action": lambda _c, _e, record, _: record.pop("_action", None),
    "age the row": lambda _c, _e, _r, row: row.update(createdAt=BEFORE),
    "write the row later": lambda _c, _e, _r, row: row.update(createdAt=AFTER, updatedAt=AFTER),
    "undate the row": lambda _c, _e, _r, row: row.update(createdAt=None, updatedAt="never"),
    "blank every text": lambda _c, _e, _r, row: row.update(
        {name: " " for name, value in row.items() if isinstance(value, str) and not name.lower().endswith("id")}
    ),
    "forget the id mappings": lambda c, _e, _r, _: c.club.tables["WaIdMapping"].clear(),
    "shorten the report": lambda c, e, _r, _: c.shorten(e),
}
messes = st.lists(st.tuples(st.sampled_from(ENTITIES), st.integers(0, 20), st.sampled_from(list(MESSES))), max_size=14)


def make_a_mess(club: EditedClub, entity: str, place: int, name: str) -> None:
    records, rows = club.report[entity]["records"], club.rows(entity)
    if isinstance(records, list) and records and rows:
        record = records[place % len(records)]
        row = next((row for row in rows if row["id"] == record.get("_murmurantId")), rows[place % len(rows)])
        MESSES[name](club, entity, record, row)


def messy(seed: int, planned: Iterable[tuple[str, int, str]]) -> EditedClub:
    """A tiny club to which all that happened."""
    club = edited_club(seed, **TINY)
    for entity, place, name in planned:
        make_a_mess(club, entity, place, name)
    return club


# The row of a deleted record is there twice, and another record has its values.
TWICE_UNCLAIMED = (
    (74, "repeat the row under another id"),
    (44, "claim an id that is no id"),
    (34, "delete the record"),
    (84, "delete the row"),
    (84, "repeat the row"),
)


def test_no_record_is_resolved_to_an_id_that_is_on_several_rows() -> None:
    club = edited_club(2, members=40, events=25, registrations=90)
    for place, name in TWICE_UNCLAIMED:
        make_a_mess(club, "members", place, name)

    found = account(club)

    assert (found.account("members").records, found.account("members").rows) == (39, 41)
    assert found.account("members").rows_by_outcome == {
        "claimed": 37,
        "preexisting": 0,
        "foreign_run": 0,
        "unexpected": 4,
    }
    assert "target id" in {key.matched_by for key in found.ledger.duplicate_keys}


@settings(max_examples=examples(10))
@given(st.integers(0, 3), messes)
def test_every_record_and_every_row_has_one_outcome(seed: int, planned: list[tuple[str, int, str]]) -> None:
    club = messy(seed, planned)

    found = account(club)

    listed = [entity for entity in ENTITIES if isinstance(club.report[entity]["records"], list)]
    assert [each.entity for each in found.ledger.entities] == listed
    assert {*found.ledger.not_evaluated} == {*ENTITIES} - {*listed}
    for entity in listed:
        lines, reported = found.tables[entity], found.account(entity)
        of_records = [line for line in lines if line["outcome"] is not None]
        assert Counter(line["record"] for line in of_records if line["record"] is not None) == Counter(
            range(len(club.records(entity)))
        )
        assert reported.records == len(of_records) == sum(reported.outcomes.values())
        ids = [str(line["target_id"]) for line in lines if line["row_outcome"] is not None]
        assert Counter(ids) == Counter(row["id"] for row in club.rows(entity))
        assert reported.rows == len(ids) == sum(reported.rows_by_outcome.values())
        assert reported.rows == found.verification.counts_database[entity]
        assert reported.unexplained_records == sum(not line["is_explained"] for line in of_records)
        # A record that is merged names one that stands on the same row.
        merged = [line for line in of_records if line["outcome"] == "merged"]
        assert {line["target_id"] for line in merged} <= {
            line["target_id"] for line in of_records if line["outcome"] != "merged"
        }
    assert not [check for check in found.verification.checks if check.category == "records" and broke(check)]


def broke(check: Any) -> bool:
    return bool(check.outcome is Outcome.ERROR)


@pytest.mark.soak
@settings(max_examples=examples(5))
@given(st.integers(0, 3), messes)
def test_looking_only_at_what_did_not_land_finds_the_same(seed: int, planned: list[tuple[str, int, str]]) -> None:
    club = messy(seed, planned)

    everything = account(club)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pairing, "MANY_ROWS", 0)
        patched.setattr(pairing, "MOST_SET_ASIDE", 1)
        rest = account(club)

    assert rest.ledger == everything.ledger
    for name, lines in everything.tables.items():
        assert Counter(map(repr, rest.tables[name])) == Counter(map(repr, lines)), name


faults = st.lists(st.tuples(st.sampled_from(VALUES), st.integers(1, 3)), max_size=8, unique_by=lambda pair: pair[0])
lost = st.integers(0, 3)


@settings(max_examples=examples(8))
@given(st.integers(0, 4), st.integers(0, 60), faults, lost, lost)
def test_planted_faults_are_found_exactly(
    seed: int, start: int, planned: list[tuple[Changed, int]], missing: int, unexpected: int
) -> None:
    club = edited_club(seed, **LARGE)
    pairs = {entity: club.pairs(entity) for entity in ENTITIES}
    for entity, each in pairs.items():
        pairs[entity] = each[start:] + each[:start]
    planted = Counter[tuple[str, str, str | None, str]]()
    altered = set()
    for fault, number in planned:
        for _ in range(number):
            record, row = pairs[fault.entity].pop()
            fault.edit(record, row)
            altered.add((fault.entity, record["_sourceRow"], fault.field))
            if fault.kind == "edited_later":
                # People edit one row now and then.
                row["updatedAt"] = f"2024-02-{1 + len(altered) % 28:02} 10:00:00.000"
            planted[fault.entity, fault.kind, fault.field, fault.title] += 1
    for _ in range(missing):
        club.remove("registrations", row=pairs["registrations"].pop()[1])
        title = "not in the database, though its id mapping stands"
        planted["registrations", "mapped_without_row", None, title] += 1
    for _ in range(unexpected):
        club.remove("registrations", record=pairs["registrations"].pop()[0])
        planted["registrations", "unexpected", None, "rows that no record claims"] += 1

    found = account(club)

    assert Counter({(c.entity, c.name, c.field, c.title): c.count for c in found.ledger.causes}) == planted
    differences = found.tables["differences"]
    assert {(d["entity"], d["source_row"], d["field"]) for d in differences} == altered
    assert len(differences) == len(altered)
    assert found.ledger.records - found.ledger.accounted == missing + sum(
        number for fault, number in planned if fault.kind in ("changed", "value_lost")
    )


def edit_later(row: dict[str, Any], column: str, value: Any) -> None:
    row.update({column: value, "updatedAt": AFTER})


def merge(club: EditedClub, entity: str, place: int) -> None:
    """Two records on one row, as an importer reports them: the last one wrote, both are mapped to the row."""
    (first, row), (last, lost) = club.pairs(entity)[place : place + 2]
    if entity != "registrations":
        club.free_of_registrations(row["id"], lost["id"])
    club.remove(entity, row=lost)
    row.update({name: value for name, value in lost.items() if name not in ("id", "createdAt")})
    last.update(_action="update", _murmurantId=row["id"])
    first.update({name: last[name] for name in ("email", "title", "startTime") if name in last})
    for mapping in (*club.mappings, *club.report["idMapping"].get(entity, [])):
        mapping["murmurantId"] = row["id"] if mapping["murmurantId"] == lost["id"] else mapping["murmurantId"]


reruns = st.lists(st.sampled_from(["create", "update", "skip"]), min_size=40, max_size=40)
few = st.integers(0, 2)


@settings(max_examples=examples(8))
@given(st.integers(0, 3), reruns, st.sets(st.sampled_from(ENTITIES)), few, few)
def test_what_a_messy_but_sound_migration_shows_never_fails(
    seed: int, actions: list[str], merged: set[str], preexisting: int, edited: int
) -> None:
    club = edited_club(seed, members=20, events=12, registrations=40)
    for entity in ENTITIES:
        for (record, row), action in zip(club.pairs(entity), actions, strict=False):
            record["_action"] = action
            row["createdAt"] = BEFORE if action != "create" else row["createdAt"]
    for entity in sorted(merged):
        merge(club, entity, 0)
    for record, row in club.pairs("events")[-preexisting:] if preexisting else ():
        row["createdAt"] = BEFORE
        club.free_of_registrations(row["id"])
        club.remove("events", record=record)
    for _, row in club.pairs("members")[5 : 5 + edited]:
        edit_later(row, "phone", "805-555-0199")
        edit_later(row, "lastName", row["lastName"].upper())
    for _, row in club.pairs("events")[5 : 5 + edited]:
        edit_later(row, "capacity", 99)
        edit_later(row, "location", None)

    found = account(club)

    failed = [check.message for check in found.verification.checks if check.outcome in (Outcome.FAIL, Outcome.ERROR)]
    assert failed == []
    assert found.ledger.unexplained == 0


@pytest.mark.soak
@settings(max_examples=examples(4))
@given(st.integers(0, 3), messes)
def test_the_ledger_of_a_kept_snapshot_is_the_databases(seed: int, planned: list[tuple[str, int, str]]) -> None:
    club = messy(seed, planned)

    with TemporaryDirectory() as folder:
        paths = club.write(Path(folder), loose=True)
        options = VerifyOptions(bundle=paths.bundle, database=str(paths.database))
        kept = Path(folder) / "snapshot.duckdb"
        with judged(options) as judgement:
            keep_judged(judgement.warehouse, judgement.verification, judgement.key(), kept)
        # Other evidence makes it another judgement, which has to be reached anew.
        again = account_of(paths, str(kept), evidence_rows=7)

    assert again.ledger == judgement.verification.ledger
