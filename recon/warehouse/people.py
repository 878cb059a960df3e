"""What the warehouse holds of people: the names and numbers that must not be shown, from both sides."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from recon.masking.hashes import PeopleTable
from recon.masking.known import KnownValues
from recon.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recon.warehouse import Warehouse

TEXT_COLUMNS = """
select distinct database_name, schema_name, table_name, column_name from duckdb_columns()
where schema_name in ('source', 'target') and data_type = 'VARCHAR' order by all"""
SELECT = "select {columns} from {table}"
DISTINCT = "select distinct cast({column} as varchar) as label from {table} where {column} is not null"
# The words that group people, and are no names of theirs.
LABELS = {
    ("tiers", "code"),
    ("tiers", "name"),
    ("statuses", "code"),
    ("statuses", "label"),
    ("members", "level"),
    ("events", "category"),
    ("events", "status"),
    ("registrations", "status"),
}


def known_values(warehouse: Warehouse, personal: Mapping[str, str]) -> KnownValues:
    """Return what both sides hold of people, which is read when it is first needed.

    Args:
        warehouse: Holds both sides.
        personal: Column → kind of personal data.
    """
    people = _People(warehouse, personal)
    return KnownValues(people.tables, people.labels)


class _People:
    """The tables of both sides, as far as they hold texts.

    Args:
        warehouse: Holds both sides.
        personal: Column → kind of personal data.
    """

    def __init__(self, warehouse: Warehouse, personal: Mapping[str, str]) -> None:
        self._warehouse, self._personal = warehouse, personal

    def tables(self) -> Iterator[PeopleTable]:
        """Yield those with names or phone numbers."""
        for table, columns in self._columns.items():
            names, phones = ([c for c in columns if self._personal.get(c) == kind] for kind in ("name", "phone"))
            if names or phones:
                # "first_name" comes before "last_name"; any other column of names is a name by itself as well.
                ordered = sorted(names, key=lambda name: ("first" not in name, name))
                yield PeopleTable(ordered, phones, self._batches(table, [*ordered, *phones]))

    def labels(self) -> list[str]:
        """Return the words that group people."""
        queries = [
            DISTINCT.format(column=quote(column), table=quote(*table))
            for table, columns in self._columns.items()
            for column in columns
            if (table[-1], column) in LABELS
        ]
        return [row["label"] for row in self._warehouse.rows(" union ".join(queries))] if queries else []

    @cached_property
    def _columns(self) -> dict[tuple[str, ...], list[str]]:
        found: dict[tuple[str, ...], list[str]] = {}
        for row in self._warehouse.rows(TEXT_COLUMNS):
            found.setdefault((row["database_name"], row["schema_name"], row["table_name"]), []).append(
                row["column_name"]
            )
        return found

    def _batches(self, table: tuple[str, ...], columns: list[str]) -> Iterator[pl.DataFrame]:
        sql = SELECT.format(columns=", ".join(map(quote, columns)), table=quote(*table))
        with self._warehouse.reading() as reading:
            for batch in reading.batches(sql, {}):
                yield pl.DataFrame(pl.from_arrow(batch))
