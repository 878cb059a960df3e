"""The audit row of a restore: how it is written in the restored database, and whether it is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace as replaced

from recon.backup.contents import table_name
from recon.database.writing import open_for_writing
from recon.profile import load_profile
from recon.rollback.audit import audit_form, audit_rows, audit_statement
from recon.rollback.refusals import refused
from recon.rollback.tables import TargetTables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from recon.database import DatabaseUrl
    from recon.database.writing import WritableDatabase
    from recon.rollback.plan import AuditForm

# recon writes no row to databases of other kinds.
RECORDED = ("postgresql", "mysql", "sqlite")


@dataclass(frozen=True)
class AuditRecord:
    """How a restore is recorded in the database.

    Attributes:
        statement: Inserts the row; None: there is no audit table.
        table: The audit table as a manifest names it; None: there is none.
        why: Why there is none; empty: there is one.
    """

    statement: str | None
    table: str | None
    why: str = ""


def record_of(
    url: DatabaseUrl, profile: Path | str | None, plan_id: str, metadata: Mapping[str, object]
) -> AuditRecord:
    """Return how the audit row is written, asked of a copy of what is going to be restored."""
    if url.kind not in RECORDED:
        return AuditRecord(None, None, "the database takes no audit row: only this folder records it")
    with open_for_writing(url) as database, refused(database.label):
        form = _form(database, profile)
        if form.table is None:
            return AuditRecord(None, None, form.why)
        statement = audit_statement(_here(form, database), database, plan_id, dict(metadata))
        return AuditRecord(statement, audit_table(url, form))


def _here(form: AuditForm, database: WritableDatabase) -> AuditForm:
    """The form without the name of MySQL's database, which is that of the copy."""
    if database.kind != "mysql" or form.table is None:
        return form
    return replaced(form, table=replaced(form.table, sql=database.quote(form.table.name)))


def audit_table(url: DatabaseUrl, form: AuditForm) -> str | None:
    """The audit table as a manifest names it."""
    if form.table is None:
        return None
    return table_name(form.table.schema or "", form.table.name) if url.kind == "postgresql" else form.table.name


def is_recorded(url: DatabaseUrl, profile: Path | str | None, key: str, plan_id: str) -> bool | None:
    """Whether the database has an audit row of a plan; None: it has no audit table, and nothing is known.

    Args:
        url: The database.
        profile: Names the audit table.
        key: As of `audit_rows`.
        plan_id: The plan's.
    """
    if url.kind not in RECORDED:
        return None
    with open_for_writing(url) as database, refused(database.label):
        form = _form(database, profile)
        return None if form.table is None else any(_rows(form, database, key, plan_id))


def _form(database: WritableDatabase, profile: Path | str | None) -> AuditForm:
    database.begin(writing=False)
    return audit_form(TargetTables(database, load_profile(profile)))


def _rows(form: AuditForm, database: WritableDatabase, key: str, plan_id: str) -> Iterator[bool]:
    return (True for _ in audit_rows(form, database, key, plan_id))
