"""The transaction of a rollback in PostgreSQL: its limits, its lock, how it ends, and what became of it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg
from psycopg.pq import TransactionStatus

from recon.database import exclusion
from recon.database.writing.interface import WriteError
from recon.database.writing.postgresql_catalogue import STATEMENTS, ask
from recon.database.writing.postgresql_failure import STATEMENT_LIMIT_S, failure, refused

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from recon.database import DatabaseUrl

BEGIN = {
    # Not "read write", which would override that a server, a database or a role is meant to be read.
    True: "begin isolation level repeatable read",
    False: "begin isolation level repeatable read read only",
}
LOCK_LIMIT_S = 2.0
IDLE_LIMIT_S = 300.0
LOCK_KEY = exclusion.LOCK_KEY
# What keeps a rollback from writing, as the statement `state` asks for it: reason, kind, next step.
STATES = (
    ("the server is a standby, which takes no writes", "read only", "Connect to the primary"),
    (
        "the server, the database or the role begins transactions that may not write",
        "read only",
        "Have it begin transactions that may: default_transaction_read_only = off",
    ),
    (
        "the session would write as a replica does, without triggers and foreign keys",
        "other",
        "Have the role begin sessions that do not: session_replication_role = origin",
    ),
)
WAIT = "Another rollback, or an import that takes the same advisory lock ({key}), is under way: wait until it has ended"


class PostgresqlTransaction:
    """One connection, with one transaction at a time."""

    def __init__(self, url: DatabaseUrl, connection: psycopg.Connection) -> None:
        self._url, self._connection = url, connection
        self._is_scratch = False

    def begin(self, *, writing: bool) -> None:
        """Begin a transaction, whose settings and lock end with it."""
        self._begin(writing=writing)
        with self._refused():
            is_free = not writing or ask(self._connection, "lock", key=LOCK_KEY)[0][0]
        if not is_free:
            self.rollback()
            raise WriteError("the advisory lock of recon is taken", "locked", WAIT.format(key=LOCK_KEY))

    def begin_unchecked(self) -> None:
        """Refuse: only a superuser could, by writing as a replica does, without triggers.

        Raises:
            WriteError: Always.
        """
        raise WriteError("PostgreSQL takes no rows that refer to rows which do not exist")

    def begin_scratch(self) -> None:
        """Begin a transaction that creates temporary tables and, from the first statement on, writes to them alone.

        Raises:
            WriteError: The server takes no writes.
        """
        self._begin(writing=True)
        self._is_scratch = True

    def _begin(self, *, writing: bool) -> None:
        self.rollback()
        with self._refused():
            self._connection.execute(BEGIN[writing].encode())
            limits = {"lock_ms": LOCK_LIMIT_S, "statement_ms": STATEMENT_LIMIT_S, "idle_ms": IDLE_LIMIT_S}
            ask(self._connection, "settings", **{name: f"{1000 * limit:.0f}" for name, limit in limits.items()})
            states = ask(self._connection, "state")[0] if writing else ()
        for is_so, refusal in zip(states, STATES, strict=False):
            if is_so:
                self.rollback()
                raise WriteError(*refusal)

    def commit(self) -> None:
        """Commit; of a transaction in which a statement failed, nothing is left."""
        with self._refused(committing=True):
            done = self._connection.execute("commit").statusmessage
        if done != "COMMIT":
            raise WriteError("nothing was committed: a statement before had failed")

    def rollback(self) -> None:
        """Undo everything since `begin`."""
        self._is_scratch = False
        if not self._connection.closed and self._connection.info.transaction_status != TransactionStatus.IDLE:
            try:
                self._connection.execute("rollback")
            except psycopg.Error as error:
                found = failure(self._url, self._connection, error)
                if found.kind != "lost":
                    raise found from None

    def close(self) -> None:
        """Close the connection, which ends the transaction, undone."""
        self._connection.close()

    def execute(self, statement: str) -> int:
        """Send one statement."""
        if self._is_scratch:
            self._send(STATEMENTS["seal"])
            self._is_scratch = False
        return self._send(statement)

    def _send(self, statement: str) -> int:
        with self._refused():
            return max(0, self._connection.execute(statement.encode()).rowcount)

    def transaction_id(self) -> str | None:
        """Return the transaction's number, which the server is asked for by `status_of`."""
        with self._refused():
            return str(ask(self._connection, "transaction_id")[0][0])

    def status_of(self, transaction_id: str) -> str | None:
        """Return what became of a transaction; None: the server has forgotten it, or never knew it."""
        found = None
        # Of a number that it has not given out yet, the server says so by an error.
        with self._refused(), suppress(psycopg.errors.InvalidParameterValue), self._connection.transaction():
            found = ask(self._connection, "status_of", id=transaction_id)[0][0]
        return None if found is None else str(found)

    def _refused(self, *, committing: bool = False) -> AbstractContextManager[None]:
        return refused(self._url, self._connection, committing=committing)
