"""What MySQL and MariaDB cannot promise to a rollback, by what this server and this user are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.database.writing.mysql_catalogue import LOCKS_SHOWN

if TYPE_CHECKING:
    from recon.database.writing.mysql_channel import MysqlChannel

LIMITS = (
    "Cascades fire no triggers, and the server does not count what they reach: recon counts it before and after",
    "Foreign keys and triggers of tables on which this user has no right are not seen",
    "The server locks all rows and gaps that it looks at, which may be more than the rows of the plan",
    "Once the connection is lost while a COMMIT is on its way, only the rows say whether it was done",
)
SNAPSHOT = "innodb_snapshot_isolation"
NO_SNAPSHOT = (
    "What others commit after the transaction began is not refused by the server: only locking, comparing and counting "
    "the rows anew shows it"
)
JSON_TYPES = "Dates, times and bytes within a JSON value come back as texts"
NO_TABLES = "Of other sessions that write, the server shows the database, not the tables"
NO_WRITERS = "Other sessions that write are not seen: this user lacks the right PROCESS"


def limits(channel: MysqlChannel, view: str | None, *, is_mariadb: bool) -> tuple[str, ...]:
    """What holds here, one sentence each; `view`: the statement that shows other sessions' writing, None: none does."""
    here = (
        (NO_SNAPSHOT, not channel.knows(SNAPSHOT)),
        (JSON_TYPES, not is_mariadb),
        (NO_WRITERS, view is None),
        (NO_TABLES, view not in (None, LOCKS_SHOWN)),
    )
    return (*LIMITS, *(sentence for sentence, holds in here if holds))
