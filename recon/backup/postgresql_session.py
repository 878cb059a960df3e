"""One transaction of a PostgreSQL database: its contents at one instant, and how programs reach the same server."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from recon.backup.contents import TableContent, digest_definitions, digest_rows, table_name
from recon.backup.manifest import SequenceRange
from recon.database.child_environment import LIBPQ, child_environment
from recon.database.postgresql import as_reached, conninfo
from recon.database.postgresql_errors import kind_of, reading_advice, server_words
from recon.database.postgresql_identity import read_identity
from recon.database.postgresql_refusal import refusal
from recon.errors import BackupError
from recon.sql import named_statements, quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.database import DatabaseUrl

STATEMENTS = named_statements(Path(__file__).with_name("postgresql.sql"))
OLDEST = 12
LOCK_WAIT_MS = 10_000
SERVICE = "recon"
UNKNOWN_ENCODING = "SQL_ASCII"
# Beyond what pg_dump sets by itself, a value's text depends on these settings of the role or the database.
OPTIONS = "-c TimeZone=UTC -c bytea_output=hex -c lc_monetary=C"
GRANT = "Ask the DBA to grant this role SELECT on all tables (grant pg_read_all_data to …), past row security"
# Classes of SQLSTATE: an internal error, which damage of a page or an index is; an error of the file system.
DAMAGE = ("XX", "58")
NEUTRAL = {"sslcertmode": "allow", "sslnegotiation": "postgres", "load_balance_hosts": "disable", "gssdelegation": "0"}


class DamageError(BackupError):
    """The server cannot read what it keeps on its disk."""


@dataclass(frozen=True)
class About:
    """A database and its server; `identity` distinguishes it from other databases."""

    version: str
    major: int
    encoding: str
    collate: str
    ctype: str
    is_superuser: bool
    identity: dict[str, str]

    @property
    def settings(self) -> dict[str, str]:
        """What a database that takes its backup needs."""
        return {"encoding": self.encoding, "collate": self.collate, "ctype": self.ctype}


class PostgresqlSession:
    """A connection to a database.

    Attributes:
        url: The address, as given.
        connection: In autocommit.
        encryption: Whether the connection is encrypted, in a few words.
    """

    def __init__(self, url: DatabaseUrl, connection: psycopg.Connection, address: str, encryption: str) -> None:
        self.url, self.encryption = url, encryption
        self.connection, self._address = connection, address

    def about(self) -> About:
        """What database this is; not within a transaction."""
        version, major, encoding, collate, ctype, superuser = self.ask("about")[0]
        if major < OLDEST:
            raise BackupError(
                "The server is too old", where=self.url.label, expected=f"PostgreSQL {OLDEST}", found=version
            )
        try:
            identity = read_identity(self.connection)
        except psycopg.Error as error:
            raise self.refusal(error) from None
        return About(version.split()[0], major, encoding, collate, ctype, superuser == "on", identity)

    def hold(self) -> tuple[str, datetime]:
        """Begin the transaction; returns the exported snapshot's name, and the server's clock.

        Tables are locked first, against being emptied or rewritten: a snapshot does not protect from that.
        """
        tables = [quote(schema, name) for schema, name, _, reason in self.ask("listed") if reason is None]
        self.send(f"set lock_timeout = {LOCK_WAIT_MS}")
        self.send(STATEMENTS["begin"])
        if tables:
            self.send(STATEMENTS["lock"].format(tables=", ".join(tables)))
        name, seconds = self.ask("snapshot")[0]
        self.ask("settings")
        return name, datetime.fromtimestamp(seconds, UTC)

    def contents(self, damaged: dict[str, str] | None = None) -> tuple[dict[str, TableContent], dict[str, str]]:
        """Rows and digest of each table, and the tables that are left out, with the reason.

        Args:
            damaged: Receives the tables that are damaged, with what the server says; None: one is an error.
        """
        tables, left_out = {}, {}
        listed = self.ask("listed")
        with self._bytes_as_they_are():
            for schema, name, columns, reason in listed:
                if reason is None:
                    with self._sparing(table_name(schema, name), damaged):
                        tables[table_name(schema, name)] = self._content(schema, name, tuple(columns))
                else:
                    left_out[table_name(schema, name)] = reason
        return tables, left_out

    @contextmanager
    def _sparing(self, table: str, damaged: dict[str, str] | None) -> Iterator[None]:
        """Go on with the transaction where a table is damaged."""
        if damaged is None:
            yield
            return
        try:
            with self.connection.transaction():
                yield
        except DamageError as error:
            damaged[table] = error.found or error.what

    @contextmanager
    def _bytes_as_they_are(self) -> Iterator[None]:
        """Have bytes of a database that does not know their encoding sent as they are, and not be refused."""
        is_unknown = self.ask("encoding") == [(UNKNOWN_ENCODING,)]
        if is_unknown:
            self.send(f"set local client_encoding = '{UNKNOWN_ENCODING}'")
        yield
        if is_unknown:
            self.send("set local client_encoding = 'UTF8'")

    def _content(self, schema: str, name: str, columns: tuple[str, ...]) -> TableContent:
        statement = STATEMENTS["rows"].format(table=quote(schema, name), columns=", ".join(map(quote, columns)))
        return self._digest(statement if columns else statement.replace(" ()", ""), columns)

    def _digest(self, statement: str, columns: tuple[str, ...]) -> TableContent:
        try:
            with self.connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
                # libpq hands over one row at a time.
                return digest_rows(map(bytes, copy), columns)
        except psycopg.Error as error:
            raise self.refusal(error) from None

    def large_objects(self) -> TableContent | None:
        """Number and digest of the large objects; None where this role may not read them all."""
        try:
            with self.connection.transaction():
                statement = STATEMENTS["large_objects"].encode()
                with self.connection.cursor() as cursor, cursor.copy(statement) as copy:
                    return digest_rows(map(bytes, copy), ("oid", "sha256"))
        except psycopg.Error:
            return None

    def sequences(self) -> dict[str, int]:
        """The last value of each sequence, which no snapshot holds still."""
        return {table_name(schema, name): value for schema, name, value in self.ask("sequences") if value is not None}

    def definitions(self) -> dict[str, str]:
        """A digest of each object's definition, by kind and name."""
        rows = self.ask("definitions")
        return digest_definitions((f"{kind} {table_name(*filter(None, name))}", said) for kind, *name, said in rows)

    def last_values(self) -> dict[str, int | None]:
        """The last value of each sequence, which no snapshot holds still; None: it has not been used."""
        return {table_name(schema, name): value for schema, name, value in self.ask("last_values")}

    def objects(self) -> dict[str, int]:
        """Number of objects by kind."""
        return dict(self.ask("objects"))

    def ask(self, name: str, *values: str) -> list[tuple[Any, ...]]:
        """The rows of a statement of `postgresql.sql`."""
        try:
            return self.connection.execute(STATEMENTS[name].encode(), values or None).fetchall()
        except psycopg.Error as error:
            raise self.refusal(error) from None

    def run(self, statement: str, **parts: str) -> None:
        """Execute a statement of `postgresql.sql` with these quoted parts."""
        self.send(STATEMENTS[statement].format(**parts))

    def send(self, sql: str) -> None:
        """Execute statements that return nothing."""
        try:
            self.connection.execute(sql.encode())
        except psycopg.Error as error:
            raise self.refusal(error) from None

    def refusal(self, error: psycopg.Error) -> BackupError:
        """The error for a statement that the server refuses."""
        words = self.url.redact(str(error))
        kind = kind_of(words, error.sqlstate)
        advice = GRANT if kind == "42501" else reading_advice(words, error.sqlstate)
        raised = DamageError if (error.sqlstate or "").startswith(DAMAGE) else BackupError
        return raised(
            "The server refuses what a backup needs", where=self.url.label, found=server_words(words), next_step=advice
        )

    def service(self, folder: Path, database: str | None = None) -> dict[str, str]:
        """The environment with which PostgreSQL's programs reach this server, encrypted as this connection is.

        Args:
            folder: Where to write libpq's file of services, which only the owner can read.
            database: The database to connect to; None: that of this session.
        """
        info = self.connection.info
        known = {**conninfo_to_dict(self._address), **info.get_parameters()}
        parts = {key: str(value) for key, value in known.items() if value is not None and value != ""}
        # An older program does not know these, not even with the value that changes nothing.
        parts = {key: value for key, value in parts.items() if NEUTRAL.get(key) != value}
        for own in ("password", "client_encoding"):
            parts.pop(own, None)
        parts |= {"dbname": database or info.dbname, "options": f"{parts.get('options', '')} {OPTIONS}".strip()}
        for key, value in parts.items():
            if "\n" in value or "\r" in value:
                raise BackupError("A part of the URL has a line break", where=f"parameter {key}")
        file = folder / "service"
        file.touch(mode=0o600)
        file.write_text("".join(f"{line}\n" for line in (f"[{SERVICE}]", *(f"{k}={v}" for k, v in parts.items()))))
        password = {"PGPASSWORD": info.password} if info.password else {}
        return child_environment(LIBPQ, PGSERVICEFILE=str(file), **password)


@contextmanager
def session(url: DatabaseUrl, timeout_s: float | None = None) -> Iterator[PostgresqlSession]:
    """Connect; the connection is closed at the end, which ends its transaction.

    Raises:
        DatabaseError: The server refuses the connection.
    """
    address = conninfo(url, timeout_s)
    try:
        connection = psycopg.connect(address, autocommit=True)
    except (psycopg.Error, UnicodeError) as error:
        # A host name may be none that can be encoded.
        raise refusal(url, str(error)) from None
    try:
        address, encryption = as_reached(address, connection)
        yield PostgresqlSession(url, connection, address, encryption)
    finally:
        connection.close()


def ranges(before: dict[str, int], after: dict[str, int]) -> dict[str, SequenceRange]:
    """The sequences that were there before and after the dump."""
    return {name: SequenceRange(value, after[name]) for name, value in before.items() if name in after}
