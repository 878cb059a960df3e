"""What is read of a database to know whether anything was written to it: of each kind, whatever is changed shows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from secrets import token_hex
from typing import TYPE_CHECKING

import duckdb
import psycopg
import pytest

from recon.backup.kinds import contents_of
from recon.database import resolve_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from mysql import MysqlServer
    from postgres import Cluster

    from recon.backup.contents import DatabaseContents

    Run = Callable[[str], object]

TABLES = (
    "create table one (a integer, b varchar(20))",
    "create table two (a integer)",
    "insert into one values (1, 'x')",
    "create view chosen as select a from one",
    "create index of_a on one (a)",
)
ROWS = {
    "a row": ("insert into two values (1)", "two"),
    "a value": ("update one set b = 'y'", "one"),
    "a row for another": ("delete from one; insert into one values (2, 'x')", "one"),
}
DEFINITIONS = {
    "a column of an empty table": ("alter table two add column c integer", "table two"),
    "a view": ("drop view chosen; create view chosen as select b from one", "view chosen"),
    "a new view": ("create view more as select a from two", "view more"),
}
OF_KIND = {
    "sqlite": {
        "an index": ("drop index of_a; create index of_a on one (b)", "index of_a"),
        "a trigger": ("create trigger t after insert on two begin delete from one; end", "trigger t"),
        "a version": ("pragma user_version = 7", "user_version"),
    },
    "duckdb": {
        "an index": ("drop index of_a; create index of_a on one (b)", "index main.of_a"),
        "another schema": ("create schema other", "schema other"),
        "a macro": ("create macro twice(x) as 2 * x", "macro main.twice"),
    },
    "postgresql": {
        "an index": ("drop index of_a; create index of_a on one (b)", "index public.of_a"),
        "another schema": ("create schema other", "schema other"),
        "a table of another schema": ("create table other.one (a integer)", "table other.one"),
        "a function": ("create function f() returns int language sql as 'select 1'", "function public.f"),
        "a constraint": ("alter table one add constraint c check (a < 9)", "table public.one"),
        "a default": ("alter table one alter b set default 'z'", "table public.one"),
        "a right": ("grant select on one to public", "table public.one"),
        "row security": ("alter table one enable row level security", "table public.one"),
        "a type": ("create type mood as enum ('well')", "type public.mood"),
    },
    "mysql": {
        "an index": ("drop index of_a on one; create index of_a on one (b)", "table one"),
        "a default": ("alter table one alter b set default 'z'", "table one"),
        "a routine": ("create procedure p() select 1", "procedure p"),
        "a trigger": ("create trigger t before insert on two for each row set new.a = 1", "trigger t"),
    },
}
# What a sequence is created with, and what draws from it without leaving a row.
COUNTING = {
    "sqlite": (
        "create table counting (a integer primary key autoincrement)",
        "insert into counting default values; delete from counting",
    ),
    "duckdb": ("create sequence counting", "select nextval('counting')"),
    "postgresql": ("create sequence counting", "select nextval('counting')"),
    "mysql": (
        "create table counting (a integer primary key auto_increment)",
        "insert into counting values (); insert into counting values (); delete from counting",
    ),
}


@dataclass(frozen=True)
class Target:
    """A database of one kind, and how statements, separated by semicolons, are run on it."""

    kind: str
    url: str
    run: Run

    def contents(self) -> DatabaseContents:
        return contents_of(resolve_database(None, {"DATABASE_URL": self.url}))


@pytest.fixture(params=["sqlite", "duckdb", "postgresql", "mysql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Target]:
    """An empty database of each kind."""
    kind, name = request.param, f"recon_{token_hex(6)}"
    if kind == "postgresql":
        cluster: Cluster = request.getfixturevalue("cluster")
        url = cluster.create_database(name)
        with psycopg.connect(url, autocommit=True) as connection:
            yield Target(kind, url, lambda statements: connection.execute(statements.encode()))
        cluster.drop_database(name)
    elif kind == "mysql":
        server: MysqlServer = request.getfixturevalue("mysql_server")
        server.execute(None, f"create database {name}")
        yield Target(kind, server.url(name), lambda statements: server.execute(name, *statements.split("; ")))
        server.execute(None, f"drop database {name}")
    else:
        yield _file(kind, tmp_path / f"target.{kind}")


def _file(kind: str, path: Path) -> Target:
    def run(statements: str) -> None:
        if kind == "sqlite":
            with closing(sqlite3.connect(path)) as connection:
                connection.executescript(statements)
        else:
            with closing(duckdb.connect(path)) as connection:
                connection.execute(statements).fetchall()

    return Target(kind, str(path), run)


def test_whatever_is_changed_in_a_database_shows(target: Target) -> None:
    for statement in (*TABLES, COUNTING[target.kind][0]):
        target.run(statement)
    last = target.contents()
    assert target.contents() == last
    assert {"one", "two"} <= {name.rpartition(".")[2] for name in last.tables}
    for change, (statements, name) in ROWS.items():
        target.run(statements)
        now = target.contents()
        assert {n.rpartition(".")[2] for n in _changed(last.tables, now.tables)} == {name}, change
        assert now.definitions == last.definitions, change
        last = now
    for change, (statements, name) in (DEFINITIONS | OF_KIND[target.kind]).items():
        target.run(statements)
        now = target.contents()
        found = _changed(last.definitions, now.definitions)
        assert any(_is_named(n, name) for n in found), (change, found)
        last = now
    target.run(COUNTING[target.kind][1])
    now = target.contents()
    assert [n.rpartition(".")[2] for n in _changed(last.sequences, now.sequences)] == ["counting"]
    assert (now.tables, now.definitions) == (last.tables, last.definitions)


def _changed(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    return sorted(name for name in {**before, **after} if before.get(name) != after.get(name))


def _is_named(found: str, name: str) -> bool:
    """Whether it is that object, with or without its schema."""
    kind, _, rest = name.rpartition(" ")
    return found == name or (found.startswith(f"{kind} ") and found.endswith(f".{rest}"))
