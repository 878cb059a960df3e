"""The two sides of an entity: which fields can be compared, and the SQL that reads the values of each side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from recon.comparison import Field as ComparedField
from recon.comparison import StoredColumn, digest_sql, judged_sql
from recon.ledger.entities import EVERY_ENTITY, Entity, FieldSpec
from recon.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Collection

    from recon.profile import Column, Profile
    from recon.warehouse import Warehouse

FIELDS = "insert into ledger.fields values {rows}"
FIELD = "({entity}, {name}, {reason}, {is_left_out}, {is_refused})"
SHAPE = "select * from {table} limit 0"
CODES = """
left join (select id, any_value(code) as code from target.{table} group by id) {alias} on {alias}.id = t.{column}"""
EMPTY_AS_NULL = "empty_as_null"
TEXT = "VARCHAR"
NO_EMPTY = "nullif({column}, '')"
UNFILLED = "no row that the run wrote has a value: the importer does not write it"
IS_EMPTY = "select count({column}) = 0 from target.{table}"
# Rows that the run did not create may have a value from elsewhere; they decide where it created none.
IS_EMPTY_IN_CLAIMED = """
select coalesce(bool_and(t.{column} is null) filter (coalesce(l.action, 'create') = 'create'),
                bool_and(t.{column} is null), false)
from ledger.{table} l join target.{table} t on t.id = l.target_id where l.row_outcome = 'claimed'"""


class MappedField(Struct, frozen=True):
    """One field on both sides: of a record `s` and of a row `t`, joined with the codes."""

    field: FieldSpec
    compared: ComparedField
    source: StoredColumn
    target: StoredColumn


class FieldMapping(Struct, frozen=True):
    """The fields of an entity that can be compared.

    Attributes:
        key_type: The DuckDB type of the target's id.
        not_compared: Name of a field → why it cannot be compared.
        left_out: Fields left out on purpose: the profile does not map them, or not every importer writes them and no
            row has a value.
    """

    entity: Entity
    key_type: str
    pairs: tuple[MappedField, ...]
    not_compared: Mapping[str, str]
    left_out: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[ComparedField, ...]:
        """The fields that are compared."""
        return tuple(pair.compared for pair in self.pairs)

    @property
    def codes(self) -> str:
        """The joins that look up the codes of ids."""
        return " ".join(
            CODES.format(
                table=quote(pair.field.code_of), alias=_alias(pair.field), column=quote(pair.field.column)
            ).strip()
            for pair in self.pairs
            if pair.field.code_of
        )

    @property
    def source(self) -> dict[str, StoredColumn]:
        """The columns of a record, by field."""
        return {pair.compared.name: pair.source for pair in self.pairs}

    @property
    def target(self) -> dict[str, StoredColumn]:
        """The columns of a row, by field."""
        return {pair.compared.name: pair.target for pair in self.pairs}

    @property
    def digests(self) -> tuple[str, str]:
        """The SQL of the digests of a record and of a row."""
        if not self.pairs:
            return "0", "0"
        source = {pair.compared.name: _without_empty(pair, pair.source) for pair in self.pairs}
        target = {pair.compared.name: _without_empty(pair, pair.target) for pair in self.pairs}
        return digest_sql(self.fields, source, target), digest_sql(self.fields, target, source)

    @property
    def judged(self) -> str:
        """The select list for judging both sides; never empty."""
        return "true as is_landed" if not self.pairs else judged_sql(self.fields, self.source, self.target)


def _without_empty(pair: MappedField, column: StoredColumn) -> StoredColumn:
    """Return the column as used in the digest: empty text becomes null, where the field's normalisers say so."""
    if EMPTY_AS_NULL not in pair.compared.normalise or column.stored != TEXT:
        return column
    return StoredColumn(NO_EMPTY.format(column=column.sql), column.stored)


def stored_types(warehouse: Warehouse) -> dict[str, str]:
    """Return DuckDB's type by column ("target.members.id"), for the entities' tables on both sides."""
    found: dict[str, str] = {}
    for table in (f"{side}.{entity.name}" for side in ("source", "target") for entity in EVERY_ENTITY):
        shape = warehouse.execute(SHAPE.format(table=table)).description or ()
        found |= {f"{table}.{name}": str(kind) for name, kind, *_ in shape}
    return found


def map_fields(entity: Entity, warehouse: Warehouse, profile: Profile, stored: Mapping[str, str]) -> FieldMapping:
    """Determine which fields of the entity both sides have, and how they are read."""
    absent = {**warehouse.missing, **warehouse.unreadable}
    not_compared = {field.name: reason for field in entity.fields if (reason := absence(entity, field, absent))}
    present = [field for field in entity.fields if field.name not in not_compared]
    unfilled = tuple(field.name for field in present if field.may_stay_empty and _is_unfilled(entity, field, warehouse))
    pairs = tuple(_pair(entity, field, profile, stored) for field in present if field.name not in unfilled)
    not_compared |= dict.fromkeys(unfilled, UNFILLED)
    unmapped = tuple(field.name for field in entity.fields if not is_mapped(entity, field, profile))
    return FieldMapping(entity, stored[f"target.{entity.name}.id"], pairs, not_compared, (*unfilled, *unmapped))


def leave_out_unfilled(mapping: FieldMapping, warehouse: Warehouse) -> FieldMapping:
    """Leave out fields that the importer does not write: those without a value in every row that the run created.

    Args:
        mapping: The fields of an entity.
        warehouse: A warehouse whose `ledger.<entity>` is paired.
    """
    table = quote(mapping.entity.name)
    unfilled = []
    for pair in mapping.pairs:
        sql = IS_EMPTY_IN_CLAIMED.format(column=quote(pair.field.column), table=table)
        if pair.field.may_stay_empty and warehouse.execute(sql).fetchall()[0][0]:
            unfilled.append(pair.field.name)
    if not unfilled:
        return mapping
    return replace(
        mapping,
        pairs=tuple(pair for pair in mapping.pairs if pair.field.name not in unfilled),
        not_compared={**mapping.not_compared, **dict.fromkeys(unfilled, UNFILLED)},
        left_out=(*mapping.left_out, *unfilled),
    )


def fields_sql(mapping: FieldMapping, refusals: Collection[str]) -> str:
    """Return the insert that records for each field whether it is compared."""
    rows = []
    for field in mapping.entity.fields:
        reason = mapping.not_compared.get(field.name)
        rows.append(
            FIELD.format(
                entity=literal(mapping.entity.name),
                name=literal(field.name),
                reason=literal(reason) if reason else "null",
                is_left_out=str(field.name in mapping.left_out).lower(),
                is_refused=str(reason in refusals).lower(),
            )
        )
    return FIELDS.format(rows=", ".join(rows))


def absence(entity: Entity, field: FieldSpec, absent: Mapping[str, str]) -> str | None:
    """Return why the field cannot be compared; None when it can."""
    columns = [f"source.{entity.name}.{field.name}", f"target.{entity.name}.{field.column}"]
    if field.code_of:
        columns += [f"target.{field.code_of}", f"target.{field.code_of}.id", f"target.{field.code_of}.code"]
    return next((absent[column] for column in columns if column in absent), None)


def is_mapped(entity: Entity, field: FieldSpec, profile: Profile) -> bool:
    """Return whether the profile maps the field to a column of the application."""
    column = _column(profile, entity, field)
    codes = profile.table(field.code_of) if field.code_of else None
    return bool(column and column.candidates and (not field.code_of or (codes and codes.source_name)))


def _is_unfilled(entity: Entity, field: FieldSpec, warehouse: Warehouse) -> bool:
    sql = IS_EMPTY.format(column=quote(field.column), table=quote(entity.name))
    return bool(warehouse.execute(sql).fetchall()[0][0])


def _pair(entity: Entity, field: FieldSpec, profile: Profile, stored: Mapping[str, str]) -> MappedField:
    column = None if field.code_of else _column(profile, entity, field)
    if column is None:
        compared, target, kind = ComparedField(field.name, "text"), f"{_alias(field)}.code", "VARCHAR"
    else:
        compared = ComparedField(field.name, column.type, column.normalise, column.abs_tol, column.rel_tol)
        target, kind = f"t.{quote(field.column)}", stored[f"target.{entity.name}.{field.column}"]
    source = StoredColumn(f"s.{quote(field.name)}", stored[f"source.{entity.name}.{field.name}"])
    return MappedField(field, compared, source, StoredColumn(target, kind))


def _column(profile: Profile, entity: Entity, field: FieldSpec) -> Column | None:
    table = profile.table(entity.name)
    return table.column(field.column) if table else None


def _alias(field: FieldSpec) -> str:
    return quote(f"code of {field.name}")
