"""Puts tables in the place of others by one RENAME TABLE, between whose lock and whose end nobody can write.

MySQL renames tables that the same session has locked. MariaDB does not: there the statement waits behind the lock, and
when that ends it takes the tables over one by one, in the order of their names. Last it comes to two gates. The session
that holds the first reads a table that the statement holds, and is told of a deadlock once the statement waits for that
gate: then everything else is held. Whether somebody was quicker shows in InnoDB's counters: the statement is ended, or
the session that holds the second gate lets it pass.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from time import monotonic, sleep
from typing import TYPE_CHECKING

from recon.background import await_result, start
from recon.backup.contents import TableContent, compare_contents
from recon.backup.mysql_objects import STATEMENTS, MadeObject, make, make_triggers, triggers
from recon.backup.mysql_places import GATES, OPENED, Places
from recon.backup.mysql_session import ServerRefusal, mysql_session, quoted
from recon.backup.replacing import LOCK_LIMIT_MS, UNCHANGED, require_equal
from recon.errors import ReconError, RollbackError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future

    from recon.backup.mysql_session import MysqlSession
    from recon.backup.replacing import ReplacingListener

DEADLOCKS = (1213, 3058)
LATE = (1205, 3572, *DEADLOCKS)
SINCE_VERSION = (8, 0, 13)
HAND_OVER_RIGHT = ("PROCESS",)
LIMIT_S = LOCK_LIMIT_MS / 1000
POLL_S = 0.005
ATTEMPTS = 3
HOLDERS = ("holders_shown", "holders_listed", "holders_open", "holders_possible")
CHECKING = "set foreign_key_checks = 1"
PROBE = "select 1 from {table} limit 0"
EMPTIED = "delete from {table}"
COPIED = "insert into {table} ({columns}) select {columns} from {source}"
STALE = "Something was written since the present state was backed up"
AGAIN = "Stop what writes to the database, and make the plan again: recon rollback restore"
WAIT = "Wait until these sessions have ended, or have the DBA end them, and try again"


@dataclass(frozen=True)
class Moved:
    """What takes the place of what.

    Attributes:
        out: Tables and sequences that are replaced.
        come: Those that come from `places.staging`.
        copied: Tables of both that hold what they held, without their foreign keys.
        standing: Further tables, which stay.
        present: What the tables hold.
        old, new: Triggers of what is replaced, and of what comes.
    """

    places: Places
    out: Sequence[str]
    come: Sequence[str]
    copied: Sequence[str]
    standing: Sequence[str]
    present: dict[str, TableContent]
    old: Sequence[MadeObject]
    new: Sequence[MadeObject]

    @property
    def statement(self) -> str:
        """The one statement."""
        here, there, aside = map(quoted, (self.places.url.name, self.places.staging, self.places.aside))
        pairs = [f"{here}.{quoted(name)} to {aside}.{quoted(name)}" for name in self.out]
        pairs += [f"{there}.{quoted(name)} to {here}.{quoted(name)}" for name in self.come]
        pairs += [f"{aside}.{gate} to {aside}.{opened}" for gate, opened in zip(GATES, OPENED, strict=True)]
        return f"rename table {', '.join(pairs)}"


def can_rename_locked(opened: MysqlSession) -> bool:
    """Whether the server renames tables that the session has locked."""
    return not opened.is_mariadb and opened.numbers >= SINCE_VERSION


def move(moving: MysqlSession, wanted: Moved, listener: ReplacingListener) -> float:
    """Rename the tables; returns for how many seconds nobody else could use them.

    Args:
        moving: The session that holds the lock of the database's restores.
        wanted: What to rename.
        listener: Is told of each step.

    Raises:
        RollbackError: Nothing was changed, for the reason that it names.
    """
    with mysql_session(wanted.places.url, is_writing=True) as locking, ExitStack() as stack:
        return _Move(moving, locking, wanted, listener, stack).carry_out()


@contextmanager
def in_place() -> Iterator[None]:
    """Turn what the server refuses into an error that says that the tables were renamed."""
    try:
        yield
    except ServerRefusal as error:
        raise RollbackError(
            "The backup is in place, and the server refused what has to be done after that",
            where=error.where,
            found=error.found,
            next_step="Do what the message says, and give the same command again: it does the rest",
        ) from None


class _Move:
    """One restore's; `locking` has the locks until the statement waits for them."""

    def __init__(
        self,
        moving: MysqlSession,
        locking: MysqlSession,
        wanted: Moved,
        listener: ReplacingListener,
        stack: ExitStack,
    ) -> None:
        self._moving, self._locking, self._wanted = moving, locking, wanted
        self._listener, self._stack = listener, stack
        self._own = {moving.number, locking.number}
        self._url, self._is_moved = wanted.places.url, False

    def carry_out(self) -> float:
        if can_rename_locked(self._locking):
            return self._locked()
        self._moving.run(CHECKING)
        for _ in range(ATTEMPTS):
            if (outage_s := self._handed_over(self._session(), self._session(), self._session())) is not None:
                return outage_s
        raise RollbackError(f"{STALE} ({UNCHANGED})", where=self._url.label, next_step=AGAIN)

    @property
    def _gates(self) -> list[str]:
        return [f"{quoted(self._wanted.places.aside)}.{quoted(gate)}" for gate in GATES]

    def _session(self) -> MysqlSession:
        opened = self._stack.enter_context(mysql_session(self._url, is_writing=True))
        self._own.add(opened.number)
        return opened

    def _locked(self) -> float:
        """Rename in the session that has the locks, which keeps them under the new names."""
        places, wanted = self._wanted.places, self._wanted
        # Foreign keys go with their tables only where they are checked.
        self._locking.run(CHECKING)
        there = [f"{quoted(places.staging)}.{quoted(name)}" for name in wanted.come if name not in wanted.copied]
        began = self._lock(*there, *self._gates)
        self._listener.step("Renaming")
        with self._old_away(), self._named_holders():
            self._locking.run(wanted.statement)
            self._is_moved = True
        with in_place():
            for each in wanted.new:
                make(self._locking, each)
            self._locking.run("unlock tables")
        return monotonic() - began

    def _handed_over(self, probing: MysqlSession, gating: MysqlSession, watching: MysqlSession) -> float | None:
        """Rename in another session than that which has the locks; None: somebody was quicker."""
        wanted, (first, last) = self._wanted, self._gates
        began = self._lock()
        # As long as this table is there the statement fails, also where the gates end with this process.
        bar = f"{quoted(wanted.places.aside)}.{OPENED[-1]}"
        gating.run(f"create table if not exists {bar} (id int) engine = InnoDB")
        gating.run(f"lock tables {last} write, {bar} write")
        probing.run("start transaction")
        probing.run(PROBE.format(table=first))
        counted = watching.ask(STATEMENTS["counters"])
        self._listener.step("Renaming")
        self._require_no_writers(watching)
        with self._old_away():
            renaming = start(lambda: self._moving.run(wanted.statement))
            try:
                self._until_waiting(watching, self._moving, renaming)
                self._locking.run("unlock tables")
                self._until_held(probing, renaming)
                if watching.ask(STATEMENTS["counters"]) != counted:
                    return None
                making = self._waiting_triggers(watching)
                gating.run(f"drop table {bar}")
                gating.run("unlock tables")
                await_result(renaming)
                self._is_moved = True
            finally:
                self._end(watching, gating, renaming)
        with in_place():
            for each in making:
                await_result(each)
        return monotonic() - began

    def _lock(self, *more: str) -> float:
        """Lock every table, and require that it is as it was backed up; returns when that began."""
        self._listener.step("Locking every table")
        wanted, places = self._wanted, self._wanted.places
        copies = [f"{quoted(places.staging)}.{quoted(name)}" for name in wanted.copied]
        locks = [f"{name} write" for name in (*map(quoted, wanted.out), *copies, *more)]
        locks += [f"{quoted(name)} read" for name in wanted.standing]
        with self._named_holders():
            if locks:
                self._locking.run(f"lock tables {', '.join(locks)}")
        began = monotonic()
        require_equal(compare_contents(wanted.present, self._locking.contents()), STALE, self._url.label, AGAIN)
        if [each for each in triggers(self._locking) if each.table in wanted.out] != list(wanted.old):
            raise RollbackError(f"A trigger was changed meanwhile ({UNCHANGED})", where=self._url.label)
        for name in wanted.copied:
            self._copy(name)
        return began

    def _copy(self, name: str) -> None:
        table = f"{quoted(self._wanted.places.staging)}.{quoted(name)}"
        columns = ", ".join(quoted(column) for (column,) in self._locking.ask(STATEMENTS["stored"], name))
        self._locking.run(EMPTIED.format(table=table))
        self._locking.run(COPIED.format(table=table, columns=columns, source=quoted(name)))

    def _require_no_writers(self, watching: MysqlSession) -> None:
        """Where triggers have to be dropped before: nobody may write without them."""
        if not self._wanted.old:
            return
        ((number,),) = watching.ask(STATEMENTS["writers"].format(own=_numbers(self._own)))
        if number:
            raise RollbackError(
                f"Other sessions wait to write to tables with triggers ({UNCHANGED})",
                where=self._url.label,
                found=str(number),
                next_step="Stop what writes to the database, and try again",
            )

    @contextmanager
    def _old_away(self) -> Iterator[None]:
        """Drop the triggers of the tables, which cannot go with them; make them again unless these were renamed."""
        try:
            for each in self._wanted.old:
                self._locking.run(f"drop trigger {quoted(each.name)}")
            yield
        finally:
            if not self._is_moved:
                # What fails here is done again where the places are cleared.
                with suppress(ReconError):
                    make_triggers(self._locking, self._wanted.old)

    def _until_waiting(self, watching: MysqlSession, waiting: MysqlSession, work: Future[None]) -> None:
        """Wait until a session waits for a table."""
        statement, limit = STATEMENTS["is_waiting"].format(number=waiting.number), monotonic() + LIMIT_S
        while monotonic() < limit and not work.done() and self._wanted.out:
            if watching.ask(statement)[0][0]:
                return
            sleep(POLL_S)

    def _until_held(self, probing: MysqlSession, renaming: Future[None]) -> None:
        """Wait until the statement holds everything but the gates; it comes first to what sorts first."""
        if not self._wanted.out:
            probing.run("rollback")
            return
        probing.run(f"set lock_wait_timeout = {int(LIMIT_S) + 2}")
        try:
            probing.run(PROBE.format(table=quoted(min(self._wanted.out, key=str.encode))))
        except ServerRefusal as error:
            if error.number in DEADLOCKS:
                return
            if error.number not in LATE:
                raise
        probing.run("rollback")
        with self._named_holders(), suppress(TimeoutError):
            await_result(renaming, LIMIT_S)
        raise RollbackError(f"The tables could not be renamed ({UNCHANGED})", where=self._url.label, next_step=WAIT)

    def _waiting_triggers(self, watching: MysqlSession) -> list[Future[None]]:
        """Have each trigger made as soon as its table is there, before anybody can write to it."""
        found = []
        for each in self._wanted.new:
            opened = self._session()
            opened.run("set lock_wait_timeout = 600")
            found.append(start(partial(make, opened, each)))
            self._until_waiting(watching, opened, found[-1])
        return found

    def _end(self, watching: MysqlSession, gating: MysqlSession, renaming: Future[None]) -> None:
        """End the statement unless it is done, and let go of everything."""
        if not renaming.done():
            with suppress(ReconError):
                watching.run(f"kill query {self._moving.number}")
            with suppress(ReconError, TimeoutError):
                await_result(renaming, 2 * LIMIT_S)
        with suppress(ReconError):
            gating.run("unlock tables")

    @contextmanager
    def _named_holders(self) -> Iterator[None]:
        """Turn what was waited for in vain into an error that names who has it."""
        try:
            yield
        except ServerRefusal as error:
            if error.number not in LATE:
                raise
            raise RollbackError(
                f"Another session holds a table, and was waited for no longer than two seconds ({UNCHANGED})",
                where=self._url.label,
                found=self._holders() or error.found,
                next_step=WAIT,
            ) from None

    def _holders(self) -> str:
        """The sessions that hold tables, as far as the server shows them; without what they send."""
        with suppress(ReconError):
            self._locking.run("unlock tables")
        for name in HOLDERS:
            with suppress(ReconError):
                if found := self._locking.ask(STATEMENTS[name].format(own=_numbers(self._own))):
                    return "; ".join(_said(*row) for row in found[:5])
        return ""


def _said(number: int, user: str, command: str, seconds: int | None) -> str:
    return f"session {number} (user {user}) {str(command).lower()}, for {seconds or 0} s"


def _numbers(own: set[int]) -> str:
    return ", ".join(map(str, sorted(own)))
