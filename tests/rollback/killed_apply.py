"""Applies a plan and is killed on the way: python killed_apply.py PLAN RUN_ID DATABASE STATEMENTS STEPS.

It ends so many steps of SQLite after it has begun that statement, or at a later one that takes as many.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from typing import TYPE_CHECKING

import recon
from recon.database.writing.sqlite import SqliteWriter

if TYPE_CHECKING:
    import sqlite3

CONNECT = "_connect"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    plan, run_id, database, statements, steps = sys.argv[1:]
    connect = getattr(SqliteWriter, CONNECT)

    def connect_mortal(writer: SqliteWriter) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(writer)
        number = count(1)

        def begin_to_die(_: str) -> None:
            if next(number) == int(statements):
                connection.set_progress_handler(die, int(steps))

        connection.set_trace_callback(begin_to_die)
        return connection

    setattr(SqliteWriter, CONNECT, connect_mortal)
    recon.apply_rollback(recon.ApplyOptions(plan=plan, run_id=run_id, environment={"DATABASE_URL": database}))


main()
