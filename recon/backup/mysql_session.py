"""Connections to a MySQL or MariaDB server for backups: the contents of a database, and how programs reach it."""

from __future__ import annotations

import re
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pymysql
from pymysql.cursors import SSCursor

from recon.backup.contents import TableContent, digest_definitions, digest_rows
from recon.database.child_environment import MYSQL, child_environment
from recon.database.mysql_connection import (
    NOT_ENCRYPTED,
    encryption,
    host,
    identity,
    one_line,
    open_connection,
    probe,
    reading_advice,
    refusal,
)
from recon.errors import BackupError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recon.database import DatabaseUrl

LOCK_WAIT_S = 10
# A statement that copies or drops a table says nothing until it has.
WRITING_LIMIT_S = 7 * 24 * 3600.0
WRITING = (
    "set time_zone = '+00:00', foreign_key_checks = 0, lock_wait_timeout = 2",
    "set sql_mode = 'NO_AUTO_VALUE_ON_ZERO,STRICT_ALL_TABLES,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION'",
    "set wait_timeout = 604800",
)
ABOUT = "select version(), @@version_comment, unix_timestamp(now(6)), connection_id()"
CHARACTERS = """
select default_character_set_name, default_collation_name from information_schema.schemata
where schema_name = database()"""
TABLES = """
select table_name, engine from information_schema.tables
where table_schema = database() and table_type = 'BASE TABLE' order by 1"""
COLUMNS = """
select column_name from information_schema.columns
where table_schema = database() and table_name = %s order by ordinal_position"""
OBJECTS = """
select 'view', count(*) from information_schema.views where table_schema = database() union all
select 'routine', count(*) from information_schema.routines where routine_schema = database() union all
select 'trigger', count(*) from information_schema.triggers where trigger_schema = database() union all
select 'constraint', count(*) from information_schema.table_constraints where table_schema = database()"""
SETTINGS = (
    "set session transaction isolation level repeatable read",
    "set time_zone = '+00:00'",
    "start transaction with consistent snapshot, read only",
)
DEFINITIONS = """
select concat('view ', table_name), view_definition, security_type from information_schema.views
where table_schema = database() union all
select concat(lower(routine_type), ' ', routine_name), routine_definition, dtd_identifier
from information_schema.routines where routine_schema = database() union all
select concat('parameters of ', specific_name), group_concat(ordinal_position, ' ', parameter_name, ' ', dtd_identifier
                                                               order by ordinal_position), null
from information_schema.parameters where specific_schema = database() group by specific_name union all
select concat('trigger ', trigger_name), action_statement, concat(action_timing, event_manipulation, event_object_table)
from information_schema.triggers where trigger_schema = database() union all
select concat('event ', event_name), event_definition, status from information_schema.events
where event_schema = database() union all
select concat('sequence ', table_name), null, null from information_schema.tables
where table_schema = database() and table_type = 'SEQUENCE'"""
# Where a table counts by itself, its definition names the next number.
COUNTING = re.compile(r" AUTO_INCREMENT=(\d+)")
NUMBER = re.compile(r"\d+")
CREATE = "show create table {table}"
ROWS = "select {columns} from {table}"
LOCK = "lock tables {tables}"
GRANT = "Ask the DBA: grant select, lock tables, show view, trigger, event on the database to this user"


class ServerRefusal(BackupError):  # noqa: N818 - what the server says
    """The server refused a statement.

    Attributes:
        number: The server's number of the error; 0: the connection ended.
    """

    number = 0


class MysqlSession:
    """A connection to one database.

    Attributes:
        url: The address, as given.
        is_encrypted: Whether the connection is.
        number: What the server calls this session.
    """

    def __init__(self, url: DatabaseUrl, connection: pymysql.Connection[Any]) -> None:
        self.url, self._connection = url, connection
        self.is_encrypted = encryption(connection) != NOT_ENCRYPTED
        version, comment, seconds, self.number = self.ask(ABOUT)[0]
        self.is_mariadb = "mariadb" in f"{version}{comment}".lower()
        self.version = version.partition("-")[0]
        self.seconds = float(seconds)

    @property
    def identity(self) -> dict[str, str]:
        """What distinguishes the database from others."""
        try:
            return identity(self._connection, self.url)
        except pymysql.Error as error:
            raise self._refusal(error) from None

    @property
    def numbers(self) -> tuple[int, ...]:
        """The server's version, to compare."""
        return tuple(map(int, NUMBER.findall(self.version)))

    @property
    def settings(self) -> dict[str, str]:
        """Character set and collation of the database."""
        characters, collation = self.ask(CHARACTERS)[0]
        return {"characters": str(characters), "collation": str(collation)}

    def tables(self) -> dict[str, str]:
        """Table → its engine."""
        return {str(name): str(engine) for name, engine in self.ask(TABLES)}

    def lock(self, tables: list[str]) -> None:
        """Keep others from writing to these tables, until `unlock`.

        Raises:
            BackupError: This user may not, or somebody holds them for longer.
        """
        self.run(f"set session lock_wait_timeout = {LOCK_WAIT_S}")
        if tables:
            self.run(LOCK.format(tables=", ".join(f"{quoted(name)} read" for name in tables)))

    def unlock(self) -> None:
        """Let others write again."""
        self.run("unlock tables")

    def hold(self) -> None:
        """Begin the transaction whose snapshot `contents` reads."""
        for statement in SETTINGS:
            self.run(statement)

    def contents(self) -> dict[str, TableContent]:
        """Rows and digest of each table."""
        return {name: self.content(name) for name in self.tables()}

    def content(self, table: str) -> TableContent:
        """Rows and digest of a table."""
        columns = tuple(str(name) for (name,) in self.ask(COLUMNS, table))
        statement = ROWS.format(columns=", ".join(map(quoted, columns)), table=quoted(table))
        try:
            with self._connection.cursor(SSCursor) as cursor:
                cursor.execute(statement)
                return digest_rows((repr(row).encode() for row in cursor), columns)
        except pymysql.Error as error:
            raise self._refusal(error) from None

    def definitions(self) -> tuple[dict[str, str], dict[str, int | None]]:
        """A digest of each object's definition by kind and name, and the next number of each table that counts."""
        rows = list(self.ask(DEFINITIONS))
        sequences: dict[str, int | None] = {}
        for table in self.tables():
            ((_, said, *_),) = self.ask(CREATE.format(table=quoted(table)))
            if number := COUNTING.search(said):
                sequences[table] = int(number[1])
            rows.append((f"table {table}", COUNTING.sub("", said, count=1)))
        return digest_definitions(rows), sequences

    def objects(self) -> dict[str, int]:
        """Number of objects by kind."""
        return {str(kind): int(number) for kind, number in self.ask(OBJECTS)}

    def ask(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        """The rows of a statement."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql, values or None)
                return list(cursor.fetchall())
        except pymysql.Error as error:
            raise self._refusal(error) from None

    def run(self, sql: str) -> None:
        """Execute a statement."""
        self.ask(sql)

    def _refusal(self, error: pymysql.Error) -> ServerRefusal:
        number = error.args[0] if len(error.args) > 1 else 0
        words = one_line(self.url.redact(str(error.args[-1] if error.args else error)))
        advice = GRANT if number in (1044, 1142, 1227) else reading_advice(words, number)
        refused = ServerRefusal(
            "The server refuses what a backup needs", where=self.url.label, found=words, next_step=advice
        )
        refused.number = number if isinstance(number, int) else 0
        return refused

    def options(self, folder: Path, *, is_mariadb: bool) -> tuple[str, dict[str, str]]:
        """Write the file of options with which a program reaches this server, encrypted as this connection is.

        Args:
            folder: Where to write it; only its owner can read it.
            is_mariadb: Whether the program is MariaDB's, whose words for encryption are others.

        Returns:
            The program's first argument, and its environment.
        """
        mode = self.url.parameters.get("ssl-mode", "PREFERRED")
        verified = mode in ("VERIFY_CA", "VERIFY_IDENTITY")
        if is_mariadb:
            protected = ["ssl", f"{'' if verified else 'skip-'}ssl-verify-server-cert"]
            words = protected if self.is_encrypted else ["skip-ssl"]
        else:
            words = [f"ssl-mode={mode if verified else 'REQUIRED' if self.is_encrypted else 'DISABLED'}"]
        if authority := self.url.parameters.get("ssl-ca"):
            words.append(f'ssl-ca="{authority}"')
        words += [f'host="{host(self.url)}"', f"port={self.url.port}", f'user="{self.url.user}"', "protocol=tcp"]
        file = folder / "client.cnf"
        file.touch(mode=0o600)
        file.write_text("".join(f"{line}\n" for line in ("[client]", *words)), encoding="utf-8")
        # A file of options cannot hold every text; the environment can, and only this user sees it.
        password = {"MYSQL_PWD": self.url.password} if self.url.password else {}
        return f"--defaults-file={file}", child_environment(MYSQL, **password)


@contextmanager
def mysql_session(url: DatabaseUrl, *, is_writing: bool = False) -> Iterator[MysqlSession]:
    """Connect; the connection is closed at the end.

    Args:
        url: The database; of a name that is empty, none is chosen.
        is_writing: Whether statements may write, in a session that checks no foreign keys, and take as long as they do.

    Raises:
        DatabaseError: The server refuses the connection.
    """
    try:
        connection = open_connection(url, None, WRITING_LIMIT_S) if is_writing else probe(url, None)
    except (pymysql.Error, OSError, RuntimeError, ValueError) as error:
        raise refusal(url, error) from None
    with closing(connection):
        opened = MysqlSession(url, connection)
        for statement in WRITING if is_writing else ():
            opened.run(statement)
        yield opened


def quoted(name: str) -> str:
    """An identifier in MySQL's quotes."""
    return "`" + name.replace("`", "``") + "`"
