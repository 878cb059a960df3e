"""What rows held before a run: in a copy of the database from before it, or in the application's audit table."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from recon.database.writing import open_for_writing
from recon.errors import RollbackError
from recon.rollback.backups import backup_copy
from recon.rollback.refusals import refused
from recon.rollback.statements import key_chunks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime

    from recon.database import DatabaseUrl
    from recon.database.writing import Key, TargetTable, WritableDatabase
    from recon.rollback.backups import BackupCopy
    from recon.rollback.options import RollbackOptions

    Stored = Mapping[Key, Mapping[str, str]]
    """Rows as they are now: key → column → literal."""


@dataclass(frozen=True)
class FormerRow:
    """What a row held before the run.

    Attributes:
        values: Column → literal, of columns that may have been changed.
        why: Why the row cannot be changed back; empty: it can.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    why: str = ""


class FormerValues(Protocol):
    """Where former values are found.

    Attributes:
        source: What it is, for the plan: "the backup backups/…".
        absence: Why a row has none there.
        notices: What is to be known of it, one sentence each; grows as it is asked.
    """

    source: str
    absence: str
    notices: list[str]

    def of(self, entity: str, table: TargetTable, stored: Stored) -> Mapping[Key, FormerRow]:
        """Return what rows of an entity held before the run; rows of which nothing is known are left out."""


class NoFormerValues:
    """There are none."""

    source = ""
    absence = "the run updated it, and nothing holds its former values: name a backup from before the run with --backup"

    def __init__(self) -> None:
        self.notices: list[str] = []

    def of(self, entity: str, table: TargetTable, stored: Stored) -> Mapping[Key, FormerRow]:  # noqa: ARG002 - as declared
        """Return none."""
        return {}


class FormerDatabase:
    """A copy of the database from before the run, in an open transaction."""

    absence = "the run updated it, and it is not in the backup"

    def __init__(self, copy: WritableDatabase, backup: BackupCopy) -> None:
        self.source = backup.source
        self.notices = list(backup.notices)
        self._copy = copy
        self._tables = {
            table.name: table for table in copy.tables() if copy.schema is None or table.schema == copy.schema
        }

    def require_other(self, target: WritableDatabase) -> None:
        """Require that it is not the database that the run wrote to.

        Raises:
            RollbackError: It is.
        """
        if self._copy.identity == target.identity:
            raise RollbackError(
                "The backup is the database itself",
                where="--backup",
                expected="a copy from before the run",
                found=target.label,
                next_step="Restore a backup to another name, and name that database",
            )

    def of(self, entity: str, table: TargetTable, stored: Stored) -> Mapping[Key, FormerRow]:  # noqa: ARG002 - as declared
        """Return the rows of the copy, without columns that it does not have, or has in another type."""
        if not stored:
            return {}
        columns = self._common_columns(table)
        if not set(table.key) <= set(columns):
            self.notices.append(f"{self.source} has no table {table.name} with the same key")
            return {}
        self._note_missing(table, columns)
        former, found = self._tables[table.name], {}
        places = [columns.index(column) for column in table.key]
        with refused(self.source):
            for chunk in key_chunks(list(stored), self._copy.chunk):
                for row in self._copy.rows(former, columns, self._copy.condition(table.key, chunk)):
                    key = tuple(row.values[place] for place in places)
                    found[key] = FormerRow(dict(zip(columns, row.values, strict=True)))
        return found

    def _common_columns(self, table: TargetTable) -> list[str]:
        former = self._tables.get(table.name)
        present = {column.name: column.type for column in table.columns if not column.is_generated}
        own = former.columns if former else ()
        return [c.name for c in own if not c.is_generated and present.get(c.name) == c.type]

    def _note_missing(self, table: TargetTable, columns: Collection[str]) -> None:
        missing = [column for column in table.stored if column not in columns]
        if missing:
            self.notices.append(
                f"{self.source} has no {', '.join(missing)} of {table.name}, or in another type: rows that are changed "
                "back keep what they have there"
            )


@contextmanager
def former_database(
    options: RollbackOptions, target: DatabaseUrl, began_at: datetime | None
) -> Iterator[FormerDatabase | None]:
    """Open the backup that is named, if one is; arguments and errors as of `backup_copy`."""
    with backup_copy(options, target, began_at) as backup:
        if backup is None:
            yield None
            return
        with open_for_writing(backup.url, options.timeout_s) as copy:
            with refused(backup.source):
                copy.begin(writing=False)
                former = FormerDatabase(copy, backup)
            yield former
