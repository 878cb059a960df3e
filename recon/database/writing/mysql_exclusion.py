"""Keeps rollbacks of one MySQL or MariaDB database apart, and away from servers that take no writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.database.exclusion import lock_name
from recon.database.writing.interface import WriteError
from recon.database.writing.mysql_channel import STATEMENTS

if TYPE_CHECKING:
    from recon.database.writing.mysql_channel import MysqlChannel


def require_writable(channel: MysqlChannel) -> None:
    """Require that the server takes writes, also where this user could write nevertheless: it may be a replica.

    Raises:
        WriteError: It does not.
    """
    if str(channel.ask(STATEMENTS["writability"])[0][0]) not in ("0", "OFF"):
        raise WriteError(
            "the server takes no writes (read_only)", "read only", "Name the server that takes writes in the URL"
        )


def take_lock(channel: MysqlChannel, database: str) -> None:
    """Take the lock of a database's rollbacks and imports, which ends with the connection at the latest.

    Raises:
        WriteError: Another session has it.
    """
    if channel.ask(STATEMENTS["take_lock"].format(name=lock_name(database)))[0][0] != 1:
        raise WriteError("another rollback or import of this database is running", "locked", "Wait until it has ended")


def release_lock(channel: MysqlChannel, database: str) -> None:
    """Give the lock back."""
    channel.ask(STATEMENTS["release_lock"].format(name=lock_name(database)))
