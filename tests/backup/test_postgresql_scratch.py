"""Scratch databases: those of a process that was killed are dropped by the next one, those of others never."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest

from recon.backup.postgresql_scratch import WORDS, definition_of, scratch_database
from recon.database import resolve_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from made_backups import MadeBackup
    from postgres import Cluster

KEY = "f123456789abcdef"
NAME = f"recon_scratch_{KEY}"
LOCK = int.from_bytes(bytes.fromhex(KEY), signed=True)


@pytest.fixture
def left(cluster: Cluster) -> Iterator[psycopg.Connection]:
    """A scratch database that nobody holds, and a session on its server."""
    cluster.create_database(NAME)
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(f"comment on database {NAME} is '{WORDS}'".encode())
        yield connection
    cluster.drop_database(NAME)


@contextmanager
def next_one(cluster: Cluster, user: str = "postgres") -> Iterator[tuple[list[str], list[str]]]:
    """Make a scratch database as a role; gives which were dropped, and which were left."""
    url = cluster.url("postgres", user, "x" if user != "postgres" else None)
    with scratch_database(resolve_database("URL", {"URL": url}), definition_of({}), "") as made:
        yield made.swept, made.others


def test_what_nobody_holds_is_dropped_and_named(made: MadeBackup, left: psycopg.Connection) -> None:
    test = made.test(made.folder.parent)
    facts = {fact.label: fact.value for part in test.parts for fact in part.facts}
    assert facts["Removed"] == f"{NAME}: left by one that was killed"
    assert left.execute(f"select from pg_database where datname = '{NAME}'".encode()).fetchall() == []


def test_what_was_not_yet_named_as_recons_is_dropped(cluster: Cluster, left: psycopg.Connection) -> None:
    left.execute(f"comment on database {NAME} is null".encode())
    with next_one(cluster) as found:
        assert found == ([NAME], [])


def test_what_a_process_holds_is_left_alone(cluster: Cluster, left: psycopg.Connection) -> None:
    left.execute(f"select pg_advisory_lock({LOCK})".encode())
    with next_one(cluster) as found:
        assert found == ([], [NAME])
    left.execute(b"select pg_advisory_unlock_all()")
    # Those that are made see each other's locks.
    with next_one(cluster) as first, next_one(cluster) as second:
        assert first == ([NAME], [])
        assert len(second[1]) == 1
        assert second[0] == []


def test_what_is_in_use_or_anothers_is_left_alone(cluster: Cluster, left: psycopg.Connection) -> None:
    with psycopg.connect(cluster.url(NAME)), next_one(cluster) as found:
        assert found == ([], [NAME])
    left.execute(f"comment on database {NAME} is 'mine'".encode())
    with next_one(cluster) as found:
        assert found == ([], [NAME])
    left.execute(f"comment on database {NAME} is '{WORDS}'".encode())
    left.execute(b"create role maker login createdb password 'x'")
    with next_one(cluster, "maker") as found:
        assert found == ([], [NAME])
    left.execute(b"drop role maker")
