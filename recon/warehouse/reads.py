"""Plans, from the catalogue alone, what to read from a database: the tables and columns that the rules need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recon.background import await_result, start
from recon.database import Catalogue, Query, SelectColumn, Source
from recon.errors import DatabaseError
from recon.profile.naming import as_spelt
from recon.profile.presence import actual_column, column_absence, presume_columns, require_present, table_absence
from recon.warehouse.load_column import LoadColumn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from recon.profile import Column, Profile, RunRecord, Table
    from recon.warehouse.session import Warehouse

RUNS = "target.runs"
RUN_FIELDS = (
    LoadColumn("run_id", "text"),
    LoadColumn("recorded_at", "timestamp"),
    LoadColumn("rows", "integer"),
    LoadColumn("recorded_in", "text"),
)
# The key under which a rollback records, in the application's audit table, what became of a run: its id, and this.
RUN_STATE, ROLLED_BACK = "reconRunState", " (rolled back)"
TYPED_BY = {
    "uuid": {"uuid"},
    "integer": {"integer"},
    "boolean": {"boolean"},
    "timestamp": {"timestamp", "timestamptz"},
}


@dataclass(frozen=True)
class TableRead:
    """What to read from one table, and the fields that its rows become."""

    name: str
    query: Query
    fields: tuple[LoadColumn, ...]
    required: bool = False


@dataclass(frozen=True)
class Planner:
    """Decides what is read from one database into one warehouse, according to one profile."""

    source: Source
    profile: Profile
    catalogue: Catalogue
    warehouse: Warehouse

    def plan(self, wanted: Mapping[str, set[str]], *, with_runs: bool) -> Iterator[TableRead]:
        """Create the tables of `wanted` (columns by table), and yield the reads that fill them."""
        for table in self.profile.tables:
            if table.name in wanted:
                yield from self._plan_table(table, wanted[table.name])
        if with_runs:
            yield from self._plan_runs()

    def _plan_table(self, table: Table, wanted: set[str]) -> Iterator[TableRead]:
        """Create `target.<table>` with the wanted columns; yield its read, if the database has any of the columns."""
        name = f"target.{table.name}"
        present = self.catalogue.get(table.source_name)
        absent = table_absence(table, self.catalogue)
        if absent:
            self.warehouse.missing[name] = absent
            present = None
        # A rule that names only the table counts its rows, for which any existing column will do.
        columns = [column for column in table.columns if column.name in wanted] or table.columns
        found = [(column, actual_column(column, present or {})) for column in columns]
        for column, actual in found:
            if present is not None and actual is None:
                self.warehouse.missing[f"{name}.{column.name}"] = column_absence(table, column)
        fields = tuple(self._field(column, actual, present or {}) for column, actual in found)
        self.warehouse.create(name, fields)
        query = _query(table, fields)
        if present is not None:
            self._note_unread(table.source_name, query)
        if query.columns:
            yield TableRead(name, query, fields, table.required)

    def _note_unread(self, table_name: str, query: Query) -> None:
        """Record the columns of a table that neither this read nor that of the runs selects."""
        read = {column.source_name for column in query.columns}
        read |= {name for run in self.profile.runs if run.table == table_name for name in (run.column, run.recorded_at)}
        if query.only:
            read.add(query.only[0])
        known = self.warehouse.unread.get(table_name, tuple(self.catalogue[table_name]))
        self.warehouse.unread[table_name] = tuple(name for name in known if name not in read)

    def _plan_runs(self) -> Iterator[TableRead]:
        """Create `target.runs` and yield its reads.

        One row per run and place where it is recorded: run_id, recorded_at (UTC), rows, recorded_in.
        """
        records = [r for r in self.profile.runs if r.column in self.catalogue.get(r.table, {})]
        if not records:
            places = ", ".join(f"{r.table}.{r.column}" for r in self.profile.runs)
            self.warehouse.missing[RUNS] = (
                f"the database has none of {places}" if places else "the profile names no place of runs"
            )
        self.warehouse.create(RUNS, RUN_FIELDS)
        yield from map(self._run_read, records)

    def _field(self, column: Column, actual: str | None, present: Mapping[str, str]) -> LoadColumn:
        kind = self._kind(column)
        if actual is None:
            return LoadColumn(column.name, kind, is_absent=True)
        source_type = self._source_type(kind, present[actual])
        return LoadColumn(column.name, kind, actual, source_type)

    def _kind(self, column: Column) -> str:
        """Return the stored type; a key is a uuid where every column that it is compared with is one."""
        if column.type != "key":
            return column.type
        kinds = {
            present[actual]
            for table in self.profile.tables
            for other in table.columns
            if other.domain == column.domain
            and (present := self.catalogue.get(table.source_name))
            and (actual := actual_column(other, present))
        }
        return "uuid" if kinds == {"uuid"} else "key"

    def _source_type(self, kind: str, catalogue_type: str) -> str:
        """Return the type to read: the database's own where it fits `kind`, else text that the warehouse casts."""
        known = self.source.typed and catalogue_type in TYPED_BY.get(kind, set())
        return catalogue_type if known else "text"

    def _run_read(self, record: RunRecord) -> TableRead:
        present = self.catalogue[record.table]
        dated = record.recorded_at in present
        source_type = self._source_type("timestamp", present[record.recorded_at]) if dated else ""
        keys = (*record.json_keys, RUN_STATE) if record.json_keys else ()
        columns = [SelectColumn(record.column, "run_id", json_keys=keys)]
        if dated:
            columns.append(SelectColumn(record.recorded_at, "recorded_at", source_type, latest=True))
        fields = (
            LoadColumn("run_id", "text", record.column),
            LoadColumn("recorded_at", "timestamp", record.recorded_at, source_type, is_absent=not dated),
            LoadColumn("rows", "integer", "rows", "integer"),
            LoadColumn("recorded_in", "text", constant=f"{record.table}.{record.column}"),
        )
        return TableRead(RUNS, Query(record.table, tuple(columns), grouped=True), fields)


def plan_reads(source: Source, profile: Profile, requires: Iterable[str], warehouse: Warehouse) -> list[TableRead]:
    """Create every canonical table that `requires` names, record what is absent, and return the reads that fill them.

    Only the catalogue is read.

    Raises:
        DatabaseError: A required table or column is missing.
    """
    requires = set(requires)
    catalogue = _catalogue(source)
    profile = as_spelt(profile, catalogue)
    planner = Planner(source, profile, catalogue, warehouse)
    presume_columns(profile, planner.catalogue)
    require_present(source, profile, planner.catalogue)
    return list(planner.plan(wanted_columns(profile, requires), with_runs=RUNS in requires))


def wanted_columns(profile: Profile, requires: set[str]) -> dict[str, set[str]]:
    """Return the columns by table ("members") that `requires` and the profile need; an empty set: any that exist."""
    required = {t.name: {c.name for c in t.columns if c.required} for t in profile.tables if t.required}
    wanted = {name: columns for name, columns in required.items() if columns}
    for reference in requires:
        schema, _, rest = reference.partition(".")
        table, _, column = rest.partition(".")
        if schema == "target" and profile.table(table):
            wanted.setdefault(table, set()).update({column} - {""})
    # In the profile's order: that of `requires` is another one in each process.
    return {table.name: wanted[table.name] for table in profile.tables if table.name in wanted}


def _query(table: Table, fields: tuple[LoadColumn, ...]) -> Query:
    columns = tuple(
        SelectColumn(f.source_name, f.name, f.source_type, is_key=f.type == "key") for f in fields if not f.is_absent
    )
    only = (table.only.column, table.only.value) if table.only else None
    return Query(table.source_name, columns, only=only)


def _catalogue(source: Source) -> Catalogue:
    try:
        return await_result(start(source.catalogue), source.limit_s)
    except TimeoutError:
        source.cancel()
        raise silent(source, "the list of tables") from None


def silent(source: Source, expected: str) -> DatabaseError:
    """Return the error for a database that does not answer within its limit."""
    return DatabaseError(
        "The database stopped answering",
        where=source.label,
        expected=f"{expected} within {source.limit_s:g} s",
        found="nothing",
        next_step="Ask the DBA what keeps the server busy, or raise --timeout",
    )
