"""Objects of a MySQL or MariaDB database as the statements that make them: triggers, views, routines, tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from recon.backup.mysql_session import ServerRefusal, quoted
from recon.database.mysql_statement import literal_mysql
from recon.sql import named_statements

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recon.backup.mysql_session import MysqlSession

STATEMENTS = named_statements(Path(__file__).with_name("mysql_replacing.sql"))
# An unknown view, table or routine: another one has to be made first.
ABSENT = (1146, 1305, 1356)
EXISTS = 1359
MADE = re.compile(r"create\s+", re.IGNORECASE)
SHOWN = {
    "table": "show create table {name}",
    "sequence": "show create table {name}",
    "view": "show create view {name}",
    "trigger": "show create trigger {name}",
    "procedure": "show create procedure {name}",
    "function": "show create function {name}",
}


class MadeObject(Struct, frozen=True):
    """An object, and how it is made.

    Attributes:
        kind: A key of SHOWN.
        table: Of a trigger: its table; empty otherwise.
        sql: The statement that makes it in the database that is chosen.
        mode, collation: The sql_mode and the collation of the connection that it was made with; None: of no matter.
    """

    kind: str
    name: str
    sql: str
    table: str = ""
    mode: str | None = None
    collation: str | None = None

    @property
    def key(self) -> str:
        """Kind and name."""
        return f"{self.kind} {self.name}"


def triggers(opened: MysqlSession) -> list[MadeObject]:
    """The triggers of the database, in the order in which the server runs them."""
    return [_made(opened, "trigger", name, table) for name, table in opened.ask(STATEMENTS["triggers"])]


def routines_and_views(opened: MysqlSession) -> list[MadeObject]:
    """The functions, procedures and views of the database."""
    found = [_made(opened, kind, name) for kind, name in opened.ask(STATEMENTS["routines"])]
    return found + [_made(opened, "view", name) for (name,) in opened.ask(STATEMENTS["views"])]


def everything(opened: MysqlSession) -> Iterator[MadeObject]:
    """Yield every object that a dump holds."""
    for name, form, _ in opened.ask(STATEMENTS["tables"]):
        yield _made(opened, "sequence" if form == "SEQUENCE" else "table", name)
    yield from triggers(opened)
    yield from routines_and_views(opened)


def _made(opened: MysqlSession, kind: str, name: str, table: str = "") -> MadeObject:
    (row,) = opened.ask(SHOWN[kind].format(name=quoted(name)))
    if kind in {"table", "sequence"}:
        return MadeObject(kind, name, row[1])
    if kind == "view":
        return MadeObject(kind, name, row[1], "", None, row[3])
    # A user without the right to see it is shown no definition.
    return MadeObject(kind, name, row[2] or "", table, row[1], row[4])


def make(opened: MysqlSession, wanted: MadeObject) -> None:
    """Make an object in the place of one of that name, but for a trigger, which must not be there.

    Raises:
        ServerRefusal: The server refuses it.
    """
    if wanted.collation is not None:
        opened.run(f"set collation_connection = {literal_mysql(wanted.collation)}")
    if wanted.mode is not None:
        opened.run(f"set sql_mode = {literal_mysql(wanted.mode)}")
    statement = wanted.sql
    if wanted.kind == "view" or (wanted.kind != "trigger" and opened.is_mariadb):
        statement = MADE.sub("create or replace ", statement, count=1)
    elif wanted.kind != "trigger":
        opened.run(f"drop {wanted.kind} if exists {quoted(wanted.name)}")
    opened.run(statement)


def make_triggers(opened: MysqlSession, wanted: Sequence[MadeObject]) -> None:
    """Make the triggers that are not there."""
    present = {name for name, _ in opened.ask(STATEMENTS["triggers"])}
    for each in wanted:
        if each.name not in present:
            _make_unless_there(opened, each)


def _make_unless_there(opened: MysqlSession, wanted: MadeObject) -> None:
    try:
        make(opened, wanted)
    except ServerRefusal as error:
        # A session of a process that was killed may have made it meanwhile.
        if error.number != EXISTS:
            raise


def make_all(opened: MysqlSession, wanted: Sequence[MadeObject]) -> None:
    """Make functions, procedures and views, those first that others are made of."""
    left = list(wanted)
    while left:
        refused = [(each, error) for each in left if (error := _refusal_of_absence(opened, each))]
        if len(refused) == len(left):
            raise refused[0][1]
        left = [each for each, _ in refused]


def _refusal_of_absence(opened: MysqlSession, wanted: MadeObject) -> ServerRefusal | None:
    """Make an object; returns what the server says where something is not there yet."""
    try:
        make(opened, wanted)
    except ServerRefusal as error:
        if error.number not in ABSENT:
            raise
        return error
    return None
