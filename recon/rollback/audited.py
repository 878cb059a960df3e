"""The audit table, in which the application keeps rows as JSON before and after each change."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from recon.rollback.evidence import NAMES
from recon.rollback.former import FormerRow
from recon.rollback.json_values import NULL, instant_of, is_uuid, spelled
from recon.rollback.tables import raw_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recon.database.writing import Key, TargetColumn, TargetTable, WritableDatabase
    from recon.rollback.former import Stored
    from recon.rollback.plan import AuditForm

BEFORE, AFTER = "before", "after"
TYPES, RESOURCES = ("resourcetype", "entitytype", "type"), ("resourceid", "entityid")
NO_WORD = re.compile(r"[\W_]")
ANOTHER = "its {column} is not what the audit table says that the run wrote"
NO_FORM = "how its {column} was stored before the run is not known from the audit table"


@dataclass(frozen=True)
class Change:
    """A change that the audit table records, when it is about one row."""

    at: datetime
    type: str | None
    row: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass
class ChangedRow:
    """The values of a row before its first change within the run, and after its last; of columns in both."""

    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)

    def follow(self, change: Change) -> None:
        """Add a later change."""
        for column, value in change.before.items():
            if column in change.after:
                self.before.setdefault(column, value)
                self.after[column] = change.after[column]


class AuditedValues:
    """The changes that the audit table recorded within the time of the run."""

    absence = "the run updated it, and the audit table has no former values: name a backup with --backup"

    def __init__(
        self, form: AuditForm, database: WritableDatabase, span: tuple[datetime | None, datetime | None]
    ) -> None:
        self.source = f"the audit table {form.table.name if form.table else ''}"
        self.notices: list[str] = []
        self._form, self._database, self._span = form, database, span
        self._recorded: list[Change] | None = None

    def of(self, entity: str, table: TargetTable, stored: Stored) -> Mapping[Key, FormerRow]:
        """Return the rows that changed within the run, in the form in which their present values are stored."""
        wanted = {_id(raw_text(key[0])): key for key in stored if len(key) == 1}
        names = {_word(name) for name in (*NAMES.get(entity, ()), table.name, table.name.removesuffix("s"), entity)}
        changed: dict[Key, ChangedRow] = {}
        for change in self._changes():
            key = wanted.get(change.row)
            # Numbers are ids of several tables.
            if key is not None and (is_uuid(change.row) if change.type is None else change.type in names):
                changed.setdefault(key, ChangedRow()).follow(change)
        columns = {column.name: column for column in table.columns if not column.is_generated}
        return {key: self._former(columns, row, stored[key], table) for key, row in changed.items()}

    def _former(
        self, columns: Mapping[str, TargetColumn], row: ChangedRow, present: Mapping[str, str], table: TargetTable
    ) -> FormerRow:
        found = {}
        for name, before in row.before.items():
            after = row.after[name]
            if name not in columns or before == after:
                continue
            sample = present[name] if present[name] != NULL else self._sample(table, columns[name])
            # That the run's value is stored as it is spelled here proves the spelling too.
            if spelled(after, sample, columns[name], self._database) != present[name]:
                return FormerRow(why=ANOTHER.format(column=name))
            former = spelled(before, sample, columns[name], self._database)
            if former is None:
                return FormerRow(why=NO_FORM.format(column=name))
            found[name] = former
        return FormerRow(found)

    def _sample(self, table: TargetTable, column: TargetColumn) -> str | None:
        """Return a value of a column; None: all of them are null."""
        where = f"{self._database.quote(column.name)} is not null"
        return next((row.values[0] for row in self._database.rows(table, [column.name], where)), None)

    def _changes(self) -> list[Change]:
        """Return the changes within the run, the first one first."""
        if self._recorded is None:
            self._recorded = sorted(self._read(), key=lambda change: change.at)
        return self._recorded

    def _read(self) -> Iterator[Change]:
        audit, recorded_at = self._form.table, self._form.recorded_at
        if audit is None:
            return
        names = {_word(column.name): column.name for column in audit.columns}
        resource = next((names[name] for name in RESOURCES if name in names), None)
        about = next((names[name] for name in TYPES if name in names), None)
        if resource is None or recorded_at not in names.values() or not {BEFORE, AFTER} <= names.keys():
            return
        columns = [recorded_at, resource, names[BEFORE], names[AFTER], *([about] if about else [])]
        for row in self._database.rows(audit, columns):
            moment = instant_of(raw_text(row.values[0]))
            before, after = map(_object, row.values[2:4])
            if before and after and moment and self._is_within(moment):
                of = _word(raw_text(row.values[4])) if about else None
                yield Change(moment, of, _id(raw_text(row.values[1])), before, after)

    def _is_within(self, moment: datetime) -> bool:
        first, last = self._span
        return first is not None and last is not None and first <= moment.astimezone(UTC).replace(tzinfo=None) <= last


def _word(text: str) -> str:
    return NO_WORD.sub("", text).lower()


def _id(text: str) -> str:
    """An id in one spelling."""
    plain = text.strip().lower().removeprefix("urn:uuid:").strip("{}").replace("-", "")
    return plain if is_uuid(plain) else text.strip().lower()


def _object(literal: str) -> dict[str, Any]:
    try:
        found = json.loads(raw_text(literal), parse_float=Decimal)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
