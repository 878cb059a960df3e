"""What rollback asks of a database: its tables and what hangs on them, rows as literals, one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Key = tuple[str, ...]
"""The values of a row's key columns, each as an SQL literal: ("'2f1c…'",)."""

OnDelete = Literal["no action", "restrict", "cascade", "set null", "set default"]


class TargetColumn(Struct, frozen=True):
    """A column.

    Attributes:
        type: As the server spells it, e.g. "timestamp(3) without time zone".
        is_generated: Whether its value is computed from others, so that it cannot be inserted.
        is_identity: Whether the server gives its value unless a statement overrides that.
        is_required: Whether it takes no null and has no default.
        choices: The values of an enumerated type; empty: it is none.
    """

    name: str
    type: str
    is_generated: bool = False
    is_identity: bool = False
    is_required: bool = False
    choices: tuple[str, ...] = ()


class TargetTable(Struct, frozen=True):
    """A table.

    Attributes:
        sql: Its name as statements spell it, quoted and with its schema: '"public"."Member"'.
        schema: None: databases of this kind have none.
        key: The columns of its primary key; without one, those of a unique key without nulls; empty: it has neither.
        rows: Number of its rows as the server estimates it; None: no estimate.
        obstacle: Why its rows cannot be deleted within a transaction; empty: they can.
    """

    sql: str
    schema: str | None
    name: str
    columns: tuple[TargetColumn, ...]
    key: tuple[str, ...]
    rows: int | None = None
    obstacle: str = ""

    @property
    def stored(self) -> tuple[str, ...]:
        """The names of the columns that a statement can insert, in the table's order."""
        return tuple(column.name for column in self.columns if not column.is_generated)


class Reference(Struct, frozen=True):
    """A foreign key: rows of `table` refer to rows of `parent`.

    Attributes:
        name: The constraint's name.
        table, parent: The tables, as `TargetTable.sql`.
        has_index: Whether an index of `table` begins with the columns, in any order.
        is_deferred: Whether it is checked at the end of the transaction.
    """

    name: str
    table: str
    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    on_delete: OnDelete = "no action"
    has_index: bool = True
    is_deferred: bool = False


class Remark(Struct, frozen=True):
    """Something about a table that matters when rows of it are deleted.

    Attributes:
        table: As `TargetTable.sql`.
        kind: "trigger", "rule", "generated column", "identity column", "partition", "deferred constraint",
            "row level security", "publication", "replication slot", "storage engine" …
        name: Its name; empty: it has none.
        meaning: What it does to a rollback, one sentence.
        changes_inserts: Whether it may alter a row that is inserted again.
    """

    table: str
    kind: str
    name: str
    meaning: str
    changes_inserts: bool = False


class StoredRow(Struct, frozen=True):
    """A row as SQL.

    Attributes:
        values: Its values as SQL literals in the order of the columns asked for; "NULL": null.
        version: What the server changes with each change of the row, e.g. PostgreSQL's xmin; empty: it has none.
    """

    values: tuple[str, ...]
    version: str = ""


class Content(Struct, frozen=True):
    """Rows and a digest that does not depend on their order: that of two disjoint sets of rows is the sum of theirs."""

    rows: int = 0
    digest: int = 0

    def __sub__(self, other: Content) -> Content:
        return Content(self.rows - other.rows, self.digest - other.digest)

    def __add__(self, other: Content) -> Content:
        return Content(self.rows + other.rows, self.digest + other.digest)


class WriteError(Exception):
    """The server refused a statement; the text is its message, on one line and without secrets.

    Attributes:
        kind: "stale": another transaction changed the same rows since this one began. "locked": another session holds a
            lock that was waited for long enough. "denied": the role lacks a right. "read only": the server takes no
            writes. "full": no room on the server's disk. "lost": the connection ended, so nothing is known about what
            was sent last. "other".
        next_step: What to do about it; None: unknown.
    """

    def __init__(self, reason: str, kind: str = "other", next_step: str | None = None) -> None:
        super().__init__(reason)
        self.kind = kind
        self.next_step = next_step


class WritableDatabase(Protocol):
    """A connection to one database; every method may raise WriteError.

    Between `begin` and `commit` or `rollback` everything is one transaction, which sees one instant as far as the kind
    of database can show it. Nothing that is asked here is remembered: each call asks the server.

    Attributes:
        kind: "postgresql", "mysql" or "sqlite".
        label: Kind, version, location and name; never a user, never a password.
        identity: What distinguishes this database from others, as in a backup's manifest.
        schema: Where `verify` looks for the application's tables; None: databases of this kind have no schemas.
        limits: What this kind of database cannot promise to a rollback, one sentence each.
        chunk: Number of keys that one statement may name.
        can_skip_references: Whether rows can be inserted that refer to nothing, as they did before they were deleted.
        preamble: The statements that begin a script of literals, so that they mean the same in any client.
    """

    kind: str
    label: str
    identity: Mapping[str, str]
    schema: str | None
    limits: tuple[str, ...]
    chunk: int
    can_skip_references: bool
    preamble: tuple[str, ...]

    def begin(self, *, writing: bool) -> None:
        """Begin a transaction; `writing`: with the time limits and the lock of a rollback, else read-only.

        Raises:
            WriteError: Another rollback or import holds the lock ("locked"), or the server takes no writes.
        """

    def begin_unchecked(self) -> None:
        """Begin as with `writing`, but leave foreign keys unchecked; only where `can_skip_references`."""

    def begin_scratch(self) -> None:
        """Begin a transaction in which temporary tables alone can be written, without the lock of a rollback.

        Raises:
            WriteError: The server or the role's rights allow none.
        """

    def commit(self) -> None:
        """Commit; "lost": whether it was committed is not known."""

    def rollback(self) -> None:
        """Undo everything since `begin`; does nothing where the connection is gone."""

    def close(self) -> None:
        """End the transaction, undone, and the connection."""

    def tables(self) -> tuple[TargetTable, ...]:
        """Every table that the role can see, of all schemas but the server's own."""

    def references(self) -> tuple[Reference, ...]:
        """Every foreign key, of all schemas."""

    def remarks(self, tables: Sequence[TargetTable]) -> tuple[Remark, ...]:
        """What there is to know about these tables."""

    def quote(self, name: str) -> str:
        """Quote an identifier."""

    def condition(self, columns: Sequence[str], keys: Sequence[Key]) -> str:
        """Return the SQL that holds for the rows whose columns have one of these values."""

    def literal(self, text: str | None) -> str:
        """Return the literal of a text, as `rows` would return it for a column of texts."""

    def insert_head(self, table: TargetTable, into: str | None = None) -> str:
        """Return an INSERT statement up to and with VALUES, for all `stored` columns of a table.

        Args:
            table: The table whose columns are named.
            into: Another table of the same columns to insert into, as `TargetTable.sql`.
        """

    def rows(
        self, table: TargetTable, columns: Sequence[str], where: str = "true", *, lock: bool = False
    ) -> Iterator[StoredRow]:
        """Yield the rows in the order of the key.

        Args:
            table: The table, or one of `scratch_table`.
            columns: The columns to return as literals; inserting these brings back the same values.
            where: An SQL condition.
            lock: Whether to lock the rows until the end of the transaction, against being changed, deleted or referred
                to; a row that another session holds is not waited for ("locked").
        """

    def links(
        self, child: TargetTable, parent: TargetTable, where: str, compared: Sequence[tuple[str, str]]
    ) -> Iterator[tuple[Key, Key]]:
        """Yield the keys of child and parent for each row of one that refers to a row of the other.

        While writing, these are all rows that a deletion would reach, also those that came since the transaction
        began; or the server refuses that deletion ("stale").

        Args:
            child: The table whose rows refer; without a key, theirs are empty.
            parent: The table that they refer to.
            where: An SQL condition on the parents.
            compared: SQL of child and of parent, which the server finds equal where one refers to the other.
        """

    def content(self, table: TargetTable, where: str = "true") -> Content:
        """Return number and digest of the rows, over all columns."""

    def count(self, table: TargetTable, where: str = "true") -> int:
        """Return the number of rows."""

    def seconds_to_look_up(self, reference: Reference, value: Key) -> float:
        """Measure how long the server takes to find the rows that refer to one parent."""

    def missing_rights(self, needs: Mapping[str, Sequence[str]]) -> list[str]:
        """Return the rights that the role lacks, as the statements that grant them.

        Args:
            needs: TargetTable as `TargetTable.sql` → what is needed: "select", "insert", "update", "delete".
        """

    def other_writers(self, tables: Sequence[TargetTable]) -> list[str]:
        """Return the other sessions that are writing to these tables, one sentence each; never with a query's text."""

    def execute(self, statement: str) -> int:
        """Send one statement; returns the number of rows that it affected."""

    def transaction_id(self) -> str | None:
        """Return what the server calls this transaction; None: servers of this kind cannot be asked about it later."""

    def status_of(self, transaction_id: str) -> str | None:
        """Return what became of a transaction: "committed", "aborted", "in progress"; None: it is not known."""

    def scratch_table(self, table: TargetTable) -> TargetTable:
        """Create an empty temporary table with the columns of another, which is gone after the transaction."""
