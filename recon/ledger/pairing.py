"""Pairs records with rows: by target id, by id mappings, then by natural key; one outcome for each of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from recon.ledger.entities import ID_MAPPINGS
from recon.ledger.natural_key import natural_key
from recon.sql import literal, named_statements, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from recon.ledger.entities import Entity
    from recon.ledger.sides import Sides
    from recon.profile import Profile
    from recon.warehouse import Warehouse

STATEMENTS = named_statements(Path(__file__).with_name("pairing.sql"))
RUN = """
select any_value(run_id) as run_id, any_value(started_at) as started_at, any_value(completed_at) as completed_at,
       (select coalesce(list(distinct entity), []) from source.errors) as with_errors
from source.run"""
OWN_ERRORS = "array_to_string(nullif(s.errors, []), '; ')"
LISTED_ERRORS = """
coalesce({own}, case when coalesce(s.action, 'skip') = 'skip' or coalesce(s.target_id, '') = '' then e.reason end)"""
LISTED = "left join listed e on e.record = s.rowid"
MAPPINGS = """
(select wa_id, target_id,
        1 + cast(min(target_id) over each_id is distinct from max(target_id) over each_id as integer) as rivals
 from target.id_mappings where lower(entity_type) in ({names}) window each_id as (partition by wa_id))"""
MAPPINGS_OF_RUNS = (
    "(select target_id, run_id from target.id_mappings where lower(entity_type) in ({names}) and run_id <> '')"
)
NO_RUNS = "(select null as target_id, null as run_id where false)"
DRY = "dry-%"
# Outcomes of records that want a row.
OPEN = ("missing_in_target", "skipped")
# Looking for what did not just land costs a pass over everything, each time, where most has landed.
MANY_ROWS = 50_000
MOST_SET_ASIDE = 0.1


class Rest(Struct, frozen=True):
    """The tables of the records and rows that did not just land: a copy of them, or those of all records and rows."""

    source: str
    target: str


class Outcomes(Struct, frozen=True):
    """Which outcomes an entity's records and rows have, and whether a record that wants a row has none."""

    of_records: set[str]
    of_rows: set[str]
    is_open: bool
    rest: Rest


def create(entity: Entity, key_type: str, warehouse: Warehouse) -> None:
    """Make the table of an entity, empty."""
    parts = {"ledger": quote("ledger", entity.name), "key_type": key_type}
    warehouse.execute(STATEMENTS["create"].format(**parts))


class Pairing:
    """The pairing of one entity's records with its rows, in the warehouse's `ledger.<entity>`."""

    def __init__(self, warehouse: Warehouse, sides: Sides, profile: Profile, run: Mapping[str, Any]) -> None:
        self._warehouse, self._sides, self._entity = warehouse, sides, sides.entity
        key_source, key_target, self.natural_name = natural_key(sides, profile)
        source_digest, target_digest = sides.digests
        claimed = f"case when s.target_id not like {literal(DRY)} then nullif(s.target_id, '') end"
        names = ", ".join(map(literal, self._entity.mapped_as))
        has = {name: f"target.id_mappings.{name}" not in self._absent for name in ID_MAPPINGS}
        self._can_map = has["entity_type"] and has["wa_id"] and has["target_id"]
        self._run = run
        self._is_separated = False
        everything = Rest(quote("source", self._entity.name), quote("target", self._entity.name))
        self._rest = self._everything = everything
        # Whether the report's list of errors names records of this entity.
        self._is_listed = self._entity.one in run["with_errors"]
        self._parts = {
            "ledger": quote("ledger", self._entity.name),
            "source": everything.source,
            "target": everything.target,
            "rest_of_source": everything.source,
            "rest_of_target": everything.target,
            "key_type": sides.key_type,
            "key": f"try_cast({claimed} as {sides.key_type})",
            "claimed": claimed,
            # Why the importer rejected a record; null: it did not.
            "rejected": LISTED_ERRORS.format(own=OWN_ERRORS) if self._is_listed else OWN_ERRORS,
            "listed": LISTED if self._is_listed else "",
            "created_at": "created_at",
            "codes": sides.codes,
            "source_digest": source_digest,
            "target_digest": target_digest,
            "natural_source": key_source,
            "natural_target": key_target,
            "mappings": MAPPINGS.format(names=names),
            "mappings_of_runs": MAPPINGS_OF_RUNS.format(names=names) if self._can_map and has["run_id"] else NO_RUNS,
        }

    @property
    def completed_at(self) -> datetime | None:
        """When the run ended, in UTC without zone; None: the report does not say."""
        ended: datetime | None = self._run["completed_at"]
        return ended

    def pair(self) -> Outcomes:
        """Give every record and every row its outcome; landed records whose digests differ are `landed_altered`."""
        if self._is_listed:
            self._do("listed", entity=self._entity.one)
        self._do("pair", started_at=self._run["started_at"])
        counts = self._counts()
        if self._is_listed:
            self._do("rejected_unlisted", entity=self._entity.one)
        pairs_once = self._separate(counts)
        self._set_aside(counts)
        resolved = any(row["outcome"] in OPEN and not row["has_row"] for row in counts) and self._resolve()
        if resolved or not pairs_once:
            self._do("merge")
        if any(row["outcome"] == "skipped" for row in counts):
            self._do("skipped")
        if any(row["outcome"] is None for row in counts):
            self._do("unclaimed", completed_at=self._run["completed_at"], run_id=self._run["run_id"])
        is_as_paired = pairs_once and not resolved and not self._is_listed
        # What a record was resolved to may have landed with another.
        rest = Rest(self._rest.source, self._everything.target) if resolved else self._rest
        return _outcomes(counts if is_as_paired else self._counts(), rest)

    def put_back(self) -> None:
        """Forget the copy of the rest."""
        if self._rest != self._everything:
            self._do("put_back")

    def _counts(self) -> list[dict[str, Any]]:
        return self._warehouse.rows(STATEMENTS["counts"].format(**self._parts))

    @property
    def _absent(self) -> dict[str, str]:
        """What the database does not have or give; of a table that it lacks, every column."""
        found = {**self._warehouse.missing, **self._warehouse.unreadable}
        if "target.id_mappings" in found:
            found |= {f"target.id_mappings.{name}": found["target.id_mappings"] for name in ID_MAPPINGS}
        return found

    def _separate(self, counts: list[dict[str, Any]]) -> bool:
        """Take apart what an id on several rows paired; whether every row was paired at most once."""
        name = self._entity.name
        records = sum(row["n"] for row in counts if row["outcome"])
        rows = sum(row["n"] for row in counts if row["has_row"])
        if records == self._warehouse.row_count(f"source.{name}"):
            return bool(rows == self._warehouse.row_count(f"target.{name}"))
        self._is_separated = True
        for statement in ("ambiguous", "ambiguous_keys", "ambiguous_records", "ambiguous_rows"):
            self._do(statement, entity=name)
        return False

    def _set_aside(self, counts: list[dict[str, Any]]) -> None:
        """Copy what did not just land, where there is some and that is little beside what did."""
        everything = sum(row["n"] for row in counts)
        rest = sum(row["n"] for row in counts if row["outcome"] != "landed")
        if everything >= MANY_ROWS and 0 < rest <= MOST_SET_ASIDE * everything:
            self._do("set_aside")
            self._rest = Rest("ledger.rest_of_source", "ledger.rest_of_target")
            self._parts |= {"rest_of_source": self._rest.source, "rest_of_target": self._rest.target}

    def _resolve(self) -> bool:
        """Find rows for the records that name none, or one that is not there; whether there were any."""
        if not self._is_separated:
            self._do("unambiguous")
        self._do("open")
        is_nameless = self._warehouse.rows(STATEMENTS["nameless"])[0]["is_nameless"]
        self._parts["every_row"] = str(is_nameless).lower()
        self._parts["eligible"] = (self._everything if is_nameless else self._rest).target
        self._do("natural_rows")
        ways = [STATEMENTS[way].format(**self._parts) for way in self._ways()]
        self._parts["ways"] = " union all ".join(ways)
        self._do("resolve", entities=self._entity.name)
        self._do("natural_duplicates", entity=self._entity.name, natural_name=self.natural_name)
        self._do("natural_ambiguous", natural_name=self.natural_name)
        self._do("freed")
        self._do("landed")
        return bool(self._warehouse.execute("select count(*) from resolved").fetchall()[0][0])

    def _ways(self) -> Iterator[str]:
        """How a record's row may be found: by mappings, where there are any, and by natural key."""
        if self._warehouse.row_count("source.id_mappings"):
            yield "way_of_bundle"
        if self._can_map and self._warehouse.row_count("target.id_mappings"):
            yield "way_of_database"
        yield "way_of_key"

    def _do(self, name: str, **values: object) -> None:
        sql = STATEMENTS[name].format(**self._parts)
        named = {key: value for key, value in values.items() if f"${key}" in sql}
        self._warehouse.execute(sql, named or None)


def _outcomes(counts: Iterable[Mapping[str, Any]], rest: Rest) -> Outcomes:
    rows = list(counts)
    return Outcomes(
        {row["outcome"] for row in rows},
        {row["row_outcome"] for row in rows},
        any(row["outcome"] in OPEN and not row["has_row"] for row in rows),
        rest,
    )
