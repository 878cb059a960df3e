"""Backups of MySQL and MariaDB: dump program and digests read one instant, for which writers wait briefly."""

from __future__ import annotations

import re
import shutil
import zlib
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from gzip import BadGzipFile, GzipFile
from pathlib import Path
from secrets import token_hex
from subprocess import PIPE
from time import monotonic
from typing import IO, TYPE_CHECKING, cast

from recon.background import await_result, start
from recon.backup.contents import BackupReading, DatabaseContents, Restored, RestoredCopy
from recon.backup.manifest import BackupManifest, file_content, now
from recon.backup.mysql_places import SCRATCH, clear_scratch, hold_scratch
from recon.backup.mysql_session import GRANT, MysqlSession, mysql_session, quoted
from recon.backup.mysql_text import read_mysql_dump, tables_alone
from recon.backup.programs import Child, Program, program_version
from recon.errors import BackupError
from recon.scratch import ScratchFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.backup.contents import Tools
    from recon.database import DatabaseUrl

FILE = "database.sql"
WORD = re.compile(r"\w+")
SNAPSHOT_ENGINES = frozenset(("InnoDB", "ROCKSDB"))
# What both programs know; a table space would need a right that a backup does not.
DUMPING = (
    "--single-transaction",
    "--routines",
    "--triggers",
    "--hex-blob",
    "--no-tablespaces",
    "--default-character-set=utf8mb4",
    "--skip-lock-tables",
)
BEGUN = re.compile(rb"^-- (?:Table structure for table|Dump completed)|^CREATE TABLE ", re.MULTILINE)
BRIEF = (
    "all tables were locked against writing until the dump program and the digests each had a REPEATABLE READ snapshot "
    "of the same instant"
)
WHOLE = "all tables were locked against writing until dump and digests were done, as some know no snapshots: {tables}"
LEFT_OUT = {
    "events, users and grants": "the dump does not hold them",
    "values in the dump": "rows are counted in it; their digests are compared after a restore (recon backup test)",
}


def identity(url: DatabaseUrl) -> dict[str, str]:
    """What distinguishes the database from others."""
    with mysql_session(url) as opened:
        return opened.identity


def contents(url: DatabaseUrl) -> DatabaseContents:
    """Read what the database holds; of tables whose engine knows snapshots, at one instant.

    Raises:
        BackupError: The user may not read a table.
        DatabaseError: The server refuses the connection.
    """
    with mysql_session(url) as opened:
        opened.hold()
        tables, objects = opened.contents(), opened.objects()
        definitions, sequences = opened.definitions()
        return DatabaseContents(tables, objects, definitions=definitions, sequences=sequences)


def create(url: DatabaseUrl, folder: Path, tools: Tools) -> BackupManifest:
    """Write the dump into `folder`, and return its manifest.

    Raises:
        BackupError: The dump program is missing, refused or too slow, or the server refuses what a backup needs.
        DatabaseError: The server refuses the connection.
        ResourceError: There is no room left on the disk.
    """
    created_at = now()
    with ScratchFolder("recon-options-") as options, mysql_session(url) as locking, mysql_session(url) as opened:
        program, is_mariadb = _program("dump", tools, is_mariadb=opened.is_mariadb)
        first, environment = opened.options(options.path, is_mariadb=is_mariadb)
        own = () if is_mariadb else ("--loose-set-gtid-purged=OFF", "--loose-column-statistics=0")
        engines = locking.tables()
        plain = [name for name, engine in engines.items() if engine not in SNAPSHOT_ENGINES]
        locking.lock(list(engines))
        opened.hold()
        snapshot_at = datetime.fromtimestamp(opened.seconds, UTC)
        arguments = [first, *DUMPING, *own, url.name]
        with (folder / FILE).open("xb") as file, Child(program, arguments, environment, tools.limit_s) as child:
            if not _copy_until_begun(child.stdout, file):
                child.ended()
                raise _refused(url, child, program)
            if not plain:
                locking.unlock()
            copying = start(lambda: shutil.copyfileobj(child.stdout, file))
            tables = opened.contents()
            await_result(copying)
            if not child.ended():
                raise _refused(url, child, program)
        objects, settings = opened.objects(), opened.settings
        kind = "MariaDB" if opened.is_mariadb else "MySQL"
        return BackupManifest(
            kind="mysql",
            database=url.label,
            identity=opened.identity,
            snapshot_at=snapshot_at,
            created_at=created_at,
            server=f"{kind} {opened.version}",
            tool=program.label,
            guarantee=WHOLE.format(tables=", ".join(plain)) if plain else BRIEF,
            tables=tables,
            files={FILE: file_content(folder / FILE)},
            objects=objects,
            left_out=LEFT_OUT,
            settings=settings,
        )


def _copy_until_begun(stdout: IO[bytes], file: IO[bytes]) -> bool:
    """Copy the beginning of the dump; whether it came to its first table, by when it has its snapshot."""
    for line in stdout:
        file.write(line)
        if BEGUN.match(line):
            return True
    return False


def _program(verb: str, tools: Tools, *, is_mariadb: bool) -> tuple[Program, bool]:
    """Find the dump program or the client, of the server's own make if both are there; whether it is MariaDB's.

    Raises:
        BackupError: There is none.
    """
    names = {"dump": ("mariadb-dump", "mysqldump"), "client": ("mariadb", "mysql")}[verb]
    where = str(tools.folder) if tools.folder else None
    for name in names if is_mariadb else names[::-1]:
        path = shutil.which(name, path=where)
        version = path and program_version(Path(path))
        if path and version:
            return Program(name, Path(path), version), Path(path).resolve().name.startswith("mariadb")
    raise BackupError(
        f"{' or '.join(names)} was not found",
        where=where or "the PATH",
        next_step="Install the client programs (Debian, Ubuntu: mariadb-client or mysql-client)",
    )


def _refused(url: DatabaseUrl, child: Child, program: Program) -> BackupError:
    words = [url.redact(line) for line in child.words]
    return BackupError(
        f"{program.label} could not write the backup",
        where=url.label,
        found="; ".join(words[:3]) or "no message",
        next_step=GRANT if any("denied" in line for line in words) else "Correct what the message names",
    )


def read(path: Path, form: str, tools: Tools, manifest: BackupManifest | None) -> BackupReading:  # noqa: ARG001 - as of every kind
    """Read a dump to its end and count its rows."""
    try:
        with text_of(path, form) as text:
            return read_mysql_dump(text)
    except (EOFError, BadGzipFile, zlib.error) as error:
        return BackupReading(faults=[f"it cannot be unpacked to its end: {error}"])


@contextmanager
def restored(
    path: Path,
    form: str,
    tools: Tools,
    server: DatabaseUrl,
    manifest: BackupManifest | None,
) -> Iterator[RestoredCopy]:
    """Restore a backup into a scratch database on `server`, which is dropped at the end.

    Of a dump that others made, only tables and their rows: what else is in it could reach beyond the database.

    Raises:
        BackupError: The scratch database cannot be created, or the client is missing or slow.
        DatabaseError: The server refuses the connection.
    """
    with (
        text_of(path, form) as text,
        _scratch_database(server, manifest.settings if manifest else None, tools.other_way) as (opened, name),
    ):
        begun = monotonic()
        errors = load(opened, name, text if manifest else tables_alone(text), tools)
        yield RestoredCopy(replace(server, name=name), errors, (monotonic() - begun) / 60)


def restore(
    path: Path,
    form: str,
    tools: Tools,
    server: DatabaseUrl,
    manifest: BackupManifest | None,
) -> Restored:
    """Restore a backup of recon's own into a scratch database on `server`, and read what arrived there.

    Raises:
        BackupError: It is not recon's own, the scratch database cannot be created, or the client is missing or slow.
        DatabaseError: The server refuses the connection.
    """
    if manifest is None:
        raise BackupError(
            "A dump of MySQL that others made is not restored",
            where=str(path),
            found="SQL that could name other databases than the scratch database",
            next_step="Make one of recon's own: recon backup create",
        )
    with restored(path, form, tools, server, manifest) as copy, mysql_session(copy.url) as opened:
        opened.hold()
        return Restored(copy.errors, copy.minutes, BackupReading(opened.contents()), opened.objects())


@contextmanager
def text_of(path: Path, form: str) -> Iterator[IO[bytes]]:
    """The SQL of a dump, unpacked."""
    with path.open("rb") as file:
        if form == "plain":
            yield file
        else:
            with GzipFile(fileobj=file) as unpacked:
                yield cast("IO[bytes]", unpacked)


def load(opened: MysqlSession, name: str, text: IO[bytes], tools: Tools) -> list[str]:
    """Feed SQL to the client, in the database of that name; returns what went wrong.

    Raises:
        BackupError: The client is missing, or slow.
    """
    program, is_mariadb = _program("client", tools, is_mariadb=opened.is_mariadb)
    with ScratchFolder("recon-options-") as options:
        first, environment = opened.options(options.path, is_mariadb=is_mariadb)
        # In this mode the client obeys no command of its own within the text but that of the delimiter.
        arguments = [first, "--binary-mode", "--default-character-set=utf8mb4", f"--database={name}"]
        with Child(program, arguments, environment, tools.limit_s, stdin=PIPE) as child:
            child.feed(text)
            is_ok = child.ended()
            # Before its error the client shows the statement, which may hold personal data.
            words = [line for line in child.words if line.startswith("ERROR")] or child.words
            return [] if is_ok else [opened.url.redact(line) for line in words[:3]] or ["it said nothing"]


@contextmanager
def _scratch_database(
    server: DatabaseUrl, settings: dict[str, str] | None, other_way: str
) -> Iterator[tuple[MysqlSession, str]]:
    """A new, empty database; it is dropped at the end, whatever happens; `settings`: None: the server's own."""
    name = f"{SCRATCH}{token_hex(8)}"
    clear_scratch(server)
    with mysql_session(server) as opened:
        try:
            hold_scratch(opened, name)
            _create_scratch(opened, name, characters_of(settings, server), other_way)
            yield opened, name
        finally:
            # The name's 64 random bits are this process's own: what has it was made here.
            with mysql_session(server) as dropping:
                dropping.run("set session transaction read write")
                dropping.run(f"drop database if exists {quoted(name)}")


def characters_of(settings: dict[str, str] | None, server: DatabaseUrl) -> str:
    """The character set and collation of the new database, as its statement names them."""
    if settings is None:
        return ""
    words = [settings.get("characters", ""), settings.get("collation", "")]
    if not all(WORD.fullmatch(word) for word in words):
        raise BackupError("The manifest names no character set and collation", where=server.label)
    return f" character set {words[0]} collate {words[1]}"


def _create_scratch(opened: MysqlSession, name: str, characters: str, other_way: str) -> None:
    try:
        opened.run("set session transaction read write")
        opened.run(f"create database {quoted(name)}{characters}")
    except BackupError as error:
        raise BackupError(
            "The scratch database cannot be created",
            where=opened.url.label,
            found=error.found,
            next_step=f"Ask the DBA: grant all on `{SCRATCH}%`.* to this user; or {other_way}",
        ) from None
