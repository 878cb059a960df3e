"""A backup in a new PostgreSQL database, which takes the name of the present one; that stays whole under another.

Both renames are one transaction, begun while a session holds all tables against writers, and committed when all others
are out: the server keeps newcomers waiting meanwhile. Killed at any moment, the names are as before or as after.
"""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from dataclasses import replace as replaced_url
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import psycopg
from msgspec.structs import replace as replaced

from recon.backup import postgresql_replacing as in_place
from recon.backup.contents import compare_contents
from recon.backup.postgresql import written_by
from recon.backup.postgresql_scratch import scratch_database
from recon.backup.postgresql_session import session
from recon.backup.programs import find_postgresql
from recon.backup.replacing import LOCK_LIMIT_MS, UNCHANGED, FilledDatabase, Survey, require_equal
from recon.database.exclusion import LOCK_KEY
from recon.database.postgresql_errors import server_words
from recon.errors import BackupError, RollbackError
from recon.scratch import ScratchFolder
from recon.sql import literal, named_statements, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recon.backup.contents import Tools
    from recon.backup.manifest import BackupManifest
    from recon.backup.postgresql_session import PostgresqlSession
    from recon.backup.programs import Program
    from recon.backup.replacing import NameExchange, Replacement, ReplacingListener
    from recon.database import DatabaseUrl

way = (
    "The backup is restored into a new database and compared with the manifest there; settings, grants, owner, "
    "connection limit and comment of the database are carried over; then both change names in one transaction, while "
    "nobody is connected"
)
limits = (
    "Nobody may be connected when the names change: apply names who is, and ends them only with --end-sessions",
    "The server needs room for both databases, until the one of before is dropped by hand",
)
STATEMENTS = named_statements(Path(__file__).with_name("postgresql_swap.sql"))
# What the new database cannot have, or has by itself.
STANDING = re.compile(r"(?:COMMENT - )?SUBSCRIPTION\b|COMMENT - EXTENSION")
FATE = "is not in it afterwards; it stays in the database of before"
PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}
# How pg_dump writes these: their value is a list of names, each of them quoted.
LISTS = {
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
}
NAME = re.compile(r'"((?:[^"]|"")*)"|([^\s,"]+)')
PARTS = {
    "datcollate": "collation",
    "datctype": "character types",
    "datlocprovider": "locale provider",
    "datlocale": "locale",
    "daticulocale": "locale",
    "daticurules": "collation rules",
    "datconnlimit": "connection limit",
    "datistemplate": "use as a template",
    "datallowconn": "admission of connections",
}
WAIT_S = 2.0
POLL_S = 0.01
IN_USE = "55006"
CLOSE = "Stop what is connected; or have apply end these sessions with --end-sessions"


def survey(url: DatabaseUrl, data: Path, manifest: BackupManifest, tools: Tools) -> Survey:
    """Compare the schema with the backup's, and find out what an exchange needs; nothing is changed.

    Raises:
        DatabaseError: The server refuses the connection.
    """
    try:
        found = in_place.survey(url, data, manifest, tools)
    except BackupError as error:
        # A catalogue that is damaged keeps nobody from leaving it behind.
        found = Survey(remarks=(f"The schema cannot be compared with the backup's: {error.found or error.what}",))
    with session(url) as opened:
        may_create, may_rename, name, owner, role, size, closed = _ask(opened, "rights")[0]
        rights = [] if may_create else [f"alter role {quote(role)} createdb"]
        rights += [] if may_rename else [f"alter database {quote(name)} owner to {quote(role)}"]
        rights += [f"grant create on tablespace {quote(closed)} to {quote(role)}"] if closed else []
        rights += [f"grant update on table {quote(s, n)} to {quote(who)}" for s, n, who in _ask(opened, "unlockable")]
        if not _ask(opened, "elsewhere"):
            rights.append(f"grant connect on database postgres to {quote(role)}")
        remarks = [*found.remarks, f"The new database needs about as much room as this one: {size}"]
        if owner != role:
            remarks.append(f"The new database gets the owner of this one, {owner}")
        if _ask(opened, "labels")[0][0]:
            remarks.append("Security labels of the database are not carried over")
        return replaced(
            found,
            differences=tuple(replaced(each, fate=FATE) for each in found.differences),
            first=(),
            rights=(),
            kept=(),
            missing_rights=tuple(rights),
            obstacles=tuple(_obstacles(opened)),
            remarks=tuple(each for each in remarks if "stay as they are" not in each),
        )


def _obstacles(opened: PostgresqlSession) -> Iterator[str]:
    for what, name in _ask(opened, "bound"):
        yield f"The {what} {name} belongs to this very database, and would stay with it under its other name"


def oids(url: DatabaseUrl, names: Sequence[str]) -> dict[str, str]:
    """Which of these databases there are, and the oid of each."""
    with session(url) as opened:
        return dict(_ask(opened, "names", list(names)))


def require_alone(url: DatabaseUrl) -> None:
    """Require that nobody else is connected; raises as `exchange`."""
    with session(url) as opened:
        _require_alone(opened, opened.connection.info.dbname, [opened.connection.info.backend_pid])


def _ask(opened: PostgresqlSession, name: str, *values: object) -> list[tuple[Any, ...]]:
    try:
        return opened.connection.execute(STATEMENTS[name].encode(), values or None).fetchall()
    except psycopg.Error as error:
        raise opened.refusal(error) from None


def _elsewhere(url: DatabaseUrl) -> DatabaseUrl:
    """The address of another database of the server: none can be renamed from within."""
    with session(url) as opened:
        found = _ask(opened, "elsewhere")
    if not found:
        raise RollbackError(
            f"No other database of the server admits this role ({UNCHANGED})",
            where=url.label,
            expected="postgres or template1",
            next_step="Ask the DBA: grant connect on database postgres to this role",
        )
    return replaced_url(url, name=found[0][0])


class _Filling(in_place.Restoring):
    """One transaction in a database that is empty."""

    cleaning = ()

    def carry_out(self, program: Program, entries: Path, tools: Tools) -> float:
        """Carry it out; returns how many seconds it took."""
        began = monotonic()
        self._connection.execute(b"begin")
        self._send(program, entries, tools)
        self._listener.step("Comparing every table with the manifest")
        self._require_restored()
        self._connection.execute(b"commit")
        # Nobody gathers what the planner has to know of it before it is in use.
        self._connection.execute(b"analyze")
        return monotonic() - began


@contextmanager
def filled(
    url: DatabaseUrl, wanted: Replacement, tools: Tools, listener: ReplacingListener
) -> Iterator[FilledDatabase]:
    """A new database with the encoding, locale, owner and tablespace of the present one, that holds the backup.

    Raises:
        RollbackError: The backup does not come back as in its manifest, or the server refuses it.
        BackupError: This role may not create a database, or pg_restore is missing or too old.
        DatabaseError: The server refuses the connection.
    """
    program = find_postgresql("pg_restore", tools.folder, written_by(wanted.manifest))
    server = _elsewhere(url)
    with session(url) as opened:
        definition = _definition(opened, opened.connection.info.dbname)
    with scratch_database(server, definition, "make the plan without --swap") as scratch:
        beside = replaced_url(url, name=scratch.name)
        scratch.opened.send(f"revoke all on database {quote(scratch.name)} from public")
        with session(beside) as opened, ScratchFolder("recon-restore-") as folder, in_place.all_or_nothing(opened):
            entries = folder.path / "entries"
            entries.write_text(in_place.entries_of(program, wanted.data, opened, STANDING, tools), encoding="utf-8")
            _Filling(opened, wanted, listener).carry_out(program, entries, tools)
        yield FilledDatabase(beside, scratch.swept, scratch.others)


def _definition(opened: PostgresqlSession, name: str) -> str:
    row, encoding, owner, tablespace, _ = _ask(opened, "definition", name)[0]
    parts = [
        f"template template0 encoding {literal(encoding)} owner {quote(owner)}",
        f"lc_collate {literal(row['datcollate'])} lc_ctype {literal(row['datctype'])}",
    ]
    # Whoever may create databases may do so in the usual tablespace, as long as it is not named.
    if tablespace:
        parts.append(f"tablespace {quote(tablespace)}")
    provider = PROVIDERS.get(row.get("datlocprovider", ""))
    if provider:
        parts.append(f"locale_provider {provider}")
    locale = row.get("datlocale") or row.get("daticulocale")
    if provider in {"icu", "builtin"} and locale:
        parts.append(f"{provider}_locale {literal(locale)}")
    if row.get("daticurules"):
        parts.append(f"icu_rules {literal(row['daticurules'])}")
    return " ".join(parts)


def carry_over(url: DatabaseUrl, filled: FilledDatabase, statement: str | None) -> None:
    """Execute a statement in the new database, and give it the settings and grants of the present one.

    Raises:
        RollbackError: The server refuses that, or the new database is not as the present one afterwards.
    """
    if statement:
        record(filled.url, statement)
    with session(_elsewhere(url)) as opened:
        with session(url) as live:
            name = live.connection.info.dbname
        try:
            for each in _carried(opened, name, filled.url.name):
                opened.send(each)
        except BackupError as error:
            raise RollbackError(
                f"Settings and grants cannot be carried over to the new database ({UNCHANGED})",
                where=url.label,
                found=error.found,
                next_step="Use a role that may set and grant them, or make the plan without --swap",
            ) from None
        differing = [each for each in _unlike(opened, name, filled.url.name) if each != "comment"]
    if differing:
        raise RollbackError(
            f"The new database is not as the present one ({UNCHANGED})",
            where=url.label,
            expected="the same settings, grants, owner and limits",
            found=f"others: {', '.join(differing)}",
            next_step="Use a role that may set and grant them, or make the plan without --swap",
        )


def record(url: DatabaseUrl, statement: str) -> None:
    """Execute a statement.

    Raises:
        RollbackError: The server refuses it.
    """
    with session(url) as opened, in_place.all_or_nothing(opened):
        opened.connection.execute(statement.encode())


def _carried(opened: PostgresqlSession, live: str, other: str) -> Iterator[str]:
    """The statements that give a new database what belongs to the one that it replaces."""
    row, *_ = _ask(opened, "definition", live)[0]
    new, owner = quote(other), _ask(opened, "definition", live)[0][2]
    for role, settings in _ask(opened, "settings", live):
        whose = f"alter role {quote(role)} in database {new}" if role else f"alter database {new}"
        for setting in settings:
            name, _, value = setting.partition("=")
            yield f"{whose} set {quote(*name.split('.'))} to {_value(name, value)}"
    if _ask(opened, "grants", live) != _ask(opened, "grants", other):
        yield f"revoke all on database {new} from public, {quote(owner)}"
        for grantee, privilege, grantable in _ask(opened, "grants", live):
            to = quote(grantee) if grantee else "public"
            yield f"grant {privilege} on database {new} to {to}{' with grant option' if grantable else ''}"
    if row["datistemplate"]:
        yield f"alter database {new} is_template true"
    if row["datconnlimit"] != -1:
        yield f"alter database {new} connection limit {int(row['datconnlimit'])}"


def _value(name: str, value: str) -> str:
    if name.lower() not in LISTS:
        return literal(value)
    found = [literal(quoted.replace('""', '"') or plain) for quoted, plain in NAME.findall(value)]
    return ", ".join(found) or "''"


def unlike(url: DatabaseUrl, other: str) -> list[str]:
    """What differs between a database and another on its server."""
    with session(url) as opened:
        return _unlike(opened, opened.connection.info.dbname, other)


def _unlike(opened: PostgresqlSession, name: str, other: str) -> list[str]:
    first, second = _ask(opened, "definition", name), _ask(opened, "definition", other)
    if not first or not second:
        return ["its presence"]
    rows = first[0][0], second[0][0]
    parts = [words for key, words in PARTS.items() if rows[0].get(key) != rows[1].get(key)]
    titles = ("encoding", "owner", "tablespace", "comment")
    parts += [words for words, one, two in zip(titles, first[0][1:], second[0][1:], strict=True) if one != two]
    parts += [words for words in ("grants", "settings") if _ask(opened, words, name) != _ask(opened, words, other)]
    return parts


def exchange(url: DatabaseUrl, wanted: NameExchange, listener: ReplacingListener) -> float:
    """NameExchange the names of two databases in one transaction; returns for how many seconds nobody could use them.

    Raises:
        RollbackError: Nothing was changed, for the reason that it names; or it is not known whether it was.
        DatabaseError: The server refuses the connection.
    """
    with session(_elsewhere(url)) as outside, session(url) as inside, in_place.all_or_nothing(inside):
        return _Exchanging(outside, inside, wanted, listener).carry_out()


class _Exchanging:
    """One exchange: `outside` renames, while `inside` holds the tables until nobody else can come in."""

    def __init__(
        self, outside: PostgresqlSession, inside: PostgresqlSession, wanted: NameExchange, listener: ReplacingListener
    ) -> None:
        self._outside, self._inside, self._wanted, self._listener = outside, inside, wanted, listener
        self._name = inside.connection.info.dbname
        self._own = [each.connection.info.backend_pid for each in (outside, inside)]
        self._refused: psycopg.Error | None = None

    def carry_out(self) -> float:
        self._listener.step("Comparing the present database with the plan")
        seen = self._see()
        self._listener.step("Holding the database")
        self._admit_nobody_else(self._outside)
        began = self._hold(seen)
        self._listener.step("Renaming")
        connection = self._outside.connection
        try:
            self._rename()
            self._listener.step("Committing")
            self._commit()
        finally:
            if not connection.closed:
                connection.rollback()
        return monotonic() - began

    def _admit_nobody_else(self, opened: PostgresqlSession) -> None:
        if not self._wanted.ends_sessions:
            _require_alone(opened, self._name, self._own)
            return
        deadline = monotonic() + WAIT_S
        while holders := _holders(opened, self._name, self._own):
            for pid, *_ in holders:
                self._end(opened, pid)
            if monotonic() > deadline:
                raise _in_use(opened, holders)
            sleep(POLL_S)

    def _end(self, opened: PostgresqlSession, pid: int) -> None:
        try:
            _ask(opened, "end", pid)
        except BackupError as error:
            raise RollbackError(
                f"This role may not end the sessions of others ({UNCHANGED})",
                where=opened.url.label,
                expected="grant pg_signal_backend to this role; a superuser's sessions, only a superuser ends",
                found=error.found,
                next_step="Ask the DBA for this right, or to end them",
            ) from None

    def _see(self) -> tuple[int, int]:
        """Require that the database is as it should be; returns which transactions had ended by then."""
        connection = self._inside.connection
        connection.execute(in_place.STATEMENTS["read"].encode())
        seen = self._seen()
        self._require_present()
        connection.rollback()
        return seen

    def _seen(self) -> tuple[int, int]:
        ((first, end),) = _ask(self._inside, "seen")
        return int(first), int(end)

    def _require_present(self) -> None:
        self._inside.connection.execute(b"set local client_encoding = 'UTF8'")
        self._inside.ask("settings")
        found, _ = self._inside.contents(damaged={})
        differing = compare_contents(self._wanted.present, found, self._wanted.damaged)
        require_equal(differing, in_place.STALE, self._inside.url.label, in_place.AGAIN)

    def _hold(self, seen: tuple[int, int]) -> float:
        """Keep writers out, and require that none was there since."""
        connection, limit = self._inside.connection, str(LOCK_LIMIT_MS)
        connection.execute(in_place.STATEMENTS["begin"].encode())
        in_place.set_limits(self._inside, limit, limit)
        in_place.require_only_one(self._inside, LOCK_KEY)
        began = monotonic()
        if tables := in_place.tables_of(self._inside):
            connection.execute(STATEMENTS["lock"].format(tables=tables).encode())
        in_place.set_limits(self._inside, limit, "0")
        # Whoever wrote since would be a transaction that has ended by now: the locks were waited for.
        if seen[0] != seen[1] or self._seen() != seen:
            self._require_present()
        return began

    def _rename(self) -> None:
        """Begin the renames; the session inside leaves when the server lets nobody in any more."""
        connection = self._outside.connection
        connection.execute(in_place.STATEMENTS["begin"].encode())
        _ask(self._outside, "limit", str(LOCK_LIMIT_MS))
        renaming = Thread(target=self._rename_live, name="recon-rename", daemon=True)
        renaming.start()
        try:
            while renaming.is_alive() and not self._is_held():
                sleep(POLL_S)
            if self._wanted.ends_sessions and renaming.is_alive():
                self._admit_nobody_else_inside()
            self._inside.connection.close()
            renaming.join()
        finally:
            if renaming.is_alive():
                with suppress(psycopg.Error):
                    connection.cancel()
                renaming.join()
        if self._refused is not None:
            raise self._refusal(self._refused)
        with self._refusing():
            connection.execute(_renamed(self._wanted.incoming, self._name))
            if self._wanted.is_new:
                self._say()

    def _rename_live(self) -> None:
        try:
            self._outside.connection.execute(_renamed(self._name, self._wanted.outgoing))
        except psycopg.Error as error:
            self._refused = error

    def _is_held(self) -> bool:
        return bool(_ask(self._inside, "is_held", self._name, self._own[0])[0][0])

    def _admit_nobody_else_inside(self) -> None:
        """End those who came since; what a transaction sees of others stays as it was unless it is forgotten."""
        _ask(self._inside, "forget")
        for pid, *_ in _holders(self._inside, self._name, self._own):
            self._end(self._inside, pid)

    def _say(self) -> None:
        """Carry the comment over, in the place of the one that says that it is recon's own."""
        comment = _ask(self._outside, "definition", self._wanted.outgoing)[0][4]
        words = "null" if comment is None else literal(comment)
        statement = STATEMENTS["comment"].format(name=quote(self._name), words=words)
        self._outside.connection.execute(statement.encode())

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            raise self._refusal(error) from None

    def _refusal(self, error: psycopg.Error) -> RollbackError:
        opened = self._outside
        with suppress(psycopg.Error):
            opened.connection.rollback()
        words = opened.url.redact(error.diag.message_primary or server_words(str(error)))
        if error.sqlstate == IN_USE:
            with suppress(BackupError):
                return _in_use(opened, _holders(opened, self._name, self._own), words)
        return RollbackError(
            f"The server refused to exchange the databases ({UNCHANGED})",
            where=opened.url.label,
            found=words,
            next_step="Do what the message says, and give the same command again",
        )

    def _commit(self) -> None:
        try:
            self._outside.connection.execute(b"commit")
        except psycopg.OperationalError as error:
            raise RollbackError(
                "The connection ended at the commit, so it is not known which database is in place",
                where=self._outside.url.label,
                found=server_words(self._outside.url.redact(str(error))),
                next_step="Give the same command again when the server answers: it looks first",
            ) from None


def _renamed(name: str, other: str) -> bytes:
    return STATEMENTS["rename"].format(name=quote(name), other=quote(other)).encode()


def _holders(opened: PostgresqlSession, name: str, own: list[int]) -> list[tuple[Any, ...]]:
    return _ask(opened, "holders", name, own)


def _require_alone(opened: PostgresqlSession, name: str, own: list[int]) -> None:
    """Require that nobody else is connected, after sessions that are just ending have had their time."""
    deadline = monotonic() + WAIT_S
    while holders := _holders(opened, name, own):
        if monotonic() > deadline:
            raise _in_use(opened, holders)
        sleep(POLL_S * 10)


def _in_use(opened: PostgresqlSession, holders: list[tuple[Any, ...]], words: str = "") -> RollbackError:
    named = "; ".join(f"{name} (session {pid}, role {role}) {state}" for pid, name, role, state in holders[:5])
    return RollbackError(
        f"Others are connected to the database ({UNCHANGED})",
        where=opened.url.label,
        expected="nobody else",
        found=named or words or "others",
        next_step=CLOSE,
    )
