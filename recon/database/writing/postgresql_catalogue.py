"""PostgreSQL's catalogue as rollback asks for it: tables, references, and what there is to know about them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import convert

from recon.database.writing.interface import Reference, Remark, TargetColumn, TargetTable
from recon.sql import named_statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import psycopg

    from recon.database.writing.interface import OnDelete

FILES = ("postgresql_catalogue.sql", "postgresql.sql")
STATEMENTS = {
    name: statement for file in FILES for name, statement in named_statements(Path(__file__).with_name(file)).items()
}
# Parts that several statements share.
PARTS = {f"{{{name}}}": STATEMENTS[name].strip() for name in ("named", "reached")}
ON_DELETE: Mapping[str, OnDelete] = {
    "a": "no action",
    "r": "restrict",
    "c": "cascade",
    "n": "set null",
    "d": "set default",
}
READ_WHOLE = "For each row that is deleted, the server reads all of {table}"


def ask(connection: psycopg.Connection, name: str, **values: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a statement."""
    statement = STATEMENTS[name]
    for part, sql in PARTS.items():
        statement = statement.replace(part, sql)
    return connection.execute(statement.encode(), values or None).fetchall()


def read_tables(connection: psycopg.Connection) -> tuple[TargetTable, ...]:
    """Every ordinary, partitioned and foreign table; a partition is part of its table."""
    return tuple(
        TargetTable(sql, schema, name, convert(columns, tuple[TargetColumn, ...]), tuple(key), rows, obstacle)
        for sql, schema, name, columns, key, rows, obstacle in _named_in_full(connection, "tables")
    )


def _named_in_full(connection: psycopg.Connection, name: str) -> list[tuple[Any, ...]]:
    """Ask with the names of types in full, whatever the role's search path is."""
    with connection.transaction(force_rollback=True):
        ask(connection, "without_path")
        return ask(connection, name)


def read_references(connection: psycopg.Connection) -> tuple[Reference, ...]:
    """Every foreign key; that of a partition counts as one of its table."""
    return tuple(
        Reference(name, table, tuple(columns), parent, tuple(keys), ON_DELETE[action], has_index, is_deferred)
        for name, table, columns, parent, keys, action, has_index, is_deferred in ask(connection, "references")
    )


def read_remarks(connection: psycopg.Connection, tables: Sequence[TargetTable]) -> tuple[Remark, ...]:
    """What there is to know about these tables; what concerns the whole server is said of the first."""
    names = [table.sql for table in tables]
    found = [Remark(*values) for values in ask(connection, "remarks", tables=names)]
    return (*found, *_unindexed(read_references(connection), names))


def _unindexed(references: Iterable[Reference], parents: Sequence[str]) -> Iterator[Remark]:
    for each in references:
        if each.parent in parents and not each.has_index:
            yield Remark(each.parent, "foreign key without index", each.name, READ_WHOLE.format(table=each.table))
