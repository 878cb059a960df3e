"""Applies a restore in MySQL and is killed: python killed_renaming.py PLAN NAME DATABASE WORDS.

It is killed before the first statement with these words after every table is locked.
"""

from __future__ import annotations

import os
import signal
import sys
from functools import partialmethod
from typing import Any

import pytest

import recon
from recon.backup.mysql_session import MysqlSession


class Mortal:
    """What a session asks, until it ends the process at a statement."""

    def __init__(self, words: str) -> None:
        self.words, self.is_locked, self.asking = words, False, MysqlSession.ask

    def ask(self, opened: MysqlSession, sql: str, *values: str) -> list[tuple[Any, ...]]:
        self.is_locked |= sql.startswith("lock tables") and "recon_gate" in sql
        if self.is_locked and self.words in sql:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.asking(opened, sql, *values)


def main() -> None:
    plan, name, database, words = sys.argv[1:]
    mortal = Mortal(words)
    # A method, which is bound to the session.
    pytest.MonkeyPatch().setattr(MysqlSession, "ask", partialmethod(mortal.ask))
    recon.apply_restore(recon.ApplyOptions(plan, name, environment={"DATABASE_URL": database}))


main()
