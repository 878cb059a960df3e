"""A backup in the place of what a PostgreSQL database holds: what pg_restore --clean writes, in one transaction.

The script is sent on recon's own connection, so that locks, checks and the record of it are in the same transaction.
"""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import psycopg
from msgspec.structs import replace as replaced

from recon.backup.contents import compare_contents, table_name
from recon.backup.dump_script import DumpScript, statements_of
from recon.backup.postgresql import written_by
from recon.backup.postgresql_schema import Schema, compared
from recon.backup.postgresql_session import SERVICE, DamageError, session
from recon.backup.programs import Child, find_postgresql
from recon.backup.replacing import (
    CREATED,
    EDITED,
    LOCK_LIMIT_MS,
    UNCHANGED,
    WrittenRows,
    instant_text,
    later_than,
    require_equal,
)
from recon.database.exclusion import LOCK_KEY
from recon.database.postgresql_errors import server_words
from recon.errors import BackupError, ReconError, RollbackError
from recon.scratch import ScratchFolder
from recon.sql import literal, named_statements, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from recon.backup.contents import TableContent, Tools
    from recon.backup.manifest import BackupManifest
    from recon.backup.postgresql_session import PostgresqlSession
    from recon.backup.programs import Program
    from recon.backup.replacing import Replacement, ReplacingListener, Survey
    from recon.database import DatabaseUrl

way = (
    "What `pg_restore --clean --if-exists` writes is sent in one transaction that locks every table first, waits for "
    "no lock longer than two seconds, and is committed only if every table has the digest of the manifest"
)
limits = (
    "While it lasts nobody can read or write the tables: others wait, or are ended by their own limits",
    "Tables that are newer than the backup stay; roles, tablespaces and settings of the database are left as they are",
)
STATEMENTS = named_statements(Path(__file__).with_name("postgresql_replacing.sql"))
SUBSCRIPTIONS = "--no-subscriptions"
# An entry of pg_restore --list: numbers, kind, schema or -, name, owner.
ENTRY = re.compile(r"\d+; \d+ \d+ (?P<what>.*)")
# What belongs to the whole database, and is there: others may hang on it.
STANDING = re.compile(r"(?:COMMENT - )?(?:EXTENSION|SUBSCRIPTION)\b|EXTENSION -|COMMENT - SCHEMA ")
SCHEMA_ENTRY = re.compile(r"SCHEMA - (?P<rest>.*)")
NEXT_STEPS = {
    "55P03": "Wait until these sessions have ended, or have the DBA end them, and try again",
    "57014": "Wait until these sessions have ended, or have the DBA end them, and try again",
    "42501": "Use a role that owns the tables, or ask the DBA for the rights that the plan lists",
    "2BP01": "Something newer than the backup depends on what it brings back: drop it by hand, and make the plan again",
    "53100": "Make room on the server's disk, and try again",
    "25006": "Name the primary server, not a standby",
}
WORDS = {
    "55P03": "Another session holds a table, and was waited for no longer than two seconds",
    "57014": "Another session holds a table, and was waited for no longer than two seconds",
    "42501": "This role may not do what the restore needs",
    "53100": "The server has no room left",
}
STALE = "Something was written since the present state was backed up"
AGAIN = "Stop what writes to the database, and make the plan again: recon rollback restore"


def survey(url: DatabaseUrl, data: Path, manifest: BackupManifest, tools: Tools) -> Survey:
    """Compare the schema with the backup's, and find out what else is concerned; nothing is changed.

    Raises:
        BackupError: pg_dump or pg_restore is missing, too old or refused.
        DatabaseError: The server refuses the connection.
    """
    with session(url) as opened, ScratchFolder("recon-service-") as services:
        major, environment = opened.about().major, opened.service(services.path)
        dump = find_postgresql("pg_dump", tools.folder, major)
        restore = find_postgresql("pg_restore", tools.folder, written_by(manifest))
        given = ["--schema-only", "--no-comments", "--no-security-labels", SUBSCRIPTIONS]
        waiting = [f"--lock-wait-timeout={LOCK_LIMIT_MS}", "--no-password", f"--dbname=service={SERVICE}"]
        live = _schema(dump, [*given, *waiting], environment, tools)
        found = compared(live, _schema(restore, [*given, "--file=-", str(data)], {}, tools))
        return _surveyed(opened, found, manifest)


def _schema(program: Program, arguments: list[str], environment: Mapping[str, str], tools: Tools) -> Schema:
    with Child(program, arguments, environment, tools.limit_s) as child:
        statements = statements_of(child.stdout)
        if not child.ended():
            raise BackupError(f"{program.label} could not tell the schema", found="; ".join(child.words[:3]))
    return Schema(statements)


def _surveyed(opened: PostgresqlSession, found: Survey, manifest: BackupManifest) -> Survey:
    owners = [f"alter {kind} {quote(s, n)} owner to {quote(role)}" for kind, s, n, role in _ask(opened, "unowned")]
    creators = [f"grant create on schema {quote(s)} to {quote(role)}" for s, role in _ask(opened, "uncreatable")]
    return replaced(
        found,
        missing_rights=(*owners, *creators),
        remarks=tuple(_remarks(opened)),
        written=_written(opened, manifest.snapshot_at),
    )


def _remarks(opened: PostgresqlSession) -> Iterator[str]:
    ((others,),) = _ask(opened, "others")
    if others:
        words = "one that holds a table for more than two seconds keeps the restore from beginning"
        yield f"Other sessions are connected ({others}): {words}"
    for name, active in _ask(opened, "slots"):
        words = "is read" if active else "is not read now, so that its log is kept on the server's disk"
        yield f"The replication slot {name} gets every restored row as a change; it {words}"
    for (name,) in _ask(opened, "publications"):
        yield f"The publication {name} is brought back as in the backup: its subscribers have to be refreshed"
    for role, settings in _ask(opened, "database_settings"):
        whose = f" of the role {role}" if role else ""
        names = ", ".join(setting.partition("=")[0] for setting in settings)
        yield f"Settings of the database{whose} stay as they are: {names}"


def _written(opened: PostgresqlSession, instant: datetime) -> dict[str, WrittenRows]:
    found = {}
    opened.send(STATEMENTS["read"])
    # A stamp without time zone is taken for UTC, as in all of recon.
    opened.ask("settings")
    for schema, name, columns in _ask(opened, "stamps"):
        created, edited = later_than(columns, CREATED), later_than(columns, EDITED)
        if created or edited:
            statement = STATEMENTS["written"].format(
                table=quote(schema, name), created=_later(created, instant), edited=_later(edited, instant)
            )
            # Of a damaged table nothing is known.
            with suppress(DamageError):
                found[table_name(schema, name)] = _counted(opened, statement)
    opened.connection.rollback()
    return found


def _counted(opened: PostgresqlSession, statement: str) -> WrittenRows:
    try:
        with opened.connection.transaction():
            ((created, edited),) = opened.connection.execute(statement.encode()).fetchall()
    except psycopg.Error as error:
        raise opened.refusal(error) from None
    return WrittenRows(created, edited)


def _later(column: str | None, instant: datetime) -> str:
    return f"count(*) filter (where {quote(column)} > {literal(instant_text(instant))})" if column else "null::bigint"


def _ask(opened: PostgresqlSession, name: str, *values: object) -> list[tuple[Any, ...]]:
    try:
        return opened.connection.execute(STATEMENTS[name].encode(), values or None).fetchall()
    except psycopg.Error as error:
        raise opened.refusal(error) from None


def replace(url: DatabaseUrl, wanted: Replacement, tools: Tools, listener: ReplacingListener) -> float:
    """Bring the backup back in one transaction; returns for how many seconds every table was locked.

    Raises:
        RollbackError: Nothing was changed, for the reason that it names; or it is not known whether it was.
        BackupError: pg_restore is missing or too old; nothing was changed.
        DatabaseError: The server refuses the connection.
    """
    program = find_postgresql("pg_restore", tools.folder, written_by(wanted.manifest))
    with session(url) as opened, ScratchFolder("recon-restore-") as folder:
        entries = folder.path / "entries"
        entries.write_text(entries_of(program, wanted.data, opened, STANDING, tools), encoding="utf-8")
        with all_or_nothing(opened):
            return Restoring(opened, wanted, listener).carry_out(program, entries, tools)


def entries_of(program: Program, data: Path, opened: PostgresqlSession, standing: re.Pattern[str], tools: Tools) -> str:
    """The table of contents for pg_restore, without what stands: schemas that are there, and what the pattern finds."""
    schemas = {name for (name,) in _ask(opened, "schemas")}
    with Child(program, ["--list", str(data)], {}, tools.limit_s) as child:
        lines = child.stdout.read().decode(errors="surrogateescape").splitlines()
        if not child.ended():
            raise BackupError(f"{program.label} could not list the backup", found="; ".join(child.words[:3]))
    return "".join(f"{line}\n" for line in lines if not _stands(line, schemas, standing))


def _stands(line: str, schemas: set[str], standing: re.Pattern[str]) -> bool:
    found = ENTRY.fullmatch(line)
    if found is None:
        return False
    schema = SCHEMA_ENTRY.fullmatch(found["what"])
    # The name is followed by the owner's; either may hold spaces.
    is_there = schema is not None and any(schema["rest"].startswith(f"{name} ") for name in schemas)
    return is_there or bool(standing.match(found["what"]))


@contextmanager
def all_or_nothing(opened: PostgresqlSession) -> Iterator[None]:
    """Turn what the server refuses into an error that says that nothing was changed; the transaction is undone."""
    try:
        yield
    except psycopg.Error as error:
        # Not the whole text: its context quotes the row that was refused.
        words = error.diag.message_primary or server_words(str(error))
        raise _refusal(opened, error.sqlstate or "", opened.url.redact(words)) from None
    except BackupError as error:
        if error.where != opened.url.label:
            raise
        raise RollbackError(
            f"The server refused the restore ({UNCHANGED})", where=error.where, found=error.found
        ) from None
    finally:
        if not opened.connection.closed:
            opened.connection.rollback()


def _refusal(opened: PostgresqlSession, state: str, words: str) -> RollbackError:
    holders = _holders(opened) if state in {"55P03", "57014"} else ""
    what = WORDS.get(state, "The server refused the restore" if state else "The connection ended")
    return RollbackError(
        f"{what} ({UNCHANGED})",
        where=opened.url.label,
        found=holders or words,
        next_step=NEXT_STEPS.get(state, "Do what the message says, and give the same command again"),
    )


def _holders(opened: PostgresqlSession) -> str:
    """The sessions that hold tables, without what they send."""
    try:
        opened.connection.rollback()
        found = _ask(opened, "holders")
    except (psycopg.Error, ReconError):
        return ""
    return "; ".join(
        f"{name} (session {pid}, role {role}) {state or 'unknown'}, for {since or 'an unknown time'}"
        for pid, name, role, state, since in found[:5]
    )


def set_limits(opened: PostgresqlSession, lock_ms: str, statement_ms: str) -> None:
    """Limit for the transaction how long a lock is waited for, and how long a statement may take."""
    opened.connection.execute(STATEMENTS["limits"].encode(), (lock_ms, statement_ms))


def require_only_one(opened: PostgresqlSession, key: int) -> None:
    """Take the lock that keeps those apart who write to the database; raises RollbackError where another has it."""
    if not _ask(opened, "lock", key)[0][0]:
        raise RollbackError(
            f"Another rollback, or an import that takes the same advisory lock, is under way ({UNCHANGED})",
            where=opened.url.label,
            next_step="Wait until it has ended, and try again",
        )


def tables_of(opened: PostgresqlSession) -> str:
    """All tables that are no extension's own, as a list for LOCK TABLE; empty: there are none."""
    return ", ".join(quote(schema, name) for schema, name in _ask(opened, "tables"))


class Restoring:
    """One transaction, in which a backup comes back whole or not at all."""

    cleaning: tuple[str, ...] = ("--clean", "--if-exists", "--no-tablespaces")

    def __init__(self, opened: PostgresqlSession, wanted: Replacement, listener: ReplacingListener) -> None:
        self._opened, self._wanted, self._listener = opened, wanted, listener
        self._connection = opened.connection

    def carry_out(self, program: Program, entries: Path, tools: Tools) -> float:
        """Carry it out; returns for how many seconds every table was locked."""
        began = self._lock()
        self._require_present()
        self._listener.step("Sending the backup")
        for statement in self._wanted.first:
            self._connection.execute(statement.encode())
        for statement in self._wanted.rights:
            self._set_right(statement)
        self._send(program, entries, tools)
        self._listener.step("Comparing every table with the manifest")
        self._require_restored()
        if self._wanted.last:
            self._connection.execute(self._wanted.last.encode())
        self._listener.step("Committing")
        self._commit()
        return monotonic() - began

    def _set_right(self, statement: str) -> None:
        try:
            with self._connection.transaction():
                self._connection.execute(statement.encode())
        except psycopg.errors.InsufficientPrivilege as error:
            self._listener.note(f"This role may not: {statement} ({error.diag.message_primary})")

    def _lock(self) -> float:
        self._listener.step("Locking every table")
        self._connection.execute(STATEMENTS["begin"].encode())
        # All of the tables within that time, not each of them: others queue behind what is locked already.
        limit = str(LOCK_LIMIT_MS)
        set_limits(self._opened, limit, limit)
        require_only_one(self._opened, LOCK_KEY)
        began = monotonic()
        if tables := tables_of(self._opened):
            self._connection.execute(f"lock table {tables} in access exclusive mode".encode())
        set_limits(self._opened, limit, "0")
        return began

    def _require_present(self) -> None:
        if self._wanted.present is None:
            return
        differing = compare_contents(self._wanted.present, self._contents(), self._wanted.damaged)
        require_equal(differing, STALE, self._opened.url.label, AGAIN)

    def _contents(self) -> dict[str, TableContent]:
        self._connection.execute(b"set local client_encoding = 'UTF8'")
        # It also resets how long a statement may take.
        self._opened.ask("settings")
        # A damaged table is one that is missing, to whom it matters.
        tables, _ = self._opened.contents(damaged={})
        return tables

    def _send(self, program: Program, entries: Path, tools: Tools) -> None:
        given = [*self.cleaning, "--single-transaction", SUBSCRIPTIONS]
        arguments = [*given, f"--use-list={entries}", "--file=-", str(self._wanted.data)]
        with Child(program, arguments, {}, tools.limit_s) as child:
            found = DumpScript(child.stdout, self._execute, self._copy).run()
            faults = [*found.faults, *found.commands]
            if not child.ended() or faults or not found.is_complete:
                raise RollbackError(
                    f"The backup was not read to its end ({UNCHANGED})",
                    where=str(self._wanted.data)[:300],
                    found="; ".join((faults or child.words)[:3]) or "no line that says that it is complete",
                    next_step="Check it: recon backup check",
                )

    def _execute(self, statement: bytes) -> None:
        self._connection.execute(statement)

    def _copy(self, statement: bytes, rows: Iterator[bytes]) -> None:
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for piece in rows:
                copy.write(piece)

    def _require_restored(self) -> None:
        wanted, found, where = self._wanted, self._contents(), self._opened.url.label
        manifest = wanted.manifest
        differing = compare_contents(manifest.tables, found, {*manifest.left_out, *wanted.kept})
        check = "Check the backup: recon backup test"
        require_equal(differing, "The backup did not bring back what its manifest says", where, check)
        if wanted.present is not None:
            kept = {name: wanted.present[name] for name in wanted.kept if name in wanted.present}
            standing = compare_contents(kept, {name: found[name] for name in kept if name in found})
            require_equal(standing, "A table that should stay does not", where, AGAIN)
        present = self._opened.sequences()
        for name, values in manifest.sequences.items():
            low, high = sorted((values.before, values.after))
            if not low <= present.get(name, low - 1) <= high:
                raise RollbackError(
                    f"The sequence {name} did not come back ({UNCHANGED})",
                    where=where,
                    expected=str(values.after),
                    found=str(present.get(name)),
                    next_step=check,
                )

    def _commit(self) -> None:
        try:
            self._connection.execute(b"commit")
        except psycopg.OperationalError as error:
            raise RollbackError(
                "The connection ended at the commit, so it is not known whether the backup is in place",
                where=self._opened.url.label,
                found=server_words(self._opened.url.redact(str(error))),
                next_step="Give the same command again when the database answers: it looks first",
            ) from None
