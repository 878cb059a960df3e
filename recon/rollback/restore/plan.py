"""The plan of a restore: which backup, what would be lost, and how it is done; nothing here touches a database."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from recon.backup.contents import TableContent
from recon.backup.replacing import Survey
from recon.rollback.figures import RehearsedFigures
from recon.sql import quote

VERSION = "restore-1.0"


class LostTable(Struct, frozen=True, rename="camel"):
    """A table that does not hold what the backup holds.

    Attributes:
        rows: Number of its rows now; None: there is no such table, or it cannot be read.
        backup_rows: In the backup; None: it has no such table.
        found: How it differs, in a few words.
        created, edited: Number of rows whose stamps are later than the backup; None: it has no such stamp.
    """

    table: str
    rows: int | None
    backup_rows: int | None
    found: str
    created: int | None = None
    edited: int | None = None


class RestorePlan(Struct, frozen=True, rename="camel", kw_only=True):
    """Everything that a restore does, and nothing else.

    Attributes:
        id: Its own, a UUID.
        name: The database's name, or that of the file; who applies the plan types it.
        identity, environment: As of a RollbackPlan.
        backup: The folder of the backup, absolute.
        backup_sha256: SHA-256 of its manifest, which names the digest of each of its files.
        proof: What was found about the backup, one sentence each.
        rows, tables: Their number in the backup.
        lost: The tables that differ.
        present: What the database holds, by table; None: it is damaged, and cannot be read.
        damaged: Table → why it alone cannot be read; it is not in `present`.
        kept_as: The name under which the present database stays, of a swap; None: the backup comes into that database.
        way: How it is done.
        rehearsed: What the last rehearsal measured; None: there was none.
    """

    id: str
    made_at: datetime
    made_by: str
    kind: str
    database: str
    name: str
    identity: dict[str, str]
    environment: str
    backup: str
    backup_sha256: str
    snapshot_at: datetime
    proof: tuple[str, ...]
    rows: int
    tables: int
    lost: tuple[LostTable, ...]
    present: dict[str, TableContent] | None
    damaged: dict[str, str] = {}
    survey: Survey
    way: str
    kept_as: str | None = None
    limits: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    rehearsed: RehearsedFigures | None = None
    schema_version: str = VERSION

    @property
    def was_whole(self) -> bool:
        """Whether all of the database could be read."""
        return self.present is not None and not self.damaged


def drop_statement(name: str) -> str:
    """The statement with which a person drops the database that a swap leaves."""
    return f"drop database {quote(name)}"
