"""PostgreSQL behind a real PgBouncer that admits encrypted connections only: read, or advice on the pool."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest
from pgbouncer import PROGRAM, running_pgbouncer
from support import run_in_process

from recon.database import ReadError, open_source, parse_url
from recon.database.source import Query, SelectColumn
from recon.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pgbouncer import Pooler
    from postgres import Cluster

    from recon.demo import DemoPaths

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed")
QUERY = Query("Member", (SelectColumn("id", "id", "uuid"),))
DRIVERS = ("adbc", "connectorx")
MODES = ("session", "transaction")
ADVICE = {
    "query_wait_timeout": "found query_wait_timeout. The pooler had no connection free in time",
    "max_client_conn": "no more connections allowed (max_client_conn). The pooler admits no more connections",
}


@pytest.fixture(scope="module")
def pooler(cluster: Cluster, templates: dict[str, str]) -> Iterator[Pooler]:
    """Pools before the club: "transaction 9" has 9 connections, each for one transaction at a time."""
    name = "pooled"
    cluster.create_database(name, template=templates["newer"])
    pools = {f"{mode}_{size}": f"dbname={name} pool_mode={mode} pool_size={size}" for mode in MODES for size in (1, 9)}
    pools["statement_9"] = f"dbname={name} pool_mode=statement pool_size=9"
    with running_pgbouncer(cluster, pools) as started:
        yield started
    cluster.drop_database(name)


def read(url: str) -> tuple[int, str]:
    """The rows of a table, and what is said of the encryption."""
    with closing(open_source(parse_url(url, "the test"))) as source:
        source.catalogue()
        return sum(frame.height for frame in source.read(QUERY)), str(getattr(source, "encryption"))  # noqa: B009


@pytest.mark.parametrize("mode, driver", list(zip(MODES, DRIVERS, strict=True)))
def test_a_pooled_database_is_verified_and_the_report_says_encrypted(
    mode: str, driver: str, pooler: Pooler, clean: DemoPaths, tmp_path: Path
) -> None:
    report, url = tmp_path / "report.json", f"{pooler.url(f'{mode}_9')}?driver={driver}&sslcert={pooler.authority}"
    done = run_in_process("verify", "-b", clean.bundle, "-f", "json", "-o", report, DATABASE_URL=url)
    assert (done.code, done.err) == (0, "")
    snapshot = json.loads(report.read_text(encoding="utf-8"))["snapshot"]
    assert (snapshot["encryption"], snapshot["consistent"]) == ("encrypted (sslmode=verify-ca)", True)


@pytest.mark.parametrize("mode, driver", list(zip(MODES, reversed(DRIVERS), strict=True)))
def test_either_driver_reads_in_either_mode(mode: str, driver: str, pooler: Pooler) -> None:
    assert read(f"{pooler.url(f'{mode}_9')}?driver={driver}") == (60, "encrypted (sslmode=prefer)")


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(
    "pool, parameters, says",
    [
        ("session_9", "&sslmode=disable", "write sslmode=require"),
        ("session_9", "&options=-c%20statement_timeout%3D9000", "refuses startup parameters"),
        ("statement_9", "", "hands a connection on between two statements"),
    ],
)
def test_what_the_pooler_refuses_is_said_with_what_to_write(
    driver: str, pool: str, parameters: str, says: str, pooler: Pooler
) -> None:
    with pytest.raises(DatabaseError, match=says):
        read(f"{pooler.url(pool)}?driver={driver}{parameters}")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("driver", DRIVERS)
def test_a_pool_without_a_free_connection_is_advised_on(mode: str, driver: str, pooler: Pooler) -> None:
    url = pooler.url(f"{mode}_1")
    with psycopg.connect(url) as busy:
        busy.execute("select 1")
        with pooler.limited(query_wait_timeout=0.1), pytest.raises(DatabaseError, match=ADVICE["query_wait_timeout"]):
            read(f"{url}?driver={driver}")


@pytest.mark.parametrize(
    "pool, limit",
    # connectorx holds the snapshot on one connection and reads on another.
    [("session_1", {"query_wait_timeout": 0.1}), ("session_9", {"max_client_conn": 2})],
)
def test_too_few_connections_for_connectorx_are_said_at_once(
    pool: str, limit: dict[str, object], pooler: Pooler, clean: DemoPaths, tmp_path: Path
) -> None:
    arguments = ("verify", "-b", clean.bundle, "-o", tmp_path / "report.md")
    with pooler.limited(**limit):
        done = run_in_process(*arguments, DATABASE_URL=f"{pooler.url(pool)}?driver=connectorx")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert ADVICE[next(iter(limit))] in done.err


def test_a_pool_that_fills_up_between_two_reads_is_named_as_the_reason(
    pooler: Pooler, monkeypatch: pytest.MonkeyPatch
) -> None:
    def waited_in_vain(*_: object) -> Iterator[object]:
        # What connectorx says after 30 s in which the pooler ended each of its connections.
        raise ReadError("timed out waiting for connection: connection closed")

    with closing(open_source(parse_url(f"{pooler.url('session_9')}?driver=connectorx", "the test"))) as source:
        source.catalogue()
        monkeypatch.setattr("recon.database.server_stream.ServerStream.batches", waited_in_vain)
        with pooler.limited(max_client_conn=2), pytest.raises(ReadError, match="max_client_conn") as refused:
            list(source.read(QUERY))
    assert "The pooler admits no more connections" in str(refused.value.next_step)
