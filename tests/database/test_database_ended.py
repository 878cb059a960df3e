"""A server that ends a read, for an administrator or for its recovery: its own reason, and what to do about it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from postgres import running_standby
from support import let_go_at_last, verify_url, wait_until

from recon.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from postgres import Cluster

    from recon.demo import DemoPaths
    from recon.model import Verification

# The backends that read "Member" and wait in it.
WAITING = """
select pid from pg_stat_activity
where datname = current_database() and wait_event = {event!r} and query like '%"Member"%'"""
# Those that hold the snapshot without reading: connectorx reads on other connections.
HOLDING = "select pid from pg_stat_activity where datname = current_database() and state = 'idle in transaction'"
END = "select pg_terminate_backend(pid, 60000) from ({found}) as found"
TABLES = (
    'create table "Event" (id uuid primary key, title text)',
    "insert into \"Event\" select gen_random_uuid(), 'x' from generate_series(1, 9)",
    "create table contacts (id uuid primary key)",
    'create view "Member" as select contacts.* from contacts, (select {wait}) as waited',
    'create table "EventRegistration" (id uuid primary key, "eventId" uuid, "memberId" uuid)',
)
# What is committed is on its way to the standby, which the tests' own server would let wait.
AT_ONCE = "-c synchronous_commit=on"
# The end of all that was written before, when the standby can have it.
FLUSHED = "select pg_logical_emit_message(true, '', '') - '0/0'"
# What recovery on the standby cannot do as long as a snapshot there sees the old rows.
CONFLICTING = ('update "Event" set title = title', 'vacuum (freeze) "Event"')


def create(cluster: Cluster, name: str, wait: str) -> str:
    """Create a database in which a read of "Member" waits, and return its URL."""
    url = cluster.create_database(name)
    edit(url, *(statement.format(wait=wait) for statement in TABLES))
    return url


def edit(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True, options=AT_ONCE) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def value(url: str, query: str) -> Any:
    with psycopg.connect(url, autocommit=True, options=AT_ONCE) as connection:
        (found,) = connection.execute(query.encode()).fetchone() or (None,)
    return found


def wait_for_reader(run: Future[Verification], url: str, event: str) -> None:
    """Return when "Member" is being read, or when the verification has ended before that."""
    with psycopg.connect(url, autocommit=True) as connection:
        query = WAITING.format(event=event).encode()
        wait_until(lambda: run.done() or connection.execute(query).fetchone(), "Member is read")


@pytest.fixture(scope="module")
def standby(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """The URLs of a database and of its standby, which waits for no reader."""
    name = "on_standby"
    url = create(cluster, name, "pg_sleep(600)")
    with running_standby(cluster, {"max_standby_streaming_delay": "0"}) as server:
        yield url, server.url(name)
    cluster.drop_database(name)


@pytest.fixture
def locked(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, psycopg.Connection]]:
    """The URL of a database, and the connection that holds the lock for which a read of "Member" waits."""
    monkeypatch.setattr("recon.database.postgresql_source.LOCK_TIMEOUT_S", 60)
    name = "locked"
    url = create(cluster, name, "pg_advisory_xact_lock_shared(7)")
    with psycopg.connect(url, autocommit=True) as holder:
        holder.execute("select pg_advisory_lock(7)")
        yield url, holder
    cluster.drop_database(name)


@pytest.mark.parametrize("driver", ["adbc", "connectorx"])
def test_what_ended_a_read_on_a_standby_is_reported(driver: str, standby: tuple[str, str], clean: DemoPaths) -> None:
    primary, url = standby
    written = value(primary, FLUSHED)
    wait_until(
        lambda: value(url, "select pg_last_wal_replay_lsn() - '0/0'") >= written,
        "the standby has done what it was sent",
    )
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(verify_url, clean.bundle, f"{url}?driver={driver}")
        wait_for_reader(run, url, "PgSleep")
        # A transaction of another database, such as that of an automatic analyze, may keep the old rows for a while.
        while not run.done():
            edit(primary, *CONFLICTING)
        with pytest.raises(DatabaseError) as refusal:
            run.result()
    assert "conflict with recovery. Verify against the primary" in refusal.value.message


ENDED = "found terminating connection due to administrator command. The server was stopped or the connection was ended"


@pytest.mark.parametrize(
    "driver, ended, says",
    [
        ("adbc", WAITING, ENDED),
        ("connectorx", HOLDING, ENDED),
        # connectorx keeps the server's words to itself.
        ("connectorx", WAITING, "The server closed the connection while it was read"),
    ],
)
def test_an_administrator_who_ends_a_read_is_reported(
    driver: str, ended: str, says: str, locked: tuple[str, psycopg.Connection], clean: DemoPaths
) -> None:
    url, lock = locked
    with ThreadPoolExecutor(1) as pool, let_go_at_last(lock.close):
        run = pool.submit(verify_url, clean.bundle, f"{url}?driver={driver}")
        wait_for_reader(run, url, "advisory")
        edit(url, END.format(found=ended.format(event="advisory")))
        # A reader that took the snapshot over reads on; the next one finds that it is gone.
        lock.execute("select pg_advisory_unlock(7)")
        with pytest.raises(DatabaseError) as refusal:
            run.result()
    assert says in refusal.value.message
