"""What rows held before a run: in a backup or a restored copy of the database, or in the application's audit table."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from recon.backup.sqlite_copy import FILE as SQLITE_FILE
from recon.database import parse_url, resolve_database
from recon.database.writing import open_for_writing
from recon.errors import RollbackError
from recon.rollback.statements import key_chunks
from recon.rollback.tables import raw_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from recon.database.writing import Key, TargetTable, WritableDatabase
    from recon.rollback.options import RollbackOptions
    from recon.rollback.plan import AuditForm

BEFORE, AFTER = "before", "after"


class FormerValues(Protocol):
    """Where former values are found.

    Attributes:
        source: What it is, for the plan: "the backup backups/…".
        absence: Why a row has none there.
    """

    source: str
    absence: str

    def of(self, table: TargetTable, keys: Sequence[Key]) -> Mapping[Key, Mapping[str, str]]:
        """Return former values as literals, by key and column, of columns that may have been changed."""


class NoFormerValues:
    """There are none."""

    source = ""
    absence = "the run updated it, and nothing holds its former values: name a backup from before the run with --backup"

    def of(self, table: TargetTable, keys: Sequence[Key]) -> Mapping[Key, Mapping[str, str]]:  # noqa: ARG002 - as declared
        """Return none."""
        return {}


class FormerDatabase:
    """A copy of the database from before the run, in an open transaction."""

    absence = "the run updated it, and it is not in the backup"

    def __init__(self, copy: WritableDatabase, source: str) -> None:
        self.source = source
        self._copy = copy
        own = [table for table in copy.tables() if copy.schema is None or table.schema == copy.schema]
        self._tables = {(table.name, table.key): table for table in own}

    def of(self, table: TargetTable, keys: Sequence[Key]) -> Mapping[Key, Mapping[str, str]]:
        """Return the rows of the copy, without columns that it does not have."""
        former = self._tables.get((table.name, table.key))
        if former is None:
            return {}
        present = {column.name: column.type for column in table.columns if not column.is_generated}
        columns = [c.name for c in former.columns if not c.is_generated and present.get(c.name) == c.type]
        places = [columns.index(column) for column in table.key]
        found = {}
        for chunk in key_chunks(keys, self._copy.chunk):
            for row in self._copy.rows(former, columns, self._copy.condition(table.key, chunk)):
                found[tuple(row.values[place] for place in places)] = dict(zip(columns, row.values, strict=True))
        return found


class AuditedValues:
    """The audit table, which holds a row before and after each change."""

    absence = "the run updated it, and the audit table has no former values: name a backup with --backup"

    def __init__(
        self, form: AuditForm, database: WritableDatabase, span: tuple[datetime | None, datetime | None]
    ) -> None:
        self.source = f"the audit table {form.table.name if form.table else ''}"
        self._form, self._database, self._span = form, database, span

    def of(self, table: TargetTable, keys: Sequence[Key]) -> Mapping[Key, Mapping[str, str]]:
        """Return the values before the first change within the run, of columns that it changed."""
        wanted = {raw_text(key[0]).lower(): key for key in keys if len(key) == 1}
        found: dict[Key, dict[str, str]] = {}
        columns = {column.name: column.type for column in table.columns if not column.is_generated}
        for resource, before, after in self._changes():
            key = wanted.get(resource)
            if key is None:
                continue
            for name, value in before.items():
                if name in columns and after.get(name, value) != value:
                    found.setdefault(key, {}).setdefault(name, self._literal(value))
        return found

    def _changes(self) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
        """Yield resource, before and after of the changes within the run, the first one first."""
        audit, form = self._form.table, self._form
        resource = next((name for name, use in form.columns.items() if use == "resource"), None)
        stored = {column.name for column in audit.columns} if audit else set()
        if audit is None or resource is None or not {BEFORE, AFTER, form.recorded_at} <= stored:
            return
        changes = []
        for row in self._database.rows(audit, [form.recorded_at, resource, BEFORE, AFTER]):
            moment = _moment(row.values[0])
            before, after = (_object(literal) for literal in row.values[2:])
            if before and after and moment and self._is_within(moment):
                changes.append((moment, raw_text(row.values[1]).lower(), before, after))
        for _, name, before, after in sorted(changes, key=lambda change: change[0]):
            yield name, before, after

    def _is_within(self, moment: datetime) -> bool:
        first, last = self._span
        return first is not None and last is not None and first <= moment <= last

    def _literal(self, value: Any) -> str:
        if value is None or isinstance(value, str):
            return self._database.literal(value)
        if isinstance(value, bool):
            return (
                self._database.literal(str(value).lower()) if self._database.kind == "postgresql" else str(int(value))
            )
        return self._database.literal(json.dumps(value)) if isinstance(value, dict | list) else str(value)


def _moment(literal: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(raw_text(literal))
    except ValueError:
        return None
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


def _object(literal: str) -> dict[str, Any]:
    text = raw_text(literal)
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def former_database(options: RollbackOptions, database: WritableDatabase) -> Iterator[FormerDatabase | None]:
    """Open the backup that is named, if one is.

    Raises:
        RollbackError: It is of another kind of database.
    """
    if options.backup is None:
        yield None
        return
    path = Path(options.backup)
    file = path / SQLITE_FILE if path.is_dir() else path
    url = parse_url(str(file), "--backup") if file.is_file() else resolve_database(str(path), options.environment)
    if url.kind != database.kind:
        raise RollbackError(
            "The backup is of another kind of database",
            where="--backup",
            expected=database.kind,
            found=url.kind,
            next_step="Name a copy of the database from before the run: restore the backup, and name that database",
        )
    with open_for_writing(url, options.timeout_s) as copy:
        copy.begin(writing=False)
        yield FormerDatabase(copy, f"the backup {options.backup}")
