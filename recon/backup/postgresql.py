"""Backups of PostgreSQL: pg_dump at an exported snapshot, pg_restore to read one, a scratch database to prove it."""

from __future__ import annotations

import re
import zlib
from contextlib import contextmanager
from dataclasses import replace
from gzip import BadGzipFile, GzipFile
from subprocess import PIPE
from time import monotonic
from typing import IO, TYPE_CHECKING, cast

from recon.backup.contents import BackupReading, DatabaseContents, Restored, RestoredCopy
from recon.backup.dump_text import read_dump
from recon.backup.manifest import BackupManifest, file_content, now
from recon.backup.postgresql_scratch import definition_of, scratch_database
from recon.backup.postgresql_session import GRANT, SERVICE, UNKNOWN_ENCODING, ranges, session
from recon.backup.programs import Child, find_postgresql
from recon.errors import BackupError
from recon.scratch import ScratchFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recon.backup.contents import Tools
    from recon.backup.postgresql_session import About, PostgresqlSession
    from recon.backup.programs import Program
    from recon.database import DatabaseUrl

DUMP = "database.dump"
LOCK_WAIT_MS = 10_000
GUARANTEE = (
    "pg_dump and the digests read one exported snapshot, held by one REPEATABLE READ READ ONLY transaction with "
    "all tables locked against being emptied or rewritten"
)
LEFT_OUT = {"roles, tablespaces, settings of the database": "a dump of one database does not hold them"}
# What belongs to roles and servers is not restored into a scratch database; a subscription would even begin to work.
RESTORING = (
    "--no-owner",
    "--no-privileges",
    "--no-comments",
    "--no-publications",
    "--no-subscriptions",
    "--no-security-labels",
    "--no-tablespaces",
)


def identity(url: DatabaseUrl) -> dict[str, str]:
    """What distinguishes the database from others."""
    with session(url) as opened:
        return opened.about().identity


def contents(url: DatabaseUrl) -> DatabaseContents:
    """Read what the database holds, in one read-only transaction.

    Raises:
        BackupError: The role may not read a table, or another holds it exclusively.
        DatabaseError: The server refuses the connection.
    """
    with session(url) as opened:
        opened.hold()
        tables, left_out = opened.contents()
        return DatabaseContents(tables, opened.objects(), left_out, opened.definitions(), opened.last_values())


def readable(url: DatabaseUrl) -> DatabaseContents:
    """Read the tables that are not damaged, in one read-only transaction; raises as `contents`."""
    with session(url) as opened:
        opened.hold()
        damaged: dict[str, str] = {}
        tables, left_out = opened.contents(damaged)
        return DatabaseContents(tables, left_out=left_out, damaged=damaged)


def create(url: DatabaseUrl, folder: Path, tools: Tools) -> BackupManifest:
    """Write the dump into `folder`, and return its manifest.

    Raises:
        BackupError: pg_dump is missing, too old, refused or too slow, or the server refuses what a backup needs.
        DatabaseError: The server refuses the connection.
        ResourceError: There is no room left on the disk.
    """
    with ScratchFolder("recon-service-") as services, session(url) as opened:
        about = opened.about()
        program = find_postgresql("pg_dump", tools.folder, about.major)
        created_at, environment = now(), opened.service(services.path)
        before = opened.sequences()
        name, snapshot_at = opened.hold()
        with Child(program, _dumping(folder / DUMP, name, about), environment, tools.limit_s) as child:
            # The program's own connection and this one read the same snapshot at the same time.
            tables, left_out = opened.contents()
            large_objects, objects = opened.large_objects(), opened.objects()
            if not child.ended():
                raise _refused_dump(url, child, program)
        after = _sequences(url)
    unread = {} if large_objects else {"large objects": "this role may not read them all"}
    return BackupManifest(
        kind="postgresql",
        database=url.label,
        identity=about.identity,
        snapshot_at=snapshot_at,
        created_at=created_at,
        server=f"PostgreSQL {about.version}",
        tool=program.label,
        guarantee=GUARANTEE,
        tables=tables,
        files={DUMP: file_content(folder / DUMP)},
        sequences=ranges(before, after),
        large_objects=large_objects,
        objects=objects,
        left_out={**left_out, **unread, **LEFT_OUT},
        settings=about.settings,
    )


def _dumping(file: Path, snapshot: str, about: About) -> list[str]:
    encoding = about.encoding if about.encoding == UNKNOWN_ENCODING else "UTF8"
    return [
        "--format=custom",
        "--compress=1",
        f"--snapshot={snapshot}",
        f"--lock-wait-timeout={LOCK_WAIT_MS}",
        "--no-password",
        f"--file={file}",
        f"--encoding={encoding}",
        f"--dbname=service={SERVICE}",
    ]


def _sequences(url: DatabaseUrl) -> dict[str, int]:
    """The sequences' values now; a new connection, as the snapshot's own shows no sequence that came since."""
    with session(url) as opened:
        return opened.sequences()


def _refused_dump(url: DatabaseUrl, child: Child, program: Program) -> BackupError:
    words = [url.redact(line) for line in child.words]
    refused = any("permission denied" in line or "row-level security" in line for line in words)
    return BackupError(
        f"{program.label} could not write the backup",
        where=url.label,
        found="; ".join(words[:3]) or "no message",
        next_step=GRANT if refused else "Correct what the message names; nothing was kept",
    )


def read(path: Path, form: str, tools: Tools, manifest: BackupManifest | None) -> BackupReading:
    """Read a backup to its end.

    Args:
        path: The file, or the folder of a directory archive.
        form: "custom", "directory", "plain" or "plain, gzip".
        tools: Where pg_restore is, and how long it may take.
        manifest: The manifest that comes with it; None: it was not made by recon.

    Raises:
        BackupError: pg_restore is missing, too old, or too slow.
    """
    if form.startswith("plain"):
        try:
            with _text_of(path, form) as stream:
                return _complete(read_dump(stream))
        except (EOFError, BadGzipFile, zlib.error) as error:
            return BackupReading(faults=[f"it cannot be unpacked to its end: {error}"])
    program = find_postgresql("pg_restore", tools.folder, written_by(manifest))
    with Child(program, ["--file=-", str(path)], {}, tools.limit_s) as child:
        found = read_dump(child.stdout)
        if not child.ended():
            found.faults.append(f"{program.label}: {'; '.join(child.words[:3]) or 'it ended without a message'}")
    # What pg_restore writes is its own; in a custom archive, psql's commands are but text.
    found.commands.clear()
    return _complete(found)


def _complete(found: BackupReading) -> BackupReading:
    if not found.is_complete:
        found.faults.append("the line that says that the dump is complete is missing")
    return found


@contextmanager
def _text_of(path: Path, form: str) -> Iterator[IO[bytes]]:
    with path.open("rb") as file:
        if form == "plain":
            yield file
        else:
            with GzipFile(fileobj=file) as unpacked:
                yield cast("IO[bytes]", unpacked)


def written_by(manifest: BackupManifest | None) -> int:
    """The major version of the pg_dump that wrote the backup; 0: not known."""
    found = re.search(r"(\d+)", manifest.tool) if manifest else None
    return int(found[1]) if found else 0


@contextmanager
def restored(
    path: Path, form: str, tools: Tools, server: DatabaseUrl, manifest: BackupManifest | None
) -> Iterator[RestoredCopy]:
    """Restore a backup into a scratch database on `server`, which is dropped at the end.

    Raises:
        BackupError: The scratch database cannot be created, or a program is missing or too slow.
        DatabaseError: The server refuses the connection.
    """
    definition = definition_of(manifest.settings if manifest else {})
    with scratch_database(server, definition, tools.other_way) as scratch:
        opened, name = scratch.opened, scratch.name
        start = monotonic()
        if form.startswith("plain"):
            with _text_of(path, form) as stream:
                errors = _restore_text(opened, name, stream, tools)
        else:
            errors = _restore_archive(opened, name, path, tools, written_by(manifest))
        minutes = (monotonic() - start) / 60
        yield RestoredCopy(replace(server, name=name), errors, minutes, scratch.others, scratch.swept)


def restore(path: Path, form: str, tools: Tools, server: DatabaseUrl, manifest: BackupManifest | None) -> Restored:
    """Restore a backup into a scratch database on `server`, and read what arrived there; raises as `restored`."""
    with restored(path, form, tools, server, manifest) as copy, session(copy.url) as opened:
        opened.hold()
        tables, left_out = opened.contents()
        return Restored(
            copy.errors,
            copy.minutes,
            BackupReading(tables, left_out=left_out),
            opened.objects(),
            opened.sequences(),
            opened.large_objects(),
            copy.others,
            copy.swept,
        )


def _restore_archive(opened: PostgresqlSession, name: str, path: Path, tools: Tools, version: int) -> list[str]:
    """Restore an archive into the scratch database `name`; returns what pg_restore complained about."""
    program = find_postgresql("pg_restore", tools.folder, version)
    with ScratchFolder("recon-service-") as services:
        arguments = [*RESTORING, "--no-password", f"--dbname=service={SERVICE}", str(path)]
        with Child(program, arguments, opened.service(services.path, name), tools.limit_s) as child:
            is_ok = child.ended()
            errors = [opened.url.redact(line) for line in child.words if "error:" in line]
            return errors or ([] if is_ok else child.words[-3:] or ["it ended without a message"])


def _restore_text(opened: PostgresqlSession, name: str, text: IO[bytes], tools: Tools) -> list[str]:
    """Restore plain SQL, which was found to be free of commands of psql, into the scratch database `name`."""
    program = find_postgresql("psql", tools.folder, 0)
    given = ["-X", "-v", "ON_ERROR_STOP=1", "--single-transaction", "--no-password", "--quiet", "--file=-"]
    with ScratchFolder("recon-service-") as services:
        environment = opened.service(services.path, name)
        arguments = [*given, "--output=/dev/null", f"--dbname=service={SERVICE}"]
        with Child(program, arguments, environment, tools.limit_s, stdin=PIPE) as child:
            child.feed(text)
            is_ok = child.ended()
            return [] if is_ok else [opened.url.redact(line) for line in child.words[:3]] or ["it said nothing"]
