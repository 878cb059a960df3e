"""Finds rows for records that name none or one that does not exist: by id mappings, then by natural key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from recon.sql import named_statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.ledger.entities import Entity
    from recon.ledger.fragments import Fragments
    from recon.ledger.outcomes import Rest
    from recon.warehouse import Warehouse

STATEMENTS = named_statements(Path(__file__).with_name("resolution.sql"))


class Resolution:
    """The search for the rows of one entity's open records.

    Args:
        entity: The entity.
        fragments: The SQL of its records and rows.
        warehouse: A warehouse whose `ledger.<entity>` is paired by target id.
        natural_name: The name of the natural key.
        can_map: Whether the database has id mappings from records to rows.
    """

    def __init__(
        self, entity: Entity, fragments: Fragments, warehouse: Warehouse, natural_name: str, *, can_map: bool
    ) -> None:
        self._entity, self._fragments, self._warehouse = entity, fragments, warehouse
        self._natural_name, self._can_map = natural_name, can_map

    def resolve(self, rest: Rest, ambiguous: str) -> bool:
        """Assign open records the rows that are found for them; return whether any was found.

        Args:
            rest: The tables of the records and rows that are not simply landed.
            ambiguous: The table, or query, of the ids that are on several rows.
        """
        fragments, name = self._fragments, self._entity.name
        self._do("open", rest_of_source=rest.source)
        is_nameless = self._warehouse.rows(STATEMENTS["nameless"])[0]["is_nameless"]
        eligible = fragments.target if is_nameless else rest.target
        self._do("natural_rows", every_row=str(is_nameless).lower(), eligible=eligible)
        ways = " union all ".join(fragments.fill(STATEMENTS[way]) for way in self._ways())
        self._do("resolve", {"entities": name}, ways=ways, ambiguous=ambiguous)
        self._do("natural_duplicates", {"entity": name, "natural_name": self._natural_name})
        self._do("natural_ambiguous", {"natural_name": self._natural_name})
        self._do("freed")
        self._do("landed")
        found = self._warehouse.execute("select count(*) from resolved").fetchall()[0][0]
        self._do("close")
        return bool(found)

    def _ways(self) -> Iterator[str]:
        """Yield the statements that may find a record's row: by mappings, where there are any, and by natural key."""
        if self._warehouse.row_count("source.id_mappings"):
            yield "way_of_bundle"
        if self._can_map and self._warehouse.row_count("target.id_mappings"):
            yield "way_of_database"
        yield "way_of_key"

    def _do(self, name: str, values: dict[str, str] | None = None, **others: str) -> None:
        sql = self._fragments.fill(STATEMENTS[name], **others)
        named = {key: value for key, value in (values or {}).items() if f"${key}" in sql}
        self._warehouse.execute(sql, named or None)
