"""The application's tables as the database has them: recon's names for what is written to, and back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

import polars as pl

from recon.database import FoldedCatalogue
from recon.errors import RollbackError
from recon.profile.naming import as_spelt
from recon.profile.presence import actual_column
from recon.rollback.evidence import NAMES, STATEMENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from recon.database.writing import Key, StoredRow, TargetTable, WritableDatabase
    from recon.profile import Profile
    from recon.warehouse import Warehouse

FRAME = "rollback_keys"
BATCH = 50_000
# 'text', E'text with \\\\', X'00ff', _latin1 X'e9', _utf8mb4'text'
LITERAL = re.compile(r"(?:_(?P<set>\w+) ?)?(?P<form>[EXx])?'(?P<text>.*)'", re.DOTALL)


@dataclass(frozen=True)
class MappedTable:
    """A canonical table.

    Attributes:
        name: "members", "id_mappings" …
        columns: Canonical name → the application's, of those that exist.
    """

    name: str
    table: TargetTable
    columns: Mapping[str, str]

    def column(self, name: str) -> str:
        """Return the application's name of a column.

        Raises:
            RollbackError: The table has no such column.
        """
        if name not in self.columns:
            raise RollbackError(
                f"The table {self.table.name!r} has no column for {self.name}.{name}",
                expected=f"a column that the profile names for {name}",
                found=", ".join(column.name for column in self.table.columns[:12]),
            )
        return self.columns[name]


class TargetTables:
    """Every table of a database, and those that the profile names.

    Attributes:
        every: By `TargetTable.sql`.
        mapped: By canonical name; those that do not exist are left out.
    """

    def __init__(self, database: WritableDatabase, profile: Profile) -> None:
        self.every = {table.sql: table for table in database.tables()}
        own = [t for t in self.every.values() if database.schema is None or t.schema == database.schema]
        self._by_name = {table.name: table for table in own}
        catalogue = FoldedCatalogue({t.name: {c.name: c.type for c in t.columns} for t in own})
        self.profile = as_spelt(profile, dict(catalogue) if database.kind == "postgresql" else catalogue)
        self.mapped = dict(self._mapped())

    def _mapped(self) -> Iterable[tuple[str, MappedTable]]:
        for named in self.profile.tables:
            table = self._by_name.get(named.source_name)
            if table:
                present = {column.name: column.type for column in table.columns}
                found = {column.name: actual_column(column, present) for column in named.columns}
                yield (
                    named.name,
                    MappedTable(named.name, table, {name: column for name, column in found.items() if column}),
                )

    def named(self, name: str) -> TargetTable:
        """Return the table that a person names, with its schema, or without: the application's own comes first.

        Raises:
            RollbackError: There is no such table, or there are several.
        """
        own = self.find(name)
        wanted = [own] if own else self._of_any_schema(name)
        if len(wanted) != 1:
            raise RollbackError(
                "There is no table of that name" if not wanted else "Several tables have that name",
                where="--include",
                expected=", ".join(sorted(t.name for t in self.every.values())[:20]) if not wanted else "its schema",
                found=name[:100],
            )
        return wanted[0]

    def _of_any_schema(self, name: str) -> list[TargetTable]:
        return [t for t in self.every.values() if name in {t.name, t.sql, f"{t.schema}.{t.name}"}]

    def find(self, name: str) -> TargetTable | None:
        """Return the application's table of that name; None: it has none."""
        return self._by_name.get(name)

    def title(self, table: TargetTable) -> str:
        """Return what the rows of a table are called."""
        found = next((m.name for m in self.mapped.values() if m.table.sql == table.sql), None)
        return table.name if found is None else found.replace("_", " ")


def canonical(literals: Sequence[str], warehouse: Warehouse) -> list[str]:
    """Return keys in recon's one spelling, given as literals; in the same order."""
    frame = pl.DataFrame({"raw": [raw_text(each) for each in literals]}, schema={"raw": pl.String})
    warehouse.connection.register(FRAME, frame.to_arrow())
    try:
        rows = warehouse.connection.execute(STATEMENTS["keys"].format(frame=FRAME)).fetchall()
    finally:
        warehouse.connection.unregister(FRAME)
    return [row[1] for row in rows]


def in_batches(rows: Iterator[StoredRow]) -> Iterator[list[StoredRow]]:
    """Yield the rows in groups, so that few of them are held at a time."""
    while batch := list(islice(rows, BATCH)):
        yield batch


def raw_text(literal: str) -> str:
    """Return the text in a literal: of a string its characters, of bytes their digits, else the literal itself."""
    found = LITERAL.fullmatch(literal)
    if found is None:
        return literal[2:].lower() if literal[:2] in {"0x", "0X"} else literal
    form, text = found["form"] or "", found["text"]
    if form in {"X", "x"}:
        if not found["set"] or found["set"] == "binary":
            return text.lower()
        return bytes.fromhex(text).decode(errors="backslashreplace")
    text = text.replace("''", "'")
    return text.replace("\\\\", "\\") if form == "E" else text


def located(mapped: MappedTable, database: WritableDatabase, warehouse: Warehouse) -> dict[str, Key]:
    """Return the key of each row, by its id in recon's spelling.

    Raises:
        RollbackError: The table has no key, or the id does not identify rows.
    """
    require_key(mapped.table)
    column, key = mapped.column("id"), mapped.table.key
    columns = [column, *(name for name in key if name != column)]
    places = [columns.index(name) for name in key]
    found: dict[str, Key] = {}
    count = 0
    for batch in in_batches(database.rows(mapped.table, columns)):
        ids = canonical([row.values[0] for row in batch], warehouse)
        found |= {id_: tuple(row.values[place] for place in places) for id_, row in zip(ids, batch, strict=True)}
        count += len(batch)
    if len(found) < count:
        raise RollbackError(
            f"{count - len(found):,} rows of {mapped.table.name!r} share their id with another",
            where=f"{mapped.table.name}.{column}",
            expected="an id of its own on each row",
            next_step="Mend the duplicate ids first: which of these rows a run created is not known",
        )
    return found


def require_key(table: TargetTable) -> None:
    """Require that the rows of a table can be named one by one, and be deleted within a transaction.

    Raises:
        RollbackError: They cannot.
    """
    if table.obstacle:
        raise RollbackError(f"Rows of {table.name!r} cannot be deleted safely", where=table.sql, found=table.obstacle)
    if not table.key:
        raise RollbackError(
            f"The rows of {table.name!r} cannot be named one by one",
            where=table.sql,
            expected="a primary key, or a unique key without nulls",
            found="none",
            next_step="Ask the DBA to add the primary key that the application declares",
        )


# Asked for each id mapping, of which there are as many as rows, but few types.
@lru_cache(maxsize=64)
def entity_of(entity_type: str) -> str | None:
    """Return the entity that an id mapping's type names; None: another."""
    name = raw_text(entity_type).strip().lower()
    return next((entity for entity, names in NAMES.items() if name in names), None)
