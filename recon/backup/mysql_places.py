"""Where a backup waits beside a MySQL database, and what was there is kept: found again after a kill, and cleared.

The names begin with the database's, so that they sort after it: the server locks tables in that order.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import replace as replaced
from secrets import token_hex
from typing import TYPE_CHECKING

import msgspec

from recon.backup.contents import TableContent, compare_contents
from recon.backup.mysql_objects import STATEMENTS, MadeObject, make_all, make_triggers
from recon.backup.mysql_session import ServerRefusal, mysql_session, quoted
from recon.database.exclusion import lock_name
from recon.database.mysql_statement import literal_mysql
from recon.errors import RollbackError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.backup.mysql_session import MysqlSession
    from recon.database import DatabaseUrl

SCRATCH = "recon_scratch_"
OF_SCRATCH = re.compile(rf"({SCRATCH}[0-9a-f]{{16}})(?:_recon_restore_[0-9a-f]{{6}}(?:_old)?)?")
WORDS, LONGEST = "_recon_restore_", 64
# Tables that are renamed with the others, in the order in which the server locks them.
GATES = ("recon_gate_1", "recon_gate_2")
OPENED = ("recon_opened_1", "recon_opened_2")
STATE = "recon_restore_state"
OWN = frozenset((*GATES, *OPENED, STATE))
LONGEST_NAME = LONGEST - len(f"{WORDS}{token_hex(3)}_old")
CREATE_STATE = "create table {table} (state longtext not null) character set utf8mb4"
KEEP_STATE = "insert into {table} values ({state})"
READ_STATE = "select state from recon_restore_state"


class RestoreState(msgspec.Struct, frozen=True):
    """What has to be made again if the restore ends before its time.

    Attributes:
        old: Triggers of the tables that were there.
        new_triggers: Those of the backup.
        new: Functions, procedures and views that are not as in the backup.
        present: What the tables held that were there.
    """

    old: list[MadeObject]
    new_triggers: list[MadeObject]
    new: list[MadeObject]
    present: dict[str, TableContent]


@dataclass(frozen=True)
class Places:
    """The two databases of one restore.

    Attributes:
        url: The database that is restored.
        staging: What the backup is loaded into.
    """

    url: DatabaseUrl
    staging: str

    @classmethod
    def of(cls, url: DatabaseUrl) -> Places:
        """New ones."""
        return cls(url, f"{url.name}{WORDS}{token_hex(3)}")

    @property
    def aside(self) -> str:
        """What takes the tables that were there."""
        return f"{self.staging}_old"

    @property
    def staging_url(self) -> DatabaseUrl:
        """The address of `staging`."""
        return replaced(self.url, name=self.staging)

    @property
    def aside_url(self) -> DatabaseUrl:
        """The address of `aside`."""
        return replaced(self.url, name=self.aside)


def pattern_of(name: str) -> str:
    """The names of a database's places, for a statement that grants rights."""
    return f"{name}{WORDS}".replace("\\", "\\\\").replace("_", "\\_") + "%"


def take_lock(opened: MysqlSession) -> None:
    """Take the lock of the database's rollbacks, restores and imports, which ends with the session.

    Raises:
        RollbackError: Another session has it.
    """
    if opened.ask(f"select get_lock({literal_mysql(lock_name(opened.url.name))}, 0)")[0][0] != 1:
        raise RollbackError(
            "Another rollback, restore or import of this database is under way (nothing was changed)",
            where=opened.url.label,
            next_step="Wait until it has ended, and try again; the server ends one that was killed within seconds",
        )


def left_behind(opened: MysqlSession) -> list[Places]:
    """The places that are there of the database: of a process that is dead, if its lock is free."""
    name = re.compile(re.escape(opened.url.name + WORDS) + r"[0-9a-f]{6}(?:_old)?", re.IGNORECASE)
    found = [str(schema) for (schema,) in opened.ask(STATEMENTS["schemas"]) if name.fullmatch(schema)]
    return [Places(opened.url, base) for base in dict.fromkeys(each.removesuffix("_old") for each in found)]


def write_state(opened: MysqlSession, places: Places, state: RestoreState) -> None:
    """Keep what has to be made again, where the tables that are there will be."""
    table = f"{quoted(places.aside)}.{quoted(STATE)}"
    opened.run(CREATE_STATE.format(table=table))
    opened.run(KEEP_STATE.format(table=table, state=literal_mysql(msgspec.json.encode(state).decode())))


def clear(places: Places) -> bool:
    """Complete the restore if its tables are in place, or else the database as it was; drop what is beside it.

    Returns:
        Whether the backup is in place.

    Raises:
        RollbackError: The backup is in place, and what it replaced stays, as it cannot be dropped: it says why.
        ServerRefusal: The server refuses it; the same can be done again.
    """
    with mysql_session(places.url, is_writing=True) as opened:
        schemas = {str(schema) for (schema,) in opened.ask(STATEMENTS["schemas"])}
        moved = _moved(places) if places.aside in schemas else None
        if moved is not None:
            state, tables = moved
            make_triggers(opened, state.new_triggers if tables else state.old)
            if tables:
                make_all(opened, state.new)
                _require_own_keys(opened, places)
                _require_kept(places, state)
        for schema in (places.staging, places.aside):
            opened.run(f"drop database if exists {quoted(schema)}")
        return moved is not None and moved[1]


def _moved(places: Places) -> tuple[RestoreState, bool] | None:
    """What was kept, and whether the tables were renamed, which they are all at once; None: it had not begun."""
    with mysql_session(places.aside_url) as opened:
        names = {str(name) for name, *_ in opened.ask(STATEMENTS["tables"])}
        if STATE not in names:
            return None
        text = "".join(row for (row,) in opened.ask(READ_STATE))
        return (msgspec.json.decode(text, type=RestoreState), OPENED[0] in names) if text else None


def _require_own_keys(opened: MysqlSession, places: Places) -> None:
    """Require that foreign keys went with their tables: otherwise nothing is dropped that they refer to."""
    for table, schema, parent in opened.ask(STATEMENTS["foreign"]):
        if schema in {places.staging, places.aside}:
            raise RollbackError(
                "The backup is in place, and a foreign key still refers to a table that it replaced",
                where=places.url.label,
                expected=f"a key of {table} to {parent}",
                found=f"one to {schema}.{parent}",
                next_step="Have the DBA make the key again; then give the same command again",
            )


def _require_kept(places: Places, state: RestoreState) -> None:
    """Require that what was there is what was backed up, so that it can be dropped."""
    with mysql_session(places.aside_url) as opened:
        opened.hold()
        found = {name: content for name, content in opened.contents().items() if name not in OWN}
    differing = compare_contents(state.present, found)
    if differing:
        raise RollbackError(
            "The backup is in place, and something was written at the last instant to a table that it replaced",
            where=places.url.label,
            expected="tables that hold what was backed up before",
            found=f"{differing[0].table}: {differing[0].found}",
            next_step=f"Nothing of it is lost: take what is still wanted from {places.aside}, then drop that database",
        )


def clear_all(opened: MysqlSession) -> Sequence[str]:
    """Clear what processes left behind that are dead; the lock has to be held. Returns what was done, as sentences."""
    done = []
    for places in left_behind(opened):
        is_in_place = clear(places)
        words = "what was left to be done was done" if is_in_place else "the database is as it was before it"
        done.append(f"A restore was ended before its time: {words}, and {places.staging} is gone")
    return done


def hold_scratch(opened: MysqlSession, name: str) -> None:
    """Show others that a scratch database is used for as long as the session lasts, however long it says nothing."""
    opened.run("set session wait_timeout = 604800")
    opened.ask(f"select get_lock({literal_mysql(name)}, 0)")


def clear_scratch(server: DatabaseUrl) -> None:
    """Drop the scratch databases of processes that are dead, and what restores left beside them, as far as may be."""
    with mysql_session(server, is_writing=True) as opened, suppress(ServerRefusal):
        for (name,) in opened.ask(STATEMENTS["schemas"]):
            found = OF_SCRATCH.fullmatch(name)
            if found and opened.ask(f"select is_free_lock({literal_mysql(found[1])})")[0][0] == 1:
                opened.run(f"drop database if exists {quoted(name)}")
