"""The audit row of a rollback, in whichever form the application's audit table has."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from recon.rollback.plan import AuditForm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.database.writing import TargetColumn, TargetTable, WritableDatabase
    from recon.profile import RunRecord
    from recon.rollback.tables import TargetTables

NAMES = {
    "id": "id",
    "action": "action",
    "type": "type",
    "resourcetype": "type",
    "entitytype": "type",
    "resourceid": "resource",
    "entityid": "resource",
}
KEYS = ("uuid", "char", "text", "string", "clob")
ACTIONS = ("ROLLBACK", "DELETE", "REVERT", "UPDATE", "OTHER")
RESOURCE_TYPE = "MigrationRun"
INSERT = "insert into {table} ({columns}) values ({values})"
PLAN_ID, REVERTED_ID = "rollbackPlanId", "revertedPlanId"
"""The keys in the metadata that hold the plan's id: of a rollback, and of its reverse."""


def audit_form(tables: TargetTables) -> AuditForm:
    """Return how an audit row is written, or why none can be."""
    for record in tables.profile.runs:
        table = tables.find(record.table) if record.json_keys else None
        if table and any(column.name == record.column for column in table.columns):
            return _form(table, record)
    return AuditForm(why="the database has no audit table that the profile names: only this folder records it")


def _form(table: TargetTable, record: RunRecord) -> AuditForm:
    if table.obstacle:
        return AuditForm(why=f"no audit row, as it would stay whatever fails: of {table.name}, {table.obstacle}")
    written: dict[str, str] = {}
    action = ""
    for column in table.columns:
        use = "metadata" if column.name == record.column else NAMES.get(column.name.replace("_", "").lower(), "")
        if use == "id" and not _takes_text(column):
            use = ""
        if use == "action":
            action = _action(column)
        if use == "resource" and not _takes_text(column):
            use = ""
        if not use and column.is_required and column.name == record.recorded_at:
            use = "time"
        if use and not (use == "type" and column.choices):
            written[column.name] = use
        elif column.is_required and not column.is_identity:
            return AuditForm(why=f"no audit row: {table.name}.{column.name} takes no null, and its meaning is unknown")
    if "action" in written.values() and not action:
        return AuditForm(why=f"no audit row: the action of {table.name} is none of {', '.join(ACTIONS)}")
    return AuditForm(table, written, record.recorded_at, action)


def _takes_text(column: TargetColumn) -> bool:
    return any(word in column.type.lower() for word in KEYS) or not column.type


def _action(column: TargetColumn) -> str:
    if not column.choices:
        return "rollback"
    return next((choice for wanted in ACTIONS for choice in column.choices if choice.upper() == wanted), "")


def audit_statement(form: AuditForm, database: WritableDatabase, resource: str, metadata: dict[str, object]) -> str:
    """Return the statement that inserts the row.

    Args:
        form: With a table.
        database: Quotes names and texts.
        resource: The plan's id.
        metadata: What is known of it, as JSON.
    """
    if form.table is None:
        raise ValueError(form.why)
    now = datetime.now(UTC).replace(tzinfo=None)
    texts = {
        "id": str(uuid4()),
        "action": form.action,
        "type": RESOURCE_TYPE,
        "resource": resource,
        "metadata": json.dumps(metadata),
        "time": now.isoformat(sep=" ", timespec="milliseconds"),
    }
    return INSERT.format(
        table=form.table.sql,
        columns=", ".join(map(database.quote, form.columns)),
        values=", ".join(database.literal(texts[use]) for use in form.columns.values()),
    )


def audit_rows(form: AuditForm, database: WritableDatabase, key: str, plan_id: str) -> Iterator[tuple[str, ...]]:
    """Yield the audit rows of a plan, as literals of all columns; `key`: PLAN_ID or REVERTED_ID."""
    column = next((name for name, use in form.columns.items() if use == "metadata"), None)
    if form.table is None or column is None:
        return
    place = form.table.stored.index(column)
    resource = next((name for name, use in form.columns.items() if use == "resource"), None)
    where = "true" if resource is None else database.condition([resource], [(database.literal(plan_id),)])
    for row in database.rows(form.table, form.table.stored, where):
        if plan_id in row.values[place] and f'"{key}"' in row.values[place]:
            yield row.values
