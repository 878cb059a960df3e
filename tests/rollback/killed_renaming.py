"""Applies a restore in MySQL and is killed: python killed_renaming.py PLAN NAME DATABASE WORDS.

It is killed before the first statement with these words after every table is locked.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import pytest

import recon
from recon.backup.mysql_session import MysqlSession


def main() -> None:
    plan, name, database, words = sys.argv[1:]
    asking, locking = MysqlSession.ask, list[str]()

    def ask(opened: MysqlSession, sql: str, *values: str) -> list[tuple[Any, ...]]:
        if sql.startswith("lock tables") and "recon_gate" in sql:
            locking.append(sql)
        if locking and words in sql:
            os.kill(os.getpid(), signal.SIGKILL)
        return asking(opened, sql, *values)

    pytest.MonkeyPatch().setattr(MysqlSession, "ask", ask)
    recon.apply_restore(recon.ApplyOptions(plan, name, environment={"DATABASE_URL": database}))


main()
