"""A MySQL or MariaDB server that is available to the tests, if RECON_TEST_MYSQL_URL names one."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

import pymysql

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VARIABLE = "RECON_TEST_MYSQL_URL"
SCHEMA = Path(__file__).with_name("schema") / "mysql.sql"


@dataclass(frozen=True)
class MysqlServer:
    """A server and a user that may create databases and users on it."""

    host: str
    port: int
    user: str
    password: str

    def url(self, database: str, user: str | None = None, password: str | None = None) -> str:
        """The URL of a database; by default for the user with all privileges."""
        name, key = (quote(part, safe="") for part in (user or self.user, password or self.password))
        return f"mysql://{name}:{key}@{self.host}:{self.port}/{quote(database, safe='')}"

    def execute(self, database: str | None, *statements: str) -> list[tuple[Any, ...]]:
        """Execute statements one by one; returns the rows of the last."""
        with closing(self.connect(database)) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def connect(self, database: str | None) -> pymysql.Connection[Any]:
        """A connection that commits every statement and enforces no foreign key."""
        return pymysql.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            database=database,
            charset="utf8mb4",
            autocommit=True,
            init_command="set foreign_key_checks = 0, sql_mode = ''",
        )

    def left_scratch(self) -> list[str]:
        """The scratch databases that nobody uses any more; other tests use theirs at the same time."""
        names = [name for (name,) in self.execute(None, "show databases like 'recon\\_scratch\\_%'")]
        return [name for name in names if self.execute(None, f"select is_free_lock('{name}')") == [(1,)]]

    def create_club(self, database: str, tables: Mapping[str, Sequence[Mapping[str, object]]]) -> str:
        """Create a database with the club in it and return its URL."""
        self.execute(None, f"create database `{database}` character set utf8mb4")
        with closing(self.connect(database)) as connection, connection.cursor() as cursor:
            for statement in SCHEMA.read_text(encoding="utf-8").split(";"):
                if statement.strip():
                    cursor.execute(statement)
            connection.begin()
            for table, rows in tables.items():
                # One statement has one list of columns, so rows with other keys need one of their own.
                for keys, alike in groupby(rows, key=tuple):
                    names, marks = ", ".join(f"`{name}`" for name in keys), ", ".join(["%s"] * len(keys))
                    values = [tuple(row.values()) for row in alike]
                    cursor.executemany(f"insert into `{table}` ({names}) values ({marks})", values)
            connection.commit()
        return self.url(database)


def named_server() -> MysqlServer | None:
    """The server that the environment names, None where it names none."""
    if not os.environ.get(VARIABLE):
        return None
    parts = urlsplit(os.environ[VARIABLE])
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return MysqlServer(parts.hostname or "127.0.0.1", parts.port or 3306, user, password)
