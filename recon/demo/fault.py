"""A fault that can be planted in a generated migration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recon.bundle.formats import REPORT

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Fault:
    """Something wrong with a migration.

    The SQL runs on both SQLite and PostgreSQL, selects its rows by order, and selects fewer in a small club.

    Attributes:
        description: What was planted, one sentence.
        check: Id of the check whose outcome it must change.
        sql: Statements for the database.
        patch: Edits a file of the bundle in place, as plain objects; None when the fault is in the database alone.
        file: Which file that is.
        breaks: Table and name of the constraints that would reject it, as a partial restore may have lost them.
        in_sqlite_only: Whether other databases have types that would reject it.
    """

    name: str
    description: str
    check: str
    sql: tuple[str, ...] = ()
    patch: Callable[[dict[str, Any]], None] | None = None
    file: str = REPORT
    breaks: tuple[tuple[str, str], ...] = ()
    in_sqlite_only: bool = False
