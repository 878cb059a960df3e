"""The plan of a rollback: what it would do and why, as frozen objects; nothing here touches a database."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from msgspec import Struct

from recon.database.writing import Key, Reference, Remark, TargetTable

if TYPE_CHECKING:
    from collections.abc import Iterable

VERSION = "1.0"


class PlannedRow(Struct, frozen=True, array_like=True, gc=False):
    """A row that is to be deleted.

    Attributes:
        key: The values of its key, as literals.
        digest: SHA-256 of its stored columns as literals.
        version: As of `StoredRow`; empty: this kind of database has none.
    """

    key: Key
    digest: str
    version: str = ""


class KeptRow(Struct, frozen=True, array_like=True):
    """A row that the run created, or wrote to, and that is kept."""

    key: str
    why: str


class PlannedTable(Struct, frozen=True, rename="camel"):
    """What is deleted from one table.

    Attributes:
        title: What its rows are: "members", "id mappings", or the table's name.
        proof: What shows that the run created these rows, one sentence.
        before: Number of rows in the table when the plan was made.
        orphans: Keys of those of the rows that refer to a row which does not exist.
        levels: How many of the rows are deleted together: those that refer to others of the same table come first.
    """

    table: TargetTable
    title: str
    proof: str
    before: int
    rows: tuple[PlannedRow, ...]
    kept: tuple[KeptRow, ...] = ()
    levels: tuple[int, ...] = ()
    orphans: tuple[Key, ...] = ()


class ChangedValue(Struct, frozen=True, array_like=True):
    """A value that the run wrote over: the literals of what is stored now and of what was there before the run."""

    column: str
    present: str
    former: str


class RestoredRow(Struct, frozen=True, array_like=True):
    """A row that was there before the run, and that gets back the values that the run wrote over."""

    key: Key
    digest: str
    version: str
    values: tuple[ChangedValue, ...]


class RestoredTable(Struct, frozen=True, rename="camel"):
    """What is changed back in one table; `source` says where the former values are from."""

    table: TargetTable
    title: str
    source: str
    rows: tuple[RestoredRow, ...]
    kept: tuple[KeptRow, ...] = ()


class ReachedTable(Struct, frozen=True, rename="camel"):
    """A table that a deletion could reach by itself, through a foreign key that deletes or empties; it must not change.

    Attributes:
        through: The constraints on the way, e.g. "on delete cascade from Member".
        rows: Number of its rows when the plan was made.
    """

    table: TargetTable
    through: str
    rows: int


class SlowReference(Struct, frozen=True, rename="camel"):
    """A foreign key without an index: the server reads the whole table for each parent that is deleted."""

    reference: Reference
    parents: int
    seconds: float


class MappedIds(Struct, frozen=True, rename="camel"):
    """Where the importer remembers which row a record of the source became.

    Attributes:
        entity_type, target_id: Names of its columns.
        run: The column that names the run; empty: none does.
        runs: The runs that it names, as literals.
        dangling: Number of mappings that name no row and stay, because they are not the run's.
    """

    table: TargetTable
    entity_type: str
    target_id: str
    run: str = ""
    runs: tuple[str, ...] = ()
    dangling: int = 0


class AuditForm(Struct, frozen=True, rename="camel"):
    """How the audit row is written.

    Attributes:
        table: None: the database has no audit table, and the row is left out.
        columns: TargetColumn → what is written: "id", "action", "type", "resource", "metadata", "time".
        recorded_at: The column that says when a row was written; it may not be written itself.
        action: What counts as the action.
        why: Why there is no audit row; empty: there is one.
    """

    table: TargetTable | None = None
    columns: dict[str, str] = {}
    recorded_at: str = ""
    action: str = ""
    why: str = ""


class Span(Struct, frozen=True, array_like=True):
    """A statement in the file of reverse SQL: where it stands in bytes, its table, and the number of its rows.

    Attributes:
        is_orphaned: Whether its rows refer to rows that do not exist, so that not every database takes them back.
    """

    start: int
    length: int
    table: str
    rows: int
    is_orphaned: bool = False


class ReverseSql(Struct, frozen=True, rename="camel"):
    """The statements that put back what is deleted.

    Attributes:
        file: Its name, beside the plan.
        not_proven: Why they could not be tried out when the plan was made; empty: they brought back equal rows.
    """

    file: str
    sha256: str
    statements: tuple[Span, ...]
    not_proven: str = ""


class RollbackPlan(Struct, frozen=True, rename="camel", kw_only=True):
    """Everything that a rollback does, and nothing else.

    Attributes:
        id: Its own, a UUID.
        made_by: Who made it, as they say.
        environment: The environment that the database belongs to; what is not clear counts as production.
        evidence: What shows which rows the run created, one sentence each.
        bundle: The bundle as it was named; None: there is none.
        started_at, ended_at: The time in which the run wrote, by the database's clock; None: unknown.
        deleted: In the order of deletion, children first; tables without rows to delete are left out.
        restored: What is changed back.
        orphans: Number of rows that refer to nothing, by the place of each reference in `references`.
        mappings: The importer's memory of ids; None: the database has none.
        newer_runs: Ids of runs that the database recorded after this one.
        remarks: About the tables that are written to.
        limits: What this kind of database cannot promise.
        notices: What else is to be known, one sentence each.
    """

    id: str
    run_id: str
    made_at: datetime
    made_by: str
    kind: str
    database: str
    identity: dict[str, str]
    environment: str
    evidence: tuple[str, ...]
    bundle: str | None
    started_at: datetime | None
    ended_at: datetime | None
    deleted: tuple[PlannedTable, ...]
    kept: tuple[PlannedTable, ...] = ()
    restored: tuple[RestoredTable, ...] = ()
    references: tuple[Reference, ...] = ()
    reached: tuple[ReachedTable, ...] = ()
    slow: tuple[SlowReference, ...] = ()
    remarks: tuple[Remark, ...] = ()
    orphans: tuple[int, ...] = ()
    mappings: MappedIds | None = None
    newer_runs: tuple[str, ...] = ()
    audit: AuditForm
    reverse: ReverseSql
    limits: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    schema_version: str = VERSION

    @property
    def rows(self) -> int:
        """Number of rows to delete."""
        return sum(len(each.rows) for each in self.deleted)

    @property
    def orphaned_rows(self) -> int:
        """Number of rows to delete that refer to rows which do not exist."""
        return sum(len(each.orphans) for each in self.deleted)

    @property
    def restored_rows(self) -> int:
        """Number of rows to change back."""
        return sum(len(each.rows) for each in self.restored)

    @property
    def kept_rows(self) -> int:
        """Number of rows of the run that are kept."""
        return sum(len(each.kept) for each in (*self.deleted, *self.kept)) + sum(
            len(each.kept) for each in self.restored
        )

    @property
    def written(self) -> tuple[TargetTable, ...]:
        """The tables that are written to, without that of the audit row."""
        named = [each.table for each in self.deleted] + [each.table for each in self.restored if each.rows]
        return tuple({table.sql: table for table in named}.values())

    @property
    def seconds(self) -> float:
        """How long the foreign keys without an index take, as predicted."""
        return sum(each.seconds for each in self.slow)


def digest_of(values: Iterable[str]) -> str:
    """Return the digest of a row, given its literals."""
    return sha256("\x1f".join(values).encode()).hexdigest()
