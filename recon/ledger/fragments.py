"""The SQL fragments of one entity that fill the statements: for its records, its rows and its id mappings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import asdict

from recon.ledger.entities import ID_MAPPINGS
from recon.ledger.natural_key import natural_key
from recon.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Collection

    from recon.ledger.field_mapping import FieldMapping
    from recon.profile import Profile
    from recon.warehouse import Warehouse

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


class Fragments(Struct, frozen=True):
    """SQL by its placeholder in pairing.sql and resolution.sql; a record is `s`, a row `t`, a listed error `e`.

    Attributes:
        ledger, source, target: The entity's tables.
        key_type: The DuckDB type of a row's id.
        claimed: The id that a record names as that of its row, as text; null: none.
        key: The same in the type of the rows' ids; null: it is not a valid id.
        rejected: Why the importer rejected a record; null: it did not.
        listed: The join of the errors that the report lists; empty where it lists none for this entity.
        codes: The joins that look up the codes of a row's ids.
        source_digest, target_digest: Digests, equal where record and row are equal.
        natural_source, natural_target: The natural key; null: a part of it is empty, or there is none.
        mappings: The database's id mappings: wa_id, target_id, rivals (1: the wa_id has one target id; 2: several).
        mappings_of_runs: The id mappings that name a run: target_id, run_id.
    """

    ledger: str
    source: str
    target: str
    key_type: str
    claimed: str
    key: str
    rejected: str
    listed: str
    codes: str
    source_digest: str
    target_digest: str
    natural_source: str
    natural_target: str
    mappings: str
    mappings_of_runs: str

    def fill(self, statement: str, **others: str) -> str:
        """Fill the placeholders of a statement."""
        return statement.format(**asdict(self), **others)


def fragments_of(mapping: FieldMapping, profile: Profile, absent: Collection[str], *, is_listed: bool) -> Fragments:
    """Return the fragments of an entity.

    Args:
        mapping: Which fields of the entity are compared, and how they are read.
        profile: The profile, which names the natural key.
        absent: The columns of `target.id_mappings` that the database lacks or refuses to read.
        is_listed: Whether the report's error list names records of the entity.
    """
    entity = mapping.entity
    claimed = f"case when s.target_id not like {literal(DRY)} then nullif(s.target_id, '') end"
    # A cast to a uuid reads every spelling by itself.
    spelt = claimed if mapping.key_type == "UUID" else f"as_key({claimed})"
    natural_source, natural_target, _ = natural_key(mapping, profile)
    source_digest, target_digest = mapping.digests
    names = ", ".join(map(literal, entity.mapped_as))
    return Fragments(
        ledger=quote("ledger", entity.name),
        source=quote("source", entity.name),
        target=quote("target", entity.name),
        key_type=mapping.key_type,
        claimed=claimed,
        key=f"try_cast({spelt} as {mapping.key_type})",
        rejected=LISTED_ERRORS.format(own=OWN_ERRORS) if is_listed else OWN_ERRORS,
        listed=LISTED if is_listed else "",
        codes=mapping.codes,
        source_digest=source_digest,
        target_digest=target_digest,
        natural_source=natural_source,
        natural_target=natural_target,
        mappings=MAPPINGS.format(names=names),
        mappings_of_runs=NO_RUNS if absent else MAPPINGS_OF_RUNS.format(names=names),
    )


def absent_mapping_columns(warehouse: Warehouse) -> set[str]:
    """Return the columns of `target.id_mappings` that the database lacks or refuses; all, if the table is absent."""
    absent = {**warehouse.missing, **warehouse.unreadable}
    if "target.id_mappings" in absent:
        return set(ID_MAPPINGS)
    return {name for name in ID_MAPPINGS if f"target.id_mappings.{name}" in absent}
