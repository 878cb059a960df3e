from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, get_args

import psycopg
import pytest
from postgres import Cluster, Generation, load_rows, load_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

NOWHERE = "00000000-0000-0000-0000-00000000dead"
TIME = "2024-01-15T10:00:00.000Z"
ROWS: dict[str, list[dict[str, object]]] = {
    "MembershipTier": [{"id": NOWHERE, "code": "gold", "name": "Gold", "updatedAt": TIME}],
    "Member": [
        {
            "id": NOWHERE,
            "firstName": "Zoë",
            "lastName": "Tab\tand\\slash",
            "email": "zoe@example.org",
            "phone": None,
            "joinedAt": TIME,
            "membershipStatusId": NOWHERE,
            "membershipTierId": NOWHERE,
            "waRawData": '{"Id": 7}',
            "updatedAt": TIME,
        }
    ],
    "Event": [
        {
            "id": NOWHERE,
            "title": "Ball",
            "startTime": TIME,
            "capacity": 9,
            "isPublished": True,
            "updatedAt": TIME,
        }
    ],
    "WaIdMapping": [
        {
            "id": NOWHERE,
            "entityType": "Member",
            "waId": 7,
            "murmurantId": NOWHERE,
            "syncRunId": "run-1",
            "updatedAt": TIME,
        }
    ],
}


@contextmanager
def new_database(cluster: Cluster, name: str) -> Iterator[str]:
    try:
        yield cluster.create_database(name)
    finally:
        cluster.drop_database(name)


def test_cluster_refuses_a_wrong_password(cluster: Cluster) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(cluster.url("postgres", password="wrong"))  # noqa: S106 - wrong on purpose


def test_url_carries_a_password_of_any_characters(cluster: Cluster) -> None:
    secret = "a@b/c#d%e:f?g h&ü"  # noqa: S105 - it opens only the tests' own server
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute("create role reader login password 'a@b/c#d%e:f?g h&ü'")
        try:
            psycopg.connect(cluster.url("postgres", "reader", secret)).close()
        finally:
            connection.execute("drop role reader")


@pytest.mark.parametrize("generation", get_args(Generation))
def test_rows_load_into_every_generation(cluster: Cluster, generation: Generation) -> None:
    with new_database(cluster, f"rows of {generation}") as url:
        load_schema(url, generation)
        load_rows(url, ROWS)
        with psycopg.connect(url) as connection:
            member = connection.execute('select "lastName", phone, "createdAt" is not null from "Member"').fetchone()
            event = connection.execute('select capacity, "isPublished", status::text from "Event"').fetchone()
            mapping = connection.execute("select to_jsonb(m) - 'syncedAt' from \"WaIdMapping\" m").fetchone()
            tiers = connection.execute("select to_regclass('\"MembershipTier\"') is not null").fetchone()
    assert member == ("Tab\tand\\slash", None, True)
    assert event == (9, True, "DRAFT")
    assert mapping is not None
    assert mapping[0].get("murmurantId" if generation == "newer" else "clubosId") == NOWHERE
    assert mapping[0].get("syncRunId") == ("run-1" if generation == "newer" else None)
    assert tiers == (generation != "oldest",)


def test_a_database_copies_its_template(cluster: Cluster) -> None:
    with new_database(cluster, "original") as url:
        load_schema(url, "newer")
        load_rows(url, ROWS)
        copy = cluster.create_database("copy", template="original")
        try:
            with psycopg.connect(copy) as connection:
                assert connection.execute('select count(*) from "Member"').fetchone() == (1,)
        finally:
            cluster.drop_database("copy")
