"""What a SQLite file says about its tables, for rollback."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from recon.database.writing.interface import OnDelete, Reference, Remark, TargetColumn, TargetTable
from recon.sql import named_statements, quote

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

STATEMENTS = named_statements(Path(__file__).with_name("sqlite_catalogue.sql"))


def read_tables(connection: sqlite3.Connection) -> tuple[TargetTable, ...]:
    """Return every ordinary table; virtual tables and those that they keep their data in are none."""
    return tuple(_table(connection, name) for (name,) in _ask(connection, "tables"))


def read_references(connection: sqlite3.Connection) -> tuple[Reference, ...]:
    """Return every foreign key whose parent exists."""
    tables = {table.name.casefold(): table for table in read_tables(connection)}
    return tuple(reference for table in tables.values() for reference in _references(connection, table, tables))


def read_remarks(connection: sqlite3.Connection, tables: Sequence[TargetTable]) -> tuple[Remark, ...]:
    """Return what there is to know about these tables."""
    remarks = []
    for table in tables:
        for name, sql in _ask(connection, "triggers", table.name):
            words = " ".join(sql.upper().split())
            remarks.append(
                Remark(
                    table.sql,
                    "trigger",
                    name,
                    "fires by itself, and what it does to other rows is compared before the transaction ends",
                    changes_inserts=" INSERT ON " in words,
                )
            )
        remarks += [
            Remark(table.sql, "generated column", c.name, "is computed again when a row is put back")
            for c in table.columns
            if c.is_generated
        ]
    return tuple(remarks)


def _table(connection: sqlite3.Connection, name: str) -> TargetTable:
    found = _ask(connection, "columns", name)
    columns = tuple(
        TargetColumn(
            column,
            declared,
            is_generated=hidden in {2, 3},
            is_required=bool(is_required) and default is None and not place,
        )
        for column, declared, is_required, default, place, hidden in found
        if hidden != 1
    )
    primary = tuple(c for c, *_, place, _ in sorted(found, key=lambda row: row[4]) if place)
    return TargetTable(quote(name), None, name, columns, primary or _unique(connection, name))


def _unique(connection: sqlite3.Connection, name: str) -> tuple[str, ...]:
    """Return the columns of the first unique index that is not partial and takes no null."""
    required = {column for column, _, is_required, *_ in _ask(connection, "columns", name) if is_required}
    for index, is_unique, is_partial in _ask(connection, "indexes", name):
        columns = _index_columns(connection, index)
        if is_unique and not is_partial and columns and all(column in required for column in columns):
            return cast("tuple[str, ...]", columns)
    return ()


def _index_columns(connection: sqlite3.Connection, index: str) -> tuple[str | None, ...]:
    """Return the columns of an index; None where it has an expression."""
    return tuple(column for (column,) in _ask(connection, "index_columns", index))


def _references(connection: sqlite3.Connection, table: TargetTable, tables: dict[str, TargetTable]) -> list[Reference]:
    grouped: dict[int, list[Any]] = {}
    for number, *row in _ask(connection, "references", table.name):
        grouped.setdefault(number, []).append(row)
    indexes = [_index_columns(connection, index) for index, *_ in _ask(connection, "indexes", table.name)]
    indexes.append(table.key)
    found = []
    for number, rows in grouped.items():
        parent = tables.get(rows[0][0].casefold())
        if parent is None:
            continue
        columns = tuple(child for _, child, _, _ in rows)
        named = tuple(to for *_, to, _ in rows)
        found.append(
            Reference(
                f"foreign key {number + 1} of {table.name}",
                table.sql,
                columns,
                parent.sql,
                parent.key if None in named else named,
                cast("OnDelete", rows[0][3].lower()),
                has_index=any(set(index[: len(columns)]) == set(columns) for index in indexes),
            )
        )
    return found


def _ask(connection: sqlite3.Connection, name: str, *parameters: str) -> list[Any]:
    rows = connection.execute(STATEMENTS[name], parameters)
    return [tuple(v.decode() if isinstance(v, bytes) else v for v in row) for row in rows]
