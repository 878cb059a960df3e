"""Backups of SQLite: a consistent copy of the file with its log, its integrity checked, its tables digested."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from recon.backup.contents import (
    BackupReading,
    DatabaseContents,
    Restored,
    RestoredCopy,
    digest_definitions,
    digest_rows,
)
from recon.backup.manifest import BackupManifest, file_content, now
from recon.database import DatabaseUrl
from recon.database.file import require_file
from recon.database.sqlite import copy_database
from recon.errors import BackupError, lack_of_resources
from recon.scratch import ScratchFolder
from recon.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.backup.contents import TableContent, Tools

FILE = "database.sqlite"
SHOWN = 5
# Shadow tables of a virtual one are ordinary tables, and hold its contents.
TABLES = "select name, sql like 'create virtual%' from sqlite_master where type = 'table' and name not like 'sqlite_%'"
OBJECTS = "select type, count(*) from sqlite_master where type <> 'table' and sql is not null group by type"
DEFINITIONS = "select type || ' ' || name, tbl_name, sql from sqlite_master"
# They are set by programs to know the version of their tables.
PRAGMAS = ("user_version", "application_id")
SEQUENCES = "select name, seq from sqlite_sequence"
ROWS = "select * from {table}"
VIRTUAL = "a virtual table, whose contents are in other tables"


def identity(url: DatabaseUrl) -> dict[str, str]:
    """What distinguishes the database from others: SQLite's files have nothing but their place."""
    return {"path": str((url.path or Path()).resolve())}


def contents(url: DatabaseUrl) -> DatabaseContents:
    """Read what the database holds, from a copy that is removed; raises as `create`."""
    path = url.path or Path()
    require_file(path, "SQLite", "sqlite")
    with ScratchFolder("recon-digest-") as folder:
        file = folder.path / FILE
        _copy(path, file)
        reading, objects = _read_whole(file, path)
        definitions, sequences = _definitions(file)
    return DatabaseContents(reading.tables, objects, reading.left_out, definitions, sequences)


def create(url: DatabaseUrl, folder: Path, tools: Tools) -> BackupManifest:  # noqa: ARG001 - as of every kind
    """Write a copy into `folder`, and return its manifest.

    Raises:
        BackupError: The file is locked, damaged, or no database.
        DatabaseError: There is no such file.
        ResourceError: There is no room left on the disk.
    """
    path = url.path or Path()
    require_file(path, "SQLite", "sqlite")
    created_at, file = now(), folder / FILE
    guarantee = _copy(path, file)
    reading, objects = _read_whole(file, path)
    return BackupManifest(
        kind="sqlite",
        database=url.label,
        identity=identity(url),
        snapshot_at=created_at,
        created_at=created_at,
        server=f"SQLite {sqlite3.sqlite_version}",
        tool=f"SQLite {sqlite3.sqlite_version}",
        guarantee=f"{guarantee}; the digests are those of the copy",
        tables=reading.tables,
        files={FILE: file_content(file)},
        objects=objects,
        left_out=reading.left_out,
    )


def _copy(path: Path, file: Path) -> str:
    """Write a consistent copy, without a log beside it; returns how it is consistent.

    Raises:
        BackupError: The file is locked, damaged, or no database.
        ResourceError: There is no room left on the disk.
    """
    folder = file.parent
    try:
        copy, guarantee = copy_database(path.resolve(), folder)
        copy.rename(file)
        with closing(sqlite3.connect(file)) as connection:
            # The log of the copy is part of it, and another could be put beside it.
            connection.execute("pragma journal_mode = delete")
    except (sqlite3.Error, OSError) as error:
        raise lack_of_resources(error) or _unreadable(path, error) from error
    for beside in folder.glob("*-wal"), folder.glob("*-shm"), folder.glob("*-journal"):
        for left in beside:
            left.unlink()
    return guarantee


def _read_whole(file: Path, path: Path) -> tuple[BackupReading, dict[str, int]]:
    """Read a copy of the database at `path`.

    Raises:
        BackupError: It is damaged.
    """
    reading, objects = read_file(file)
    if reading.faults:
        raise _unreadable(path, "; ".join(reading.faults[:SHOWN]))
    return reading, objects


def _unreadable(path: Path, found: object) -> BackupError:
    return BackupError(
        "The SQLite database cannot be backed up",
        where=str(path),
        found=str(found),
        next_step="Check that it is whole (sqlite3 FILE 'pragma integrity_check'), and that no program writes to it",
    )


def read(path: Path, form: str, tools: Tools, manifest: BackupManifest | None) -> BackupReading:  # noqa: ARG001 - as of every kind
    """Check the integrity of a copy, and read all of its tables."""
    reading, _ = read_file(path)
    if path.with_name(path.name + "-wal").exists():
        reading.faults.append("a log (-wal) is beside it, whose changes are not in it")
    return reading


@contextmanager
def restored(
    path: Path,
    form: str,  # noqa: ARG001 - as of every kind
    tools: Tools,  # noqa: ARG001
    server: DatabaseUrl | None,  # noqa: ARG001
    manifest: BackupManifest | None,  # noqa: ARG001
) -> Iterator[RestoredCopy]:
    """Copy the backup to a scratch folder, as a restore does, and open it there for writing.

    Raises:
        ResourceError: There is no room left on the disk.
    """
    start = monotonic()
    with ScratchFolder("recon-restore-") as folder:
        copy = folder.path / FILE
        try:
            shutil.copyfile(path, copy)
            with closing(sqlite3.connect(copy)) as connection:
                connection.execute("create table recon_scratch (empty)")
                connection.execute("drop table recon_scratch")
                connection.commit()
            errors = []
        except sqlite3.Error as error:
            errors = [str(error)]
        yield RestoredCopy(DatabaseUrl("sqlite", path=copy), errors, (monotonic() - start) / 60)


def restore(
    path: Path, form: str, tools: Tools, server: DatabaseUrl | None, manifest: BackupManifest | None
) -> Restored:
    """Copy the backup to a scratch folder, and read what arrived there; raises as `restored`."""
    with restored(path, form, tools, server, manifest) as copy:
        reading, objects = read_file(copy.url.path or path)
        return Restored([*copy.errors, *reading.faults], copy.minutes, reading, objects)


def read_file(file: Path) -> tuple[BackupReading, dict[str, int]]:
    """The contents of a file that nothing writes to, and the number of its other objects."""
    reading, objects = BackupReading(), {}
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            # Text that is not UTF-8 is distinguished from other such text.
            connection.text_factory = _text
            reading.faults += [line for (line,) in connection.execute("pragma integrity_check") if line != "ok"][:SHOWN]
            objects = dict(connection.execute(OBJECTS).fetchall())
            for table, is_virtual in connection.execute(TABLES).fetchall():
                if is_virtual:
                    reading.left_out[table] = VIRTUAL
                else:
                    reading.tables[table] = _content(connection, table)
            reading.is_complete = True
    except sqlite3.Error as error:
        reading.faults.append(str(error))
    return reading, objects


def _definitions(file: Path) -> tuple[dict[str, str], dict[str, int | None]]:
    """How the objects of a whole file are defined, and the last value of each table that counts by itself."""
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        connection.text_factory = _text
        rows = connection.execute(DEFINITIONS).fetchall()
        rows += [(name, *connection.execute(f"pragma {name}").fetchone()) for name in PRAGMAS]
        is_counting = any(name == "table sqlite_sequence" for name, *_ in rows)
        return digest_definitions(rows), dict(connection.execute(SEQUENCES).fetchall()) if is_counting else {}


def _text(value: bytes) -> str:
    return value.decode(errors="surrogateescape")


def _content(connection: sqlite3.Connection, table: str) -> TableContent:
    cursor = connection.execute(ROWS.format(table=quote(table)))
    return digest_rows(_spelled(cursor), tuple(name for name, *_ in cursor.description))


def _spelled(rows: Iterator[tuple[Any, ...]]) -> Iterator[bytes]:
    """Each row with the types of its values: 1, 1.0 and '1' differ."""
    return (repr(row).encode() for row in rows)
