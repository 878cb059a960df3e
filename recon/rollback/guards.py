"""What has to hold before a rollback changes anything; asked inside its transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from recon.errors import RollbackError
from recon.rollback.links import links_of
from recon.rollback.plan import digest_of
from recon.rollback.remembered import remembered
from recon.rollback.selection import words_of
from recon.rollback.statements import key_chunks
from recon.rollback.tables import raw_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from recon.database.writing import Reference, Remark, TargetTable, WritableDatabase
    from recon.rollback.plan import PlannedRow, RestoredRow, RollbackPlan

AGAIN = "Make the plan again: recon rollback plan"
# What does more than a statement says.
ACTING = ("trigger", "rule")
# These show triggers to those alone who may create some, so that another role than the plan's sees others.
HIDING = ("mysql",)


def require_identity(plan: RollbackPlan, database: WritableDatabase) -> None:
    """Require that the plan is of this database.

    Raises:
        RollbackError: It is of another.
    """
    known = {name: value for name, value in plan.identity.items() if name in database.identity}
    if plan.kind != database.kind or not known or known != {n: database.identity[n] for n in known}:
        raise RollbackError(
            "The plan is of another database",
            where=database.label,
            expected=plan.database,
            found=", ".join(f"{name} {value}" for name, value in database.identity.items()) or database.kind,
            next_step="Name the database that the plan was made for, or make a plan for this one",
        )


def require_rights(
    plan: RollbackPlan, database: WritableDatabase, verb: str, *, only_if_unreadable: bool = False
) -> None:
    """Require that the role may do what the plan needs.

    Args:
        plan: The plan.
        database: In an open transaction.
        verb: "delete" or "insert".
        only_if_unreadable: Whether a role that may read all of it is let pass, whatever else it lacks.

    Raises:
        RollbackError: It may not; the error holds the statements that grant it.
    """
    reads = _read_tables(plan)
    if only_if_unreadable and not database.missing_rights({sql: ["select"] for sql in reads}):
        return
    needs = {sql: ["select"] for sql in reads}
    for each in plan.deleted:
        needs[each.table.sql].append(verb)
    for restored in plan.restored:
        needs[restored.table.sql].append("update")
    if plan.audit.table:
        needs[plan.audit.table.sql].append("insert")
    missing = database.missing_rights(needs)
    if missing:
        raise RollbackError(
            "This role may not do what the plan needs",
            where=database.label,
            expected="; ".join(missing),
            next_step="Use a role with these rights, or ask the DBA for them",
        )


def _read_tables(plan: RollbackPlan) -> list[str]:
    """The tables that are read while the plan is applied or reverted."""
    named = [table.sql for table in plan.written]
    named += [each.table.sql for each in plan.reached]
    named += [sql for reference in plan.references for sql in (reference.table, reference.parent)]
    named += [table.sql for table in (plan.audit.table, plan.mappings and plan.mappings.table) if table]
    return list(dict.fromkeys(named))


def require_same_tables(plan: RollbackPlan, database: WritableDatabase) -> dict[str, TargetTable]:
    """Require that tables and foreign keys are as they were when the plan was made; returns every table.

    Raises:
        RollbackError: They were changed since.
    """
    tables = {table.sql: table for table in database.tables()}
    for planned in plan.written:
        present = tables.get(planned.sql)
        if present is None or _shape(present) != _shape(planned):
            raise _changed(f"the table {planned.name!r}")
    touched = {each.table.sql for each in plan.deleted}
    declared = {_enforced(r) for r in database.references() if r.parent in touched}
    if not declared <= set(map(_enforced, plan.references)):
        raise _changed("the foreign keys that refer to these tables")
    if _acting(database.remarks(plan.written)) != _acting(plan.remarks) and database.kind not in HIDING:
        raise _changed("the triggers or rules of these tables")
    return tables


def _shape(table: TargetTable) -> tuple[object, ...]:
    return table.columns, table.key, table.obstacle


def _acting(remarks: Iterable[Remark]) -> set[Remark]:
    return {remark for remark in remarks if remark.kind in ACTING}


def _enforced(reference: Reference) -> Reference:
    """The reference, whatever index there is for it."""
    return replace(reference, has_index=True)


def _changed(what: str) -> RollbackError:
    return RollbackError(f"The plan is stale: {what} changed since it was made", next_step=AGAIN)


def require_room(plan: RollbackPlan, database: WritableDatabase) -> dict[str, TargetTable]:
    """Require that the tables can take the deleted rows, whatever columns they got since; returns every table.

    Raises:
        RollbackError: Columns are gone, or of other types, or the key is another.
    """
    tables = {table.sql: table for table in database.tables()}
    for planned in plan.written:
        present = tables.get(planned.sql)
        if present is None or present.key != planned.key or not {*planned.columns} <= {*present.columns}:
            raise RollbackError(
                f"The table {planned.name!r} is not as it was when the rows were deleted",
                where=database.label,
                expected=", ".join(f"{column.name} {column.type}" for column in planned.columns[:20]),
                found="no such table" if present is None else ", ".join(column.name for column in present.columns[:20]),
                next_step="Ask the DBA to put the rows of reverse.sql back by hand, or to undo the change of the table",
            )
    return tables


def require_no_writers(plan: RollbackPlan, database: WritableDatabase) -> None:
    """Require that nobody else writes to the tables.

    Raises:
        RollbackError: Somebody does.
    """
    others = database.other_writers(plan.written)
    if others:
        raise RollbackError(
            "Other sessions are writing to these tables",
            where=database.label,
            found="; ".join(others[:5]),
            next_step="Stop the importer and the application, or wait until they have ended, and try again",
        )


def require_quiet(plan: RollbackPlan, database: WritableDatabase) -> None:
    """Require that nobody else writes to the tables, and that the importer remembers no more than the plan knows.

    Raises:
        RollbackError: Somebody writes, another run was recorded since, or an id mapping that is not planned names a
            planned row.
    """
    require_no_writers(plan, database)
    mapped = plan.mappings
    if mapped is None:
        return
    planned = {row.key for each in plan.deleted if each.table.sql == mapped.table.sql for row in each.rows}
    runs, added = set(), []
    for each in remembered(plan, mapped, database):
        runs.add(each.run)
        if each.is_planned and each.key not in planned:
            added.append(each)
    unknown = sorted(runs - {*mapped.runs, "NULL", ""})
    if unknown:
        raise RollbackError(
            "Another run was recorded since the plan was made",
            where=mapped.table.name,
            found=", ".join(map(raw_text, unknown[:5])),
            next_step=AGAIN,
        )
    if added:
        raise RollbackError(
            "The plan is stale: id mappings name planned rows that did not when it was made",
            where=mapped.table.name,
            found=f"{len(added):,}, e.g. {words_of(added[0].key)} names {added[0].named}",
            next_step=AGAIN,
        )


def lock_rows(plan: RollbackPlan, database: WritableDatabase) -> Iterator[tuple[str, int]]:
    """Lock every planned row, children first and in the order of keys, and compare it with the plan.

    Yields:
        Table and number of its rows, when they are locked.

    Raises:
        RollbackError: A row is gone, or was changed.
        WriteError: Another session holds one.
    """
    for each in plan.deleted:
        _lock(each.table, each.rows, database)
        yield each.table.name, len(each.rows)
    for restored in plan.restored:
        _lock(restored.table, restored.rows, database)
        yield restored.table.name, len(restored.rows)


def _lock(table: TargetTable, rows: Sequence[PlannedRow | RestoredRow], database: WritableDatabase) -> None:
    planned = {row.key: row for row in rows}
    places = [table.stored.index(column) for column in table.key]
    found, changed = 0, []
    for chunk in key_chunks(list(planned), database.chunk):
        for row in database.rows(table, table.stored, database.condition(table.key, chunk), lock=True):
            key = tuple(row.values[place] for place in places)
            expected = planned[key]
            found += 1
            if (expected.digest, expected.version) != (digest_of(row.values), row.version):
                changed.append(key)
    if changed or found < len(planned):
        raise RollbackError(
            "The plan is stale: rows changed since it was made",
            where=table.name,
            expected=f"{len(planned):,} rows as planned",
            found=f"{len(planned) - found:,} gone, {len(changed):,} changed"
            + (f", e.g. {words_of(changed[0])}" if changed else ""),
            next_step=AGAIN,
        )


def require_unreferred(plan: RollbackPlan, database: WritableDatabase, tables: dict[str, TargetTable]) -> None:
    """Require that only planned rows refer to planned rows.

    Raises:
        RollbackError: Others refer to them since.
    """
    planned = {each.table.sql: {row.key for row in each.rows} for each in plan.deleted}
    for reference in plan.references:
        keys = planned.get(reference.parent)
        if not keys:
            continue
        for link in links_of(reference, list(keys), tables, database):
            if link.child[1] not in planned.get(link.child[0], ()):
                raise RollbackError(
                    "The plan is stale: rows refer to planned rows that did not when it was made",
                    where=tables[link.child[0]].name,
                    found=f"{words_of(link.child[1])} refers to {words_of(link.parent[1])} of "
                    f"{tables[link.parent[0]].name}",
                    next_step=AGAIN,
                )
