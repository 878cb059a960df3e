from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import polars as pl
import pytest

from recon.database import Catalogue, Query, ReadError
from recon.database.surroundings import Surroundings
from recon.errors import DatabaseError
from recon.profile import load_profile
from recon.warehouse import Warehouse
from recon.warehouse.load_database import take_snapshot
from recon.warehouse.reads import RUN_STATE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recon.model import SnapshotInfo

M1, M2 = UUID(int=1), UUID(int=2)
E1, R1 = UUID(int=3), UUID(int=4)
KEYS = {"Member": ["id"], "Event": ["id"], "EventRegistration": ["id", "eventId", "memberId"]}
CLUB: dict[str, list[dict[str, Any]]] = {
    "Member": [{"id": str(M1)}, {"id": str(M2)}],
    "Event": [{"id": str(E1)}],
    "EventRegistration": [{"id": str(R1), "event_id": str(E1), "member_id": str(M1)}],
}


@dataclass
class Planted:
    """A source whose catalogue and rows the test plants.

    Attributes:
        rows: Rows by the application's table and canonical column, one batch each.
        fails: Table → how many batches come before the server refuses.
        asked: Every query, in order.
    """

    kinds: Catalogue
    rows: dict[str, list[dict[str, Any]]]
    typed: bool = True
    fails: dict[str, int] = field(default_factory=dict)
    hint: str | None = None
    asked: list[Query] = field(default_factory=list)
    label: str = "the planted database"
    guarantee: str = "consistent: planted"
    consistent: bool = True
    limit_s: float | None = None

    def catalogue(self) -> Catalogue:
        return self.kinds

    def refusal_hint(self, reason: str) -> str:
        return f"Ask about {reason!r}"

    def surroundings(self) -> Surroundings:
        return Surroundings()

    def missing_hint(self, table: str) -> str | None:
        return self.hint and f"{table} {self.hint}"

    def read(self, query: Query) -> Iterator[pl.DataFrame]:
        self.asked.append(query)
        kinds = {c.name: pl.Binary if c.transport == "uuid" else None for c in query.columns}
        for number, row in enumerate(self.rows.get(query.table, [])):
            if number == self.fails.get(query.table):
                raise ReadError("permission denied")
            sent = {name: _sent(row.get(name), kind) for name, kind in kinds.items()}
            counted = {"rows": row["rows"]} if query.grouped else {}
            yield pl.DataFrame({name: [value] for name, value in {**sent, **counted}.items()}, strict=False)

    def prepare(self, queries: Sequence[Query]) -> None:
        pass

    def cancel(self) -> None:
        pass

    def close(self) -> None:
        pass


def _sent(value: Any, kind: object) -> Any:
    return UUID(value).bytes if kind is pl.Binary and value is not None else value


def catalogue(kind: str = "uuid", **more: dict[str, str]) -> Catalogue:
    """The required tables with keys of one type, and whatever else is named."""
    required = {table: dict.fromkeys(columns, kind) for table, columns in KEYS.items()}
    return {table: {**required.get(table, {}), **more.get(table, {})} for table in [*required, *more]}


def snapshot(source: Planted, warehouse: Warehouse, *requires: str) -> SnapshotInfo:
    return take_snapshot(source, load_profile(), requires, warehouse)


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    with Warehouse() as opened:
        yield opened


def asked_of(source: Planted, table: str) -> list[tuple[str, str, str]]:
    """Application's name, canonical name and transport of every column that was asked of a table."""
    (query,) = [query for query in source.asked if query.table == table]
    return [(c.source_name, c.name, c.transport) for c in query.columns]


def column_type(warehouse: Warehouse, table: str, column: str) -> str:
    rows = warehouse.rows(f"select column_type from (describe {table}) where column_name = '{column}'")
    return str(rows[0]["column_type"])


def test_only_what_is_required_is_asked_for(warehouse: Warehouse) -> None:
    present = {"email": "text", "firstName": "text", "joinedAt": "timestamp", "waRawData": "json"}
    source = Planted(catalogue(Member=present, MembershipTier={"id": "uuid"}), CLUB)
    snapshot(source, warehouse, "target.members.joined_at", "source.counts")
    assert asked_of(source, "Member") == [("id", "id", "uuid"), ("joinedAt", "joined_at", "timestamp")]
    assert [query.table for query in source.asked] == ["Member", "Event", "EventRegistration"]


def test_what_was_read_is_reported_with_its_rows_and_guarantee(warehouse: Warehouse) -> None:
    info = snapshot(Planted(catalogue(), CLUB), warehouse)
    assert (info.database, info.guarantee, info.consistent) == ("the planted database", "consistent: planted", True)
    assert (dict(info.rows), dict(info.not_read)) == ({"members": 2, "events": 1, "registrations": 1}, {})


def test_progress_is_reported_batch_by_batch(warehouse: Warehouse) -> None:
    reported: list[tuple[str, int]] = []
    take_snapshot(Planted(catalogue(), CLUB), load_profile(), (), warehouse, lambda t, n: reported.append((t, n)))
    assert reported == [("members", 1), ("members", 2), ("events", 1), ("registrations", 1)]


def test_keys_are_uuids_where_every_side_is_one(warehouse: Warehouse) -> None:
    snapshot(Planted(catalogue("uuid"), CLUB), warehouse)
    assert column_type(warehouse, "target.registrations", "member_id") == "UUID"
    assert warehouse.rows("select id from target.members order by id") == [{"id": M1}, {"id": M2}]


def test_keys_are_text_on_both_sides_where_one_side_is_text(warehouse: Warehouse) -> None:
    kinds = catalogue("uuid", EventRegistration={"memberId": "text"})
    source = Planted(kinds, CLUB)
    snapshot(source, warehouse)
    assert asked_of(source, "Member") == [("id", "id", "text")]
    assert column_type(warehouse, "target.members", "id") == "VARCHAR"
    assert column_type(warehouse, "target.registrations", "member_id") == "VARCHAR"
    assert column_type(warehouse, "target.registrations", "event_id") == "UUID"
    matched = warehouse.rows("select m.id from target.registrations r join target.members m on m.id = r.member_id")
    assert matched == [{"id": str(M1)}]


@pytest.mark.parametrize(
    "kind, typed, transport",
    [
        ("timestamp", True, "timestamp"),
        ("timestamptz", True, "timestamptz"),
        ("text", True, "text"),
        ("integer", True, "text"),
        ("timestamp", False, "text"),
    ],
)
def test_a_value_travels_typed_only_where_the_database_types_it_so(
    kind: str, typed: bool, transport: str, warehouse: Warehouse
) -> None:
    source = Planted(catalogue("text", Member={"joinedAt": kind}), CLUB, typed=typed)
    snapshot(source, warehouse, "target.members.joined_at")
    assert asked_of(source, "Member") == [("id", "id", "text"), ("joinedAt", "joined_at", transport)]
    assert column_type(warehouse, "target.members", "joined_at") == "TIMESTAMP"


@pytest.mark.parametrize(
    "present, expected",
    [
        pytest.param({"murmurantId": "uuid"}, "murmurantId", id="newer"),
        pytest.param({"clubosId": "uuid"}, "clubosId", id="older"),
        pytest.param({"clubosId": "uuid", "murmurantId": "uuid"}, "murmurantId", id="both: the newer"),
    ],
)
def test_the_target_id_is_found_under_either_name(present: dict[str, str], expected: str, warehouse: Warehouse) -> None:
    source = Planted(catalogue(WaIdMapping=present), CLUB)
    snapshot(source, warehouse, "target.id_mappings.target_id")
    assert asked_of(source, "WaIdMapping") == [(expected, "target_id", "uuid")]


def test_an_optional_table_that_is_absent_exists_empty_and_says_why(warehouse: Warehouse) -> None:
    info = snapshot(Planted(catalogue(), CLUB), warehouse, "target.tiers.code", "target.tiers.sort_order")
    assert warehouse.rows("select code, sort_order from target.tiers") == []
    assert "no table 'MembershipTier'" in warehouse.missing["target.tiers"]
    assert "no table 'MembershipTier'" in info.not_read["target.tiers"]
    assert "tiers" not in info.rows


def test_an_optional_column_that_is_absent_is_null_and_says_why(warehouse: Warehouse) -> None:
    info = snapshot(Planted(catalogue(), CLUB), warehouse, "target.members.tier_id")
    assert warehouse.rows("select distinct tier_id from target.members") == [{"tier_id": None}]
    assert "no column 'membershipTierId'" in warehouse.missing["target.members.tier_id"]
    assert info.rows["members"] == 2


def test_a_column_of_several_names_says_all_of_them_when_absent(warehouse: Warehouse) -> None:
    source = Planted(catalogue(WaIdMapping={"entityType": "text"}), CLUB)
    snapshot(source, warehouse, "target.id_mappings.target_id", "target.id_mappings.entity_type")
    assert "'murmurantId' or 'clubosId'" in warehouse.missing["target.id_mappings.target_id"]


@pytest.mark.parametrize("table", ["Member", "Event", "EventRegistration"])
def test_a_required_table_that_is_absent_ends_it_before_anything_is_read(table: str, warehouse: Warehouse) -> None:
    kinds = catalogue()
    del kinds[table]
    source = Planted(kinds, CLUB, hint="lies elsewhere")
    with pytest.raises(DatabaseError, match=f"no table '{table}'.*{table} lies elsewhere") as refusal:
        snapshot(source, warehouse)
    assert source.label in refusal.value.message
    assert source.asked == []


@pytest.mark.parametrize(
    "table, column", [("Member", "id"), ("Event", "id"), *(("EventRegistration", c) for c in KEYS["EventRegistration"])]
)
def test_a_required_column_that_is_absent_ends_it_before_anything_is_read(
    table: str, column: str, warehouse: Warehouse
) -> None:
    kinds = catalogue()
    del kinds[table][column]
    kinds[table]["other"] = "text"
    source = Planted(kinds, CLUB)
    with pytest.raises(DatabaseError, match=f"The table '{table}' has no column '{column}'") as refusal:
        snapshot(source, warehouse)
    assert "other" in refusal.value.message
    assert source.asked == []


def test_an_empty_database_says_so(warehouse: Warehouse) -> None:
    with pytest.raises(DatabaseError, match="no table at all"):
        snapshot(Planted({}, {}), warehouse)


@pytest.mark.parametrize("batches", [0, 1], ids=["at once", "after a batch"])
def test_a_required_table_that_is_refused_ends_it(batches: int, warehouse: Warehouse) -> None:
    with pytest.raises(
        DatabaseError, match=r"'Member' cannot be read.*permission denied.*Ask about 'permission denied'"
    ):
        snapshot(Planted(catalogue(), CLUB, fails={"Member": batches}), warehouse)


@pytest.mark.parametrize("batches", [0, 1], ids=["at once", "after a batch"])
def test_an_optional_table_that_is_refused_is_unreadable_and_the_rest_is_read(
    batches: int, warehouse: Warehouse
) -> None:
    tiers = [{"id": str(UUID(int=9)), "code": "GENERAL"}, {"id": str(UUID(int=8)), "code": "ALUMNI"}]
    mappings = [{"entity_type": "Member"}]
    source = Planted(
        catalogue(MembershipTier={"id": "uuid", "code": "text"}, WaIdMapping={"entityType": "text"}),
        {**CLUB, "MembershipTier": tiers, "WaIdMapping": mappings},
        fails={"MembershipTier": batches},
    )
    info = snapshot(source, warehouse, "target.tiers.id", "target.tiers.code", "target.id_mappings.entity_type")
    assert "permission denied" in warehouse.unreadable["target.tiers"]
    assert "'MembershipTier'" in info.not_read["target.tiers"]
    assert dict(info.rows) == {"members": 2, "events": 1, "registrations": 1, "id_mappings": 1}


def run(run_id: str | None, rows: int, at: str | None = None) -> dict[str, Any]:
    return {"run_id": run_id, "rows": rows, "recorded_at": at}


def runs_in(warehouse: Warehouse) -> Sequence[tuple[Any, ...]]:
    query = 'select run_id, cast(recorded_at as varchar) as at, "rows", recorded_in from target.runs order by all'
    return [tuple(row.values()) for row in warehouse.rows(query)]


def test_runs_come_from_every_place_that_exists(warehouse: Warehouse) -> None:
    kinds = catalogue(
        WaIdMapping={"syncRunId": "text", "syncedAt": "text"}, AuditLog={"metadata": "json", "createdAt": "text"}
    )
    rows = {"WaIdMapping": [run("run-1", 5, "2024-01-15")], "AuditLog": [run("run-2", 1, "2024-01-16T00:00:00Z")]}
    source = Planted(kinds, {**CLUB, **rows})
    snapshot(source, warehouse, "target.runs")
    assert runs_in(warehouse) == [
        ("run-1", "2024-01-15 00:00:00", 5, "WaIdMapping.syncRunId"),
        ("run-2", "2024-01-16 00:00:00", 1, "AuditLog.metadata"),
    ]
    asked = {query.table: query.columns[0].json_keys for query in source.asked if query.grouped}
    assert asked == {"WaIdMapping": (), "AuditLog": ("syncRunId", "run_id", RUN_STATE)}


def test_runs_without_a_time_are_runs_all_the_same(warehouse: Warehouse) -> None:
    source = Planted(catalogue(WaIdMapping={"syncRunId": "text"}), {**CLUB, "WaIdMapping": [run("run-1", 5)]})
    snapshot(source, warehouse, "target.runs")
    assert runs_in(warehouse) == [("run-1", None, 5, "WaIdMapping.syncRunId")]


def test_no_place_for_runs_is_reported_by_the_places_looked_at(warehouse: Warehouse) -> None:
    info = snapshot(Planted(catalogue(WaIdMapping={"entityType": "text"}), CLUB), warehouse, "target.runs")
    assert "WaIdMapping.syncRunId, AuditLog.metadata" in info.not_read["target.runs"]
    assert runs_in(warehouse) == []


def test_one_place_for_runs_that_is_refused_makes_runs_unreadable(warehouse: Warehouse) -> None:
    kinds = catalogue(WaIdMapping={"syncRunId": "text"}, AuditLog={"metadata": "json"})
    rows = {"WaIdMapping": [run("run-1", 5)], "AuditLog": [run("run-2", 1)]}
    snapshot(Planted(kinds, {**CLUB, **rows}, fails={"AuditLog": 0}), warehouse, "target.runs")
    assert "'AuditLog'" in warehouse.unreadable["target.runs"]


def test_runs_are_not_read_when_no_rule_asks(warehouse: Warehouse) -> None:
    source = Planted(catalogue(WaIdMapping={"syncRunId": "text"}), {**CLUB, "WaIdMapping": [run("run-1", 5)]})
    info = snapshot(source, warehouse)
    assert not [query for query in source.asked if query.grouped]
    assert "target.runs" not in info.not_read


def test_a_required_table_may_be_empty(warehouse: Warehouse) -> None:
    info = snapshot(Planted(catalogue(), {}), warehouse)
    assert dict(info.rows) == {"members": 0, "events": 0, "registrations": 0}
    assert warehouse.rows("select * from target.registrations") == []
