"""Pairs records with rows: by target id, by id mappings, then by natural key; one outcome for each of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from recon.ledger.fragments import absent_mapping_columns, fragments_of
from recon.ledger.natural_key import natural_key
from recon.ledger.outcomes import OPEN, Outcomes, Rest, outcomes_of
from recon.ledger.resolution import Resolution
from recon.sql import named_statements, quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from recon.ledger.calibration import Calibration
    from recon.ledger.entities import Entity
    from recon.ledger.field_mapping import FieldMapping
    from recon.profile import Profile
    from recon.warehouse import Warehouse

STATEMENTS = named_statements(Path(__file__).with_name("pairing.sql"))
RUN = """
select any_value(run_id) as run_id, any_value(started_at) as started_at, any_value(completed_at) as completed_at,
       (select coalesce(list(distinct entity), []) from source.errors) as with_errors
from source.run"""
AMBIGUOUS = "ambiguous"
NONE_AMBIGUOUS = "(select null as id where false)"
# Where most records have landed, each search for the others would scan everything: so the others are copied once.
MANY_ROWS = 50_000
MOST_SET_ASIDE = 0.1


def create(entity: Entity, key_type: str, warehouse: Warehouse) -> None:
    """Create the empty ledger table of an entity."""
    parts = {"ledger": quote("ledger", entity.name), "key_type": key_type}
    warehouse.execute(STATEMENTS["create"].format(**parts))


class RecordPairing:
    """The pairing of one entity's records with its rows, in the warehouse's `ledger.<entity>`."""

    def __init__(self, warehouse: Warehouse, mapping: FieldMapping, profile: Profile, run: Mapping[str, Any]) -> None:
        absent = absent_mapping_columns(warehouse)
        self._warehouse, self._entity, self._run = warehouse, mapping.entity, run
        self.natural_name = natural_key(mapping, profile)[2]
        # Whether the report's error list names records of this entity.
        self._is_listed = self._entity.one in run["with_errors"]
        self._fragments = fragments_of(mapping, profile, absent, is_listed=self._is_listed)
        self._resolution = Resolution(
            self._entity, self._fragments, warehouse, self.natural_name, can_map=absent <= {"run_id"}
        )
        self._everything = Rest(self._fragments.source, self._fragments.target)
        self._rest = self._everything
        self._copied = Rest(*(quote("ledger", f"rest_of_{side}_{self._entity.name}") for side in ("source", "target")))
        self._ambiguous = NONE_AMBIGUOUS
        self._has_unclaimed = False

    def pair(self) -> Outcomes:
        """Give every record its outcome: landed records whose digests differ are `landed_altered`.

        Rows that no record claims are all `unexpected` until `judge_rows`.
        """
        if self._is_listed:
            self._do("listed", entity=self._entity.one)
        self._do("pair")
        counts = self._counts()
        if self._is_listed:
            self._do("rejected_unlisted", entity=self._entity.one)
        pairs_once = self._separate(counts)
        is_open = any(row["outcome"] in OPEN and not row["has_row"] for row in counts)
        if pairs_once and is_open and self._do("has_ambiguous").fetchone():
            # No record claims such an id yet, but one could be resolved to it.
            self._separate_ambiguous()
            pairs_once = False
        if not pairs_once and self._do("taken").fetchall():
            counts = self._counts()
        self._set_aside(counts)
        is_open = any(row["outcome"] in OPEN and not row["has_row"] for row in counts)
        resolved = is_open and self._resolution.resolve(self._rest, self._ambiguous)
        if resolved or not pairs_once:
            self._do("taken")
            self._do("merge")
        if any(row["outcome"] == "skipped" for row in counts):
            self._do("skipped")
        self._has_unclaimed = any(row["outcome"] is None for row in counts)
        is_as_paired = pairs_once and not resolved and not self._is_listed
        # The row that a record was resolved to may have landed with another record, so it is not in the copied rest.
        rest = Rest(self._rest.source, self._everything.target) if resolved else self._rest
        return outcomes_of(counts if is_as_paired else self._counts(), rest)

    def judge_rows(self, calibration: Calibration) -> None:
        """Give every row that no record claims its outcome, as far as its time stamps tell."""
        if self._has_unclaimed:
            written_from, written_to = calibration.written
            self._do(
                "unclaimed",
                run_id=self._run["run_id"],
                judged_by=calibration.judged_by,
                older_than=calibration.older_than,
                ended_at=calibration.ended_at,
                written_from=written_from,
                written_to=written_to,
            )

    def put_back(self) -> None:
        """Drop the copy of the rest."""
        if self._rest != self._everything:
            self._do("put_back")

    def _counts(self) -> list[dict[str, Any]]:
        return self._warehouse.rows(self._fragments.fill(STATEMENTS["counts"]))

    def _separate(self, counts: list[dict[str, Any]]) -> bool:
        """Undo pairs whose id is on several rows; return whether every record and row was paired at most once."""
        name = self._entity.name
        records = sum(row["n"] for row in counts if row["outcome"])
        rows = sum(row["n"] for row in counts if row["row_outcome"])
        if records == self._warehouse.row_count(f"source.{name}"):
            return bool(rows == self._warehouse.row_count(f"target.{name}"))
        self._separate_ambiguous()
        return False

    def _separate_ambiguous(self) -> None:
        for statement in ("ambiguous", "ambiguous_keys", "ambiguous_records", "ambiguous_rows"):
            self._do(statement, entity=self._entity.name)
        self._ambiguous = AMBIGUOUS

    def _set_aside(self, counts: list[dict[str, Any]]) -> None:
        """Copy the records and rows that are not simply landed, if there are any and they are a small share."""
        everything = sum(row["n"] for row in counts)
        rest = sum(row["n"] for row in counts if row["outcome"] != "landed")
        if everything >= MANY_ROWS and 0 < rest <= MOST_SET_ASIDE * everything:
            self._do("set_aside")
            self._rest = self._copied

    def _do(self, name: str, **values: object) -> duckdb.DuckDBPyConnection:
        sql = self._fragments.fill(
            STATEMENTS[name],
            rest_of_target=self._rest.target,
            copied_source=self._copied.source,
            copied_target=self._copied.target,
        )
        named = {key: value for key, value in values.items() if f"${key}" in sql}
        return self._warehouse.execute(sql, named or None)
