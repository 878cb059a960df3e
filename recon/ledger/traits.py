"""What records and rows are described by when the unexplained are compared with the others: their traits, as SQL."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from recon.bundle.columns import COLUMNS
from recon.ledger.entities import EVERY_ENTITY, STAMPS, Entity
from recon.model import SINGULAR
from recon.sql import literal, named_statements, quote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from recon.warehouse import Warehouse

STATEMENTS = named_statements(Path(__file__).with_name("traits.sql"))
ALWAYS_PERSONAL = ("first_name", "last_name", "email", "phone")
# What names a single record, and free text, in which anything may stand.
NOT_TRAITS = ("id", "source_row", "wa_id", "target_id", "errors", "title", "description", *STAMPS)
TIMES = {column.name for columns in COLUMNS.values() for column in columns if column.is_time}
TEXT = "nullif(trim(cast({column} as varchar)), '')"
MONTH = "left(cast({column} as varchar), 7)"
MONTH_OF_TEXT = """
case when cast({column} as varchar) glob '[0-9][0-9][0-9][0-9]-[0-9][0-9]-*' then left(cast({column} as varchar), 7)
     when trim(cast({column} as varchar)) <> '' then '(not ISO 8601)' end"""
# What decides about a month and has far fewer values: each is looked at once.
ROUGH = "date_trunc('month', {column})"
ROUGH_TEXT = "left(cast({column} as varchar), 8)"
NAMED = "case {column} {names} else {column} end"
NAME = "when {id} then {name}"
MOST_NAMES = 200
LOOKED_UP = {"status_id": "statuses", "tier_id": "tiers"}
LINK = "left join of_{parent} {parent} on {parent}.reference = cast({alias}.{reference} as varchar)"
# A cast to a uuid reads every spelling by itself.
AS_UUID = "try_cast({column} as uuid)"
AS_KEY = "try_cast(as_key(cast({column} as varchar)) as {key_type})"
KEPT = "any_value({name}) as {name}"


class Trait(Struct, frozen=True):
    """Something that records or rows may have in common.

    Attributes:
        name: "level"; "member.level" is the level of the member whom a registration names.
        sql: The SQL of its value as text; null: none.
        column: The column, quoted, that determines it.
        rough: The SQL of what may take the place of the column, and has fewer values.
        is_time: Whether its values are the months of times.
    """

    name: str
    sql: str
    column: str
    rough: str
    is_time: bool = False

    @property
    def parent(self) -> str:
        """The parent that it is a trait of, "member" or "event"; empty: it is one's own."""
        parent, dot, _ = self.name.partition(".")
        return parent if dot else ""


class Parent(Struct, frozen=True):
    """A parent that registrations refer to.

    Attributes:
        parts: The SQL that fills the statement `parents`, by placeholder.
        traits: Its traits, as those of the registrations.
    """

    parts: Mapping[str, str]
    traits: tuple[Trait, ...]


class Side(Struct, frozen=True):
    """The traits of an entity's records, or of its rows.

    Attributes:
        alias: What the records ("s") or rows ("t") are called in SQL.
        own: Their own traits.
    """

    entity: Entity
    alias: str
    own: tuple[Trait, ...]
    parents: tuple[Parent, ...]

    @property
    def traits(self) -> tuple[Trait, ...]:
        """Every trait: their own, then those of their parents."""
        return (*self.own, *(trait for parent in self.parents for trait in parent.traits))

    @property
    def links(self) -> str:
        """The SQL that joins the parents."""
        return " ".join(LINK.format(**parent.parts, alias=self.alias) for parent in self.parents)

    @property
    def table(self) -> str:
        """The table of the records or rows."""
        return f"{'source' if self.alias == 's' else 'target'}.{self.entity.name}"


class TraitReader:
    """Determines the traits of records and rows, without the personal ones.

    Args:
        warehouse: A warehouse whose ledger is built.
        stored: DuckDB's type by column, as of `stored_types`.
        personal: Columns that hold personal data.
    """

    def __init__(self, warehouse: Warehouse, stored: Mapping[str, str], personal: Collection[str]) -> None:
        self._warehouse, self._stored, self._personal = warehouse, stored, {*personal, *ALWAYS_PERSONAL}
        self._codes = {
            name: {row["id"]: row["code"] for row in self._few("codes", table=table)}
            for name, table in LOOKED_UP.items()
        }
        self._tiers = {row["level"]: row["code"] for row in self._few("tiers")}

    def of_records(self, entity: Entity) -> Side:
        """Return the traits of an entity's records."""
        own = [self._of_record(name) for name in self._columns(f"source.{entity.name}")]
        if entity.name == "members" and self._tiers and not {"level", "tier_id"} & self._personal:
            sql = f"case s.level {_names(self._tiers)} end"
            own.append(Trait("mapped_tier", sql, "level", "s.level"))
        return self._side(entity, own, "s")

    def of_rows(self, entity: Entity) -> Side:
        """Return the traits of an entity's rows."""
        own = [self._of_row(entity.name, name, "t") for name in self._columns(f"target.{entity.name}")]
        return self._side(entity, own, "t")

    def _few(self, name: str, **parts: str) -> list[dict[str, Any]]:
        return self._warehouse.rows(STATEMENTS[name].format(**parts), {"most": MOST_NAMES})

    def _columns(self, table: str) -> Iterator[str]:
        """Yield the columns of a table that are traits."""
        one = next(entity for entity in EVERY_ENTITY if table.endswith(f".{entity.name}"))
        columns = {field.name: field.column for field in one.fields}
        for name in (key.removeprefix(f"{table}.") for key in self._stored if key.startswith(f"{table}.")):
            if name not in NOT_TRAITS and not {name, columns.get(name, name)} & self._personal:
                yield name

    def _of_record(self, name: str) -> Trait:
        column = f"s.{quote(name)}"
        is_time = name in TIMES
        sql = MONTH_OF_TEXT.format(column=column) if is_time else self._named(name, TEXT.format(column=column))
        return Trait(name, sql, quote(name), ROUGH_TEXT.format(column=column) if is_time else column, is_time)

    def _of_row(self, table: str, name: str, alias: str) -> Trait:
        column = f"{alias}.{quote(name)}"
        is_time = self._stored[f"target.{table}.{name}"].startswith("TIMESTAMP")
        sql = MONTH.format(column=column) if is_time else self._named(name, TEXT.format(column=column))
        return Trait(name, sql, quote(name), ROUGH.format(column=column) if is_time else column, is_time)

    def _named(self, name: str, text: str) -> str:
        """Return the SQL of a text: where it is the id of a code, that code."""
        codes = self._codes.get(name)
        return NAMED.format(column=text, names=_names(codes)) if codes else text

    def _side(self, entity: Entity, own: list[Trait], alias: str) -> Side:
        parents = tuple(self._parent(name, reference) for reference, name in entity.parents.items())
        return Side(entity, alias, tuple(own), parents)

    def _parent(self, entity: str, reference: str) -> Parent:
        one = SINGULAR[entity]
        found = [self._of_row(entity, name, one) for name in self._columns(f"target.{entity}")]
        traits = tuple(Trait(f"{one}.{t.name}", f"{one}.{t.column}", t.column, t.column, t.is_time) for t in found)
        key_type = self._stored[f"target.{entity}.id"]
        kept = ["true as is_there", *(KEPT.format(name=trait.column) for trait in found)]
        parts = {
            "parent": one,
            "parents": entity,
            "reference": quote(reference),
            "kept": ", ".join(kept),
            "traits": ", ".join(f"{trait.sql} as {trait.column}" for trait in found) or "1 as nothing",
            "key": (AS_UUID if key_type == "UUID" else AS_KEY).format(
                column=f"r.{quote(reference)}", key_type=key_type
            ),
        }
        return Parent(parts, traits)


def _names(names: Mapping[str, str]) -> str:
    return " ".join(NAME.format(id=literal(each), name=literal(name)) for each, name in names.items())
