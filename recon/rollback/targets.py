"""The rows that the evidence is about, as the database has them, and everything that refers to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recon.database.writing import Reference
from recon.ledger.entities import EVERY_ENTITY
from recon.model import ENTITIES
from recon.rollback.links import IMPLIED, links_of, orphans_of
from recon.rollback.plan import MappedIds
from recon.rollback.selection import Selection, deletion_levels, include_dependents
from recon.rollback.tables import canonical, entity_of, in_batches, located, raw_text, require_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from recon.database.writing import Key, TargetTable, WritableDatabase
    from recon.rollback.evidence import RunEvidence
    from recon.rollback.selection import Link, RowId
    from recon.rollback.tables import MappedTable, TargetTables
    from recon.warehouse import Warehouse

MAPPINGS = "id_mappings"
REFERS_TO_ITSELF = "it refers to itself by {columns}, and InnoDB deletes no such row: empty that first"
ALONE = "it names no row, and nothing shows that the run created one"


@dataclass
class Targets:
    """The rows of one plan, found in an open transaction.

    Attributes:
        selection: The rows that would be deleted if nothing else referred to them.
        kept: TargetTable → key → why, of rows that the evidence itself keeps.
        updated: Entity → key → why it cannot be changed back, of rows that the run updated; None: it can.
        references: Every foreign key, and those that the application does not declare.
        gone: Number of created rows by entity that disappeared between the evidence and now.
        alone: Keys of id mappings of rows that the run created and that are gone.
        dangling: Number of id mappings that name no row and are not the run's.
        runs: The runs that id mappings name, as literals.
    """

    database: WritableDatabase
    tables: TargetTables
    warehouse: Warehouse
    selection: Selection = field(default_factory=Selection)
    kept: dict[str, dict[Key, str]] = field(default_factory=dict)
    updated: dict[str, dict[Key, str | None]] = field(default_factory=dict)
    references: tuple[Reference, ...] = ()
    gone: dict[str, int] = field(default_factory=dict)
    alone: list[Key] = field(default_factory=list)
    dangling: int = 0
    runs: tuple[str, ...] = ()

    def find(self, evidence: RunEvidence, included: Iterable[str]) -> None:
        """Find the rows, and those of the tables that go together with them.

        Raises:
            RollbackError: Rows cannot be named one by one, or an included table is none.
        """
        self.references = (*self.database.references(), *self._implied())
        mappings = self._mappings()
        names: dict[RowId, list[Key]] = {}
        for each in evidence.entities:
            mapped = self.tables.mapped[each.entity]
            keys = located(mapped, self.database, self.warehouse)
            self._take(each.entity, mapped, keys, evidence)
            lost = set(each.lost)
            for id_, of_row in mappings[each.entity].items():
                if id_ in keys:
                    row = (mapped.table.sql, keys[id_])
                    names.setdefault(row, []).extend(key for key, _ in of_row)
                    if not self.selection.holds(row):
                        self._leave(of_row, evidence.run_id, is_kept=keys[id_] in self.kept[mapped.table.sql])
                else:
                    self._take_alone(of_row, evidence.run_id, is_lost=id_ in lost)
        self.selection.included = tuple(table.sql for table in map(self.tables.named, included))
        for sql in self.selection.included:
            require_key(self.tables.every[sql])
        include_dependents(self.selection, self.references, self.links_of)
        self._take_mappings(names)

    def _take(self, entity: str, mapped: MappedTable, keys: Mapping[str, Key], evidence: RunEvidence) -> None:
        found = next(each for each in evidence.entities if each.entity == entity)
        sql = mapped.table.sql
        # In the order of the key, in which rows are locked.
        created = set(found.created)
        self.selection.rows[sql] = {key: None for id_, key in keys.items() if id_ in created}
        self.kept[sql] = {keys[id_]: why for id_, why in found.kept.items() if id_ in keys}
        self.updated[entity] = {keys[id_]: why for id_, why in found.updated.items() if id_ in keys}
        self.gone[entity] = len(created) - len(self.selection.rows[sql])

    def _mappings(self) -> dict[str, dict[str, list[tuple[Key, str]]]]:
        """Return keys and runs of the id mappings by entity and by the id that they name, in recon's spelling."""
        mapped = self.tables.mapped.get(MAPPINGS)
        found: dict[str, dict[str, list[tuple[Key, str]]]] = {entity: {} for entity in ENTITIES}
        if mapped is None or not {"entity_type", "target_id"} <= mapped.columns.keys():
            return found
        require_key(mapped.table)
        # Older generations record no run.
        run = mapped.columns.get("run_id", mapped.column("target_id"))
        columns = [mapped.column("entity_type"), mapped.column("target_id"), run, *mapped.table.key]
        labels: dict[str, str] = {}
        for batch in in_batches(self.database.rows(mapped.table, columns)):
            ids = canonical([row.values[1] for row in batch], self.warehouse)
            for id_, row in zip(ids, batch, strict=True):
                entity_type, _, literal, *key = row.values
                # One text for each run, not one for each row.
                if "run_id" in mapped.columns and literal not in labels:
                    labels[literal] = raw_text(literal)
                label = labels.get(literal, "")
                entity = entity_of(entity_type)
                if entity:
                    found[entity].setdefault(id_, []).append((tuple(key), label))
        self.runs = tuple(sorted(labels))
        return found

    @property
    def mapped_ids(self) -> MappedIds | None:
        """Where the importer remembers ids; None: nowhere."""
        mapped = self.tables.mapped.get(MAPPINGS)
        if mapped is None or not {"entity_type", "target_id"} <= mapped.columns.keys():
            return None
        columns = mapped.column("entity_type"), mapped.column("target_id"), mapped.columns.get("run_id", "")
        return MappedIds(mapped.table, *columns, self.runs, self.dangling)

    def _leave(self, mappings: Iterable[tuple[Key, str]], run_id: str, *, is_kept: bool) -> None:
        """List the mappings of the run whose rows stay: kept like these, or renewed like these."""
        table = self.table_of(MAPPINGS)
        for key, label in mappings:
            if label == run_id and is_kept:
                self.kept.setdefault(table.sql, {})[key] = "the row that it names is kept"
            elif label == run_id:
                self.updated.setdefault(MAPPINGS, {})[key] = None

    def _take_alone(self, mappings: Iterable[tuple[Key, str]], run_id: str, *, is_lost: bool) -> None:
        """Take mappings of rows that the run created and that are not there; others that name no row stay."""
        for key, label in mappings:
            if is_lost:
                self.alone.append(key)
            elif label == run_id:
                self.kept.setdefault(self.table_of(MAPPINGS).sql, {})[key] = ALONE
            else:
                self.dangling += 1

    def _take_mappings(self, names: Mapping[RowId, list[Key]]) -> None:
        """The importer's memory of ids goes with the rows, or the next import takes them for existing ones."""
        mapped = self.tables.mapped.get(MAPPINGS)
        if mapped is None:
            return
        owners = {key: row for row, keys in names.items() if self.selection.holds(row) for key in keys}
        self.selection.rows[mapped.table.sql] = dict.fromkeys(sorted({*owners, *self.alone}))
        self.selection.owners = {(mapped.table.sql, key): row for key, row in owners.items()}

    def _implied(self) -> Iterator[Reference]:
        """Yield the references among the entities that the database does not enforce."""
        declared = {(r.table, r.columns, r.parent) for r in self.database.references()}
        for entity in EVERY_ENTITY:
            child = self.tables.mapped.get(entity.name)
            for column, parent in entity.parents.items():
                to = self.tables.mapped.get(parent)
                if child and to and column in child.columns:
                    columns = (child.column(column),)
                    if (child.table.sql, columns, to.table.sql) not in declared:
                        yield Reference(IMPLIED, child.table.sql, columns, to.table.sql, (to.column("id"),))

    def links(self) -> Iterator[Link]:
        """Yield every row that refers to a row of the selection."""
        for reference in self.references:
            keys = self.selection.rows.get(reference.parent)
            if keys:
                yield from self.links_of(reference, keys)

    def stuck(self) -> Iterator[tuple[RowId, str]]:
        """Yield the rows of the selection that the server does not delete, with the reason."""
        if self.database.kind != "mysql":
            return
        for reference in self.references:
            is_checked = reference.name != IMPLIED and reference.on_delete in {"no action", "restrict"}
            if is_checked and reference.table == reference.parent:
                for link in self.links_of(reference, self.selection.rows.get(reference.parent, ())):
                    if link.child == link.parent:
                        yield link.child, REFERS_TO_ITSELF.format(columns=", ".join(reference.columns))

    def links_of(self, reference: Reference, keys: Iterable[Key]) -> Iterator[Link]:
        """Yield the rows that refer by one foreign key to the parents with these keys."""
        return links_of(reference, list(keys), self.tables.every, self.database)

    def levels(self, sql: str) -> list[list[Key]]:
        """Return the rows of a table to delete, those that refer to others of the same table first."""
        keys = self.selection.rows[sql]
        own = [reference for reference in self.references if reference.table == reference.parent == sql]
        if not own:
            return [list(keys)]
        links = (link for reference in own for link in self.links_of(reference, keys))
        return deletion_levels(keys, [(link.child[1], link.parent[1]) for link in links if link.child[1] in keys])

    def orphans(self, sql: str) -> set[Key]:
        """Return those rows to delete that refer to rows which do not exist, against a declared reference."""
        keys = self.selection.rows[sql]
        declared = [reference for reference in self.references if reference.table == sql and reference.name != IMPLIED]
        found = (key for reference in declared for key in orphans_of(reference, self.tables.every, self.database))
        return {key for key in found if key in keys}

    def table_of(self, entity: str) -> TargetTable:
        """Return the table of an entity."""
        return self.tables.mapped[entity].table

    def name_of(self, sql: str) -> str:
        """Return a table's name for people."""
        return self.tables.every[sql].name

    @property
    def order_of_references(self) -> tuple[Reference, ...]:
        """The references with those of the id mappings, which name rows without referring to them."""
        mapped = self.tables.mapped.get(MAPPINGS)
        named = [self.table_of(entity).sql for entity in ENTITIES if mapped and entity in self.tables.mapped]
        soft = [Reference(IMPLIED, mapped.table.sql, (), sql, ()) for sql in named] if mapped else []
        return (*self.references, *soft)
