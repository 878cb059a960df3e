"""A hot standby that ends a read for the sake of its recovery: the server's own reason, and what to do about it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import TYPE_CHECKING

import psycopg
import pytest
from postgres import running_cluster, running_standby
from support import verify_url

from recon.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postgres import Cluster

    from recon.demo import DemoPaths

READING = """
select count(*) from pg_stat_activity
where state = 'active' and query like '%"Member"%' and pid <> pg_backend_pid()"""
TABLES = (
    'create table "Event" (id uuid primary key, title text)',
    "insert into \"Event\" select gen_random_uuid(), 'x' from generate_series(1, 9)",
    "create table contacts (id uuid primary key)",
    'create view "Member" as select contacts.* from contacts, (select pg_sleep(600)) as slow',
    'create table "EventRegistration" (id uuid primary key, "eventId" uuid, "memberId" uuid)',
)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Cluster, Cluster]]:
    with running_cluster() as primary:
        with psycopg.connect(primary.create_database("club"), autocommit=True) as connection:
            for statement in TABLES:
                connection.execute(statement.encode())
        with running_standby(primary, {"max_standby_streaming_delay": "0"}) as standby:
            yield primary, standby


@pytest.mark.soak
@pytest.mark.parametrize("driver", ["adbc", "connectorx"])
def test_what_ended_a_read_on_a_standby_is_reported(
    driver: str, servers: tuple[Cluster, Cluster], demo: DemoPaths
) -> None:
    primary, standby = servers
    url = standby.url("club")
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(verify_url, demo.bundle, f"{url}?driver={driver}")
        with psycopg.connect(url, autocommit=True) as connection:
            while not run.done() and connection.execute(READING.encode()).fetchone() == (0,):
                sleep(0.05)
        with psycopg.connect(primary.url("club"), autocommit=True) as connection:
            connection.execute(b'update "Event" set title = title')
            connection.execute(b'vacuum (freeze) "Event"')
        with pytest.raises(DatabaseError) as refusal:
            run.result()
    assert "conflict with recovery. Verify against the primary" in refusal.value.message
