"""The catalogue of a MySQL or MariaDB server as rollback needs it: tables, what hangs on them, and who writes."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from time import sleep
from typing import TYPE_CHECKING, cast

from recon.database.mysql_statement import quote_mysql
from recon.database.writing.interface import Reference, Remark, TargetColumn, TargetTable, WriteError
from recon.database.writing.mysql_channel import STATEMENTS
from recon.database.writing.mysql_values import choices, spelled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from recon.database.writing.interface import OnDelete
    from recon.database.writing.mysql_channel import MysqlChannel, Row

PLAIN = "{engine} knows no transactions: what is deleted stays deleted, whatever fails later"
VERSIONED = "the server keeps a history of its rows (system versioning), which rows that are inserted again begin anew"
TRIGGERED = {
    "DELETE": "runs for each row that a statement deletes, but for none that a cascade deletes",
    "INSERT": "runs for each row that is inserted again",
    "UPDATE": "runs for each row that a statement updates, but for none whose reference a cascade sets to null",
}
ALTERS = "; it may alter that row"
GENERATED = "the server computes it; statements that insert rows leave it out"
COUNTED = "inserted rows keep their numbers, and the counter is not set back"
PARTITIONED = "its rows are in {number} partitions; it can have no foreign keys"
REPLICATED = "the server logs each deleted row for its replicas, which delete it too"
REPEATED = (
    "the server logs the statements for its replicas (binlog_format = STATEMENT), which execute them on their rows"
)
LOCKS_SHOWN, CHANGES_SHOWN = "lock_holders", "open_changes"
# InnoDB shows transactions as they were when somebody last looked, unless nobody has for 0.1 s.
STALE_S = 0.11


def qualified(schema: str, name: str) -> str:
    """A table's name in a statement."""
    return f"{quote_mysql(schema)}.{quote_mysql(name)}"


def read_tables(channel: MysqlChannel) -> tuple[TargetTable, ...]:
    """Every table that the user can see, of all databases but the server's own."""
    keys = _keys(channel)
    return tuple(
        _table(list(rows), keys) for _, rows in groupby(channel.ask(STATEMENTS["columns"]), key=itemgetter(0, 1))
    )


def _table(rows: Sequence[Row], keys: Mapping[str, tuple[str, ...]]) -> TargetTable:
    schema, name, form, engine, is_transactional, estimate = rows[0][:6]
    sql = qualified(schema, name)
    obstacle = "" if is_transactional else PLAIN.format(engine=engine or "its engine")
    return TargetTable(
        sql=sql,
        schema=schema,
        name=name,
        columns=tuple(_column(row[6:]) for row in rows),
        key=keys.get(sql, ()),
        rows=None if estimate is None else int(estimate),
        obstacle=obstacle or (VERSIONED if form == "SYSTEM VERSIONED" else ""),
    )


def _column(row: Row) -> TargetColumn:
    name, form, characters, is_generated, is_counter, has_to_be_given = row
    return TargetColumn(
        name=name,
        type=spelled(form, characters),
        is_generated=bool(is_generated),
        is_identity=bool(is_counter),
        is_required=bool(has_to_be_given and not is_generated and not is_counter),
        choices=choices(form),
    )


def _keys(channel: MysqlChannel) -> dict[str, tuple[str, ...]]:
    """Table → the columns of the primary key; without one, those of the first unique key that is whole and required."""
    found: dict[str, tuple[str, ...]] = {}
    for (schema, table, _), group in groupby(channel.ask(STATEMENTS["keys"]), key=itemgetter(0, 1, 2)):
        rows = list(group)
        if all(is_whole for *_, is_whole in rows):
            found.setdefault(qualified(schema, table), tuple(row[3] for row in rows))
    return found


def read_references(channel: MysqlChannel) -> tuple[Reference, ...]:
    """Every foreign key between tables that the user can see; InnoDB insists on their indexes."""
    return tuple(
        Reference(
            name=name,
            table=qualified(schema, table),
            columns=tuple(row[6] for row in rows),
            parent=qualified(parent_schema, parent),
            parent_columns=tuple(row[7] for row in rows),
            on_delete=cast("OnDelete", action),
        )
        for (schema, table, name, parent_schema, parent, action), group in groupby(
            channel.ask(STATEMENTS["references"]), key=itemgetter(0, 1, 2, 3, 4, 5)
        )
        for rows in [list(group)]
    )


def read_remarks(channel: MysqlChannel, tables: Sequence[TargetTable]) -> tuple[Remark, ...]:
    """What there is to know about these tables."""
    wanted = {table.sql for table in tables}
    found = [*_triggers(channel), *_partitions(channel)]
    replication = _replication(channel)
    for table in tables:
        found += _columns_to_know(table)
        if table.obstacle:
            found.append(Remark(table.sql, "storage engine", "", table.obstacle))
        if replication:
            found.append(Remark(table.sql, "replication", "", replication))
    return tuple(remark for remark in found if remark.table in wanted)


def _replication(channel: MysqlChannel) -> str:
    """What the server's log does with deleted rows; empty: it keeps none."""
    if not int(channel.ask(STATEMENTS["binary_log"])[0][0]):
        return ""
    # Newer servers know no other format than that of rows.
    is_repeated = channel.knows("binlog_format") and channel.ask(STATEMENTS["binary_log_form"])[0][0] == "STATEMENT"
    return REPEATED if is_repeated else REPLICATED


def _triggers(channel: MysqlChannel) -> Iterator[Remark]:
    for schema, table, name, timing, event in channel.ask(STATEMENTS["triggers"]):
        alters = (timing, event) == ("BEFORE", "INSERT")
        meaning = TRIGGERED[event] + (ALTERS if alters else "")
        yield Remark(qualified(schema, table), "trigger", name, meaning, changes_inserts=alters)


def _partitions(channel: MysqlChannel) -> Iterator[Remark]:
    for schema, table, number in channel.ask(STATEMENTS["partitions"]):
        yield Remark(qualified(schema, table), "partition", "", PARTITIONED.format(number=number))


def _columns_to_know(table: TargetTable) -> Iterator[Remark]:
    for column in table.columns:
        if column.is_generated:
            yield Remark(table.sql, "generated column", column.name, GENERATED)
        if column.is_identity:
            yield Remark(table.sql, "identity column", column.name, COUNTED)


def view_of_writers(channel: MysqlChannel) -> str | None:
    """The statement that shows other sessions' writing to this user; None: the server shows it none."""
    for name in (LOCKS_SHOWN, CHANGES_SHOWN):
        try:
            channel.ask(STATEMENTS[name])
        except WriteError as error:
            if error.kind == "lost":
                raise
            channel.has_failed = False
        else:
            return name
    return None


def read_writers(channel: MysqlChannel, view: str | None, tables: Sequence[TargetTable]) -> list[str]:
    """The other sessions that are writing to these tables, one sentence each."""
    if view is None:
        return []
    if view == CHANGES_SHOWN:
        sleep(STALE_S)
    rows = channel.ask(STATEMENTS[view])
    if view == LOCKS_SHOWN:
        wanted = {(table.schema, table.name) for table in tables}
        return [
            f"session {number} holds locks for writing to {qualified(schema, name)}"
            for number, schema, name in rows
            if (schema, name) in wanted
        ]
    schemas = {table.schema for table in tables} | {None}
    return [
        f"session {number} has changed {changed:,} row{'s' * (changed != 1)} in an open transaction, "
        f"{f'in database {quote_mysql(schema)}' if schema else 'in a database that it has not named'}"
        for number, schema, changed in rows
        if schema in schemas
    ]


def read_missing_rights(channel: MysqlChannel, needs: Mapping[str, Sequence[str]]) -> list[str]:
    """The rights that the user lacks, as statements that grant them; the server checks them where it explains one.

    Args:
        channel: A connection without a transaction: in one that only reads, the server does not look at columns.
        needs: TargetTable → rights.
    """
    tables = {table.sql: table for table in read_tables(channel)}
    lacking = [
        (sql, right) for sql, rights in needs.items() for right in rights if _lacks(channel, tables.get(sql), right)
    ]
    if not lacking:
        return []
    name, _, host = str(channel.ask(STATEMENTS["account"])[0][0]).rpartition("@")
    return [f"grant {right} on {sql} to {_account(name)}@{_account(host)}" for sql, right in lacking]


def _account(part: str) -> str:
    return "'" + part.replace("'", "''") + "'"


def _lacks(channel: MysqlChannel, table: TargetTable | None, right: str) -> bool:
    if table is None:
        return True
    columns = [quote_mysql(name) for name in table.stored]
    statement = STATEMENTS[f"can_{right}"].format(
        table=table.sql,
        columns=", ".join(columns),
        nulls=", ".join(["null"] * len(columns)),
        settings=", ".join(f"{column} = {column}" for column in columns),
    )
    try:
        channel.ask(statement)
    except WriteError as error:
        if error.kind != "denied":
            raise
        return True
    return False
