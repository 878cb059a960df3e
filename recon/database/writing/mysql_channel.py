"""One connection to MySQL or MariaDB for rollback: statements, rows as a stream, and errors by their kind."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pymysql
from pymysql.cursors import SSCursor

from recon.database.mysql_connection import UNKNOWN_VARIABLE, one_line, open_connection
from recon.database.writing.interface import WriteError
from recon.database.writing.mysql_values import masked_words
from recon.sql import named_statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.database import DatabaseUrl

Row = tuple[Any, ...]

STATEMENTS = named_statements(Path(__file__).with_name("mysql.sql"))
# Seconds that a statement may take, and that the server may be silent: little longer, so that it can say so itself.
STATEMENT_LIMIT_S = 600
SILENCE_LIMIT_S = STATEMENT_LIMIT_S + 30.0
LOCK_LIMIT_S = 2
KINDS = {
    "stale": (1020,),
    "locked": (1205, 1213, 3058, 3572),
    "denied": (1044, 1045, 1142, 1143, 1227, 1345, 1370, 1698),
    "read only": (1290, 1792, 1836, 3989),
    "full": (1021, 1114),
    "lost": (0, 1053, 1077, 1079, 1158, 1159, 1160, 1161, 1927, 2006, 2013, 2055, 4031),
}
KIND_OF = {number: kind for kind, numbers in KINDS.items() for number in numbers}
# How the server shows the operating system's ENOSPC and EDQUOT, under numbers that mean other failures as well.
NO_ROOM = ("errno: 28", "errcode: 28", "error 28", "no space left", "errno: 122", "errcode: 122", "error 122")
NEXT_STEPS = {
    "stale": "Another session changed these rows: make the plan anew",
    "locked": "Another session uses these rows: wait until it is done, then try again",
    "denied": "Ask the DBA to grant this user the right that the server names",
    "read only": "Name the server that takes writes in the URL",
    "full": "Make room on the server's disk, then try again",
    "lost": "Look whether the server runs, then look at the rows before anything else is done",
}
LOST = "the connection to the server was lost"


class MysqlChannel:
    """A connection whose settings decide what statements mean, whatever the server's are.

    Args:
        url: The address.
        timeout_s: Seconds that connecting may take; None: a few.
        autocommit: Whether each statement is a transaction, unless one was begun.

    Attributes:
        has_failed: Whether a statement failed otherwise than for want of a right, since this was last set to False:
            the server may have undone more than that statement.

    Raises:
        pymysql.Error: The server refuses the connection.
        WriteError: It refuses a setting.
    """

    def __init__(self, url: DatabaseUrl, timeout_s: float | None, *, autocommit: bool) -> None:
        self.url, self.has_failed = url, False
        self.connection = open_connection(url, timeout_s, SILENCE_LIMIT_S)
        self._flowing: _Flow | None = None
        values = {"autocommit": int(autocommit), "limit_s": STATEMENT_LIMIT_S, "lock_s": LOCK_LIMIT_S}
        for statement in STATEMENTS["session"].format(**values).split(";"):
            self.send(statement)
        for statement in STATEMENTS["optional_session"].format(**values).split(";"):
            with suppress(UnknownVariableError):
                self.send(statement)

    def ask(self, sql: str) -> list[Row]:
        """The rows of a statement.

        Raises:
            WriteError: The server refused it.
        """
        self._hold()
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(sql)
                return list(cursor.fetchall())
        except (pymysql.Error, OSError) as error:
            raise self._refusal(error) from None

    def send(self, sql: str) -> int:
        """Execute a statement; returns the number of rows that it affected.

        Raises:
            WriteError: The server refused it.
        """
        self._hold()
        try:
            with self.connection.cursor() as cursor:
                return int(cursor.execute(sql))
        except (pymysql.Error, OSError) as error:
            raise self._refusal(error) from None

    def knows(self, variable: str) -> bool:
        """Whether the server has a setting."""
        try:
            self.ask(f"select @@{variable}")
        except UnknownVariableError:
            return False
        return True

    def stream(self, sql: str) -> Iterator[Row]:
        """The rows of a statement, one by one; those that are left when another statement is sent are kept for it.

        Raises:
            WriteError: The server refused it, or ended it.
        """
        self._hold()
        flow = _Flow(self.connection.cursor(SSCursor))
        try:
            flow.cursor.execute(sql)
            self._flowing = flow
            yield from flow.rows()
        except (pymysql.Error, OSError) as error:
            raise self._refusal(error) from None
        finally:
            if self._flowing is flow:
                self._flowing = None
            with suppress(pymysql.Error, OSError):
                flow.cursor.close()

    def close(self) -> None:
        """End the connection, and with it its transaction, undone."""
        with suppress(pymysql.Error, OSError):
            self.connection.close()

    def _hold(self) -> None:
        flow, self._flowing = self._flowing, None
        if flow is not None:
            try:
                flow.hold()
            except (pymysql.Error, OSError) as error:
                raise self._refusal(error) from None

    def _refusal(self, error: Exception) -> WriteError:
        number = error.args[0] if isinstance(error, pymysql.Error) and error.args else 0
        words = masked_words(one_line(self.url.redact(str(error.args[-1] if error.args else error)))) or LOST
        kind = KIND_OF.get(number, "other") if isinstance(number, int) else "other"
        if any(sign in words.lower() for sign in NO_ROOM):
            kind = "full"
        if number == UNKNOWN_VARIABLE:
            return UnknownVariableError(words)
        self.has_failed = self.has_failed or kind != "denied"
        return WriteError(words, kind, NEXT_STEPS.get(kind))


class UnknownVariableError(WriteError):
    """This server does not know a setting."""


class _Flow:
    """The rows of a statement that arrive one by one."""

    def __init__(self, cursor: SSCursor) -> None:
        self.cursor = cursor
        self._held: deque[Row] = deque()
        self._is_held = False

    def rows(self) -> Iterator[Row]:
        while not self._is_held:
            row = self.cursor.fetchone()
            if row is None:
                return
            yield row
        while self._held:
            yield self._held.popleft()

    def hold(self) -> None:
        """Read the rows to come into memory, as the connection is needed for something else."""
        self._held.extend(self.cursor.fetchall())
        self._is_held = True
