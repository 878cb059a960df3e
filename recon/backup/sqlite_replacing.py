"""A backup in the place of a SQLite file."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from recon.backup.file_replacing import CLOSE, replace_file
from recon.backup.replacing import (
    CREATED,
    EDITED,
    LOCK_LIMIT_MS,
    UNCHANGED,
    SchemaDifference,
    Survey,
    WrittenRows,
    later_than,
)
from recon.backup.sqlite_copy import read_file
from recon.database.sqlite import copy_database
from recon.errors import RollbackError
from recon.scratch import ScratchFolder
from recon.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recon.backup.contents import TableContent, Tools
    from recon.backup.manifest import BackupManifest
    from recon.backup.replacing import Replacement, ReplacingListener
    from recon.database import DatabaseUrl

way = (
    "A copy of the backup is made beside the file and compared with the manifest; it takes the file's name in one "
    "step, while the file is locked against every other program"
)
limits = (
    "All of the file is replaced: what is newer than the backup is gone, tables and indexes too",
    (
        "A program of another account that has the file open without a lock cannot be seen, and would go on with the "
        "old file: stop the application"
    ),
)
WRITE_AHEAD = b"\x02\x02"
SCHEMA = "select type, name, sql from sqlite_master where sql is not null and name not like 'sqlite_%' order by rowid"
TABLES = (
    "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' and sql not like 'create virt%'"
)
COLUMNS = "select name from pragma_table_info(?)"
# A stamp is text in one of ISO 8601's spellings, or milliseconds since 1970 as Prisma writes them.
LATER = (
    "select count(*) from {table} where case typeof({column}) when 'text' then julianday({column}) > julianday(?) "
    "when 'integer' then {column} / 86400000.0 + 2440587.5 > julianday(?) end"
)


def survey(url: DatabaseUrl, data: Path, manifest: BackupManifest, tools: Tools) -> Survey:  # noqa: ARG001 - as of every kind
    """Compare the schema with the backup's; nothing is changed, and a damaged file tells nothing."""
    path = url.path or Path()
    try:
        with ScratchFolder("recon-survey-") as folder:
            copy, _ = copy_database(path.resolve(), folder.path)
            with closing(sqlite3.connect(copy)) as live, closing(_reading(data)) as backup:
                return _compared(live, backup, f"{manifest.snapshot_at:%Y-%m-%d %H:%M:%S.%f}"[:-3])
    except sqlite3.Error:
        return Survey()


def _reading(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro&immutable=1", uri=True)


def _compared(live: sqlite3.Connection, backup: sqlite3.Connection, instant: str) -> Survey:
    present, former = set(live.execute(SCHEMA).fetchall()), set(backup.execute(SCHEMA).fetchall())
    known = {(kind, name) for kind, name, _ in former}
    newer = sorted(present - former)
    return Survey(
        differences=tuple(
            SchemaDifference(kind, name, "becomes as in the backup" if (kind, name) in known else "is gone afterwards")
            for kind, name, _ in newer
        ),
        newer_sql=tuple(f"{sql};" for _, _, sql in newer),
        absent=tuple(f"{kind} {name}" for kind, name, _ in sorted(former - present)),
        written={table: found for (table,) in live.execute(TABLES) if (found := _written(live, table, instant))},
    )


def _written(live: sqlite3.Connection, table: str, instant: str) -> WrittenRows | None:
    columns = [name for (name,) in live.execute(COLUMNS, (table,))]
    named = later_than(columns, CREATED), later_than(columns, EDITED)
    if named == (None, None):
        return None
    return WrittenRows(*(_later(live, table, column, instant) for column in named))


def _later(live: sqlite3.Connection, table: str, column: str | None, instant: str) -> int | None:
    if column is None:
        return None
    statement = LATER.format(table=quote(table), column=quote(column))
    (number,) = live.execute(statement, (instant, instant)).fetchone()
    return int(number)


def replace(url: DatabaseUrl, wanted: Replacement, tools: Tools, listener: ReplacingListener) -> float:  # noqa: ARG001
    """Replace the file; arguments and errors as of `replace_file`."""
    return replace_file(url, wanted, _SqliteFile(), listener)


class _SqliteFile:
    logs: tuple[str, ...] = ("-wal", "-shm", "-journal")

    def tables(self, file: Path) -> Mapping[str, TableContent]:
        reading, _ = read_file(file)
        if reading.faults:
            raise RollbackError(
                f"The copy of the backup is damaged ({UNCHANGED})",
                where=str(file),
                found="; ".join(reading.faults[:3]),
                next_step="Check the disk, and the backup: recon backup check",
            )
        return reading.tables

    def record(self, file: Path, statement: str) -> None:
        try:
            with closing(sqlite3.connect(file)) as connection:
                connection.execute(statement)
                connection.commit()
        except sqlite3.Error as error:
            raise RollbackError(
                f"The audit row cannot be written to the copy of the backup ({UNCHANGED})",
                where=str(file),
                found=str(error),
                next_step="See which trigger or constraint of the audit table refuses it",
            ) from error

    def adapt(self, path: Path, beside: Path) -> None:
        """Keep a write-ahead log, where the database has one: an application chooses that once."""
        with path.open("rb") as file:
            is_write_ahead = file.read(20)[18:20] == WRITE_AHEAD
        if is_write_ahead:
            with closing(sqlite3.connect(beside)) as connection:
                connection.execute("pragma journal_mode = wal")

    @contextmanager
    def held(self, file: Path) -> Iterator[Mapping[str, TableContent]]:
        with closing(sqlite3.connect(file, timeout=LOCK_LIMIT_MS / 1000, isolation_level=None)) as connection:
            try:
                connection.execute("pragma locking_mode = exclusive")
                # Without a log, which would otherwise be taken for that of the new file; no other program may have it.
                connection.execute("pragma journal_mode = delete")
                connection.execute("begin exclusive")
            except sqlite3.Error as error:
                raise RollbackError(
                    f"Another program has the database open ({UNCHANGED})",
                    where=str(file)[:300],
                    expected="a lock within two seconds",
                    found=str(error),
                    next_step=CLOSE,
                ) from error
            reading, _ = read_file(file)
            yield reading.tables
            connection.execute("rollback")
