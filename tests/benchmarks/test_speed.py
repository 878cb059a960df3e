"""Ratios to the bare work, each measured in one run and alternating; `make benchmark` prints them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import psycopg
import pytest
from postgres import load_schema

from recon.database import Query, SelectColumn, open_source, parse_url
from recon.demo import write_demo
from recon.warehouse import Field, Warehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from postgres import Cluster

pytestmark = pytest.mark.benchmark
PYTHON = sys.executable
RECON = Path(PYTHON).with_name("recon")
REGISTRATION = {"id": "id", "eventId": "event_id", "memberId": "member_id"}
COPY = 'copy (select id, "eventId", "memberId" from "EventRegistration") to stdout (format binary)'


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def process(*command: object, **environment: str) -> tuple[float, int]:
    """Wall seconds and peak memory in MB of one process of its own."""
    started = time.perf_counter()
    child = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **environment}
    )
    _, status, usage = os.wait4(child.pid, 0)
    taken = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, command
    return taken, usage.ru_maxrss // 1024


def alternate(rounds: int, *works: Callable[[], float]) -> list[float]:
    """Median of each work, taken in turns so that a slow minute hits all."""
    times: list[Sequence[float]] = [[work() for work in works] for _ in range(rounds)]
    return [median(column) for column in zip(*times, strict=True)]


def report(name: str, ours: float, bound: float, limit: float, unit: str = "s") -> None:
    print(f"\n{name}: {ours:.2f} {unit} / {bound:.2f} {unit} = {ours / bound:.2f} (limit {limit})")  # noqa: T201
    assert ours / bound <= limit


@pytest.fixture(scope="module")
def club_m(cluster: Cluster) -> Iterator[str]:
    url = cluster.create_database("club_m")
    load_schema(url, "newer")
    with psycopg.connect(url) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(Path(__file__).with_name("club_m.sql").read_bytes())
    yield url
    cluster.drop_database("club_m")


def test_help_starts_at_once() -> None:
    ours, bound = alternate(
        7,
        lambda: process(RECON, "--help")[0],
        lambda: process(PYTHON, "-c", "import click")[0],
    )
    report("recon --help / import click", ours, bound, 3)


def test_the_whole_process_on_sqlite(tmp_path: Path) -> None:
    demo = write_demo(tmp_path)
    command = (RECON, "verify", "-b", demo.bundle, "--database", demo.database, "-o", tmp_path / "r.md")
    ours, bound = alternate(
        9,
        lambda: process(*command)[0],
        lambda: process(PYTHON, "-c", "import polars, duckdb, connectorx, pyarrow")[0],
    )
    report("recon verify, demo on SQLite / bare imports", ours, bound, 1.7)


def read_registrations(url: str) -> float:
    """Read the registrations' keys into a warehouse as the snapshot does."""
    with Warehouse() as warehouse:
        source = open_source(parse_url(url, "benchmark"))
        columns = tuple(SelectColumn(name, ours, "uuid") for name, ours in REGISTRATION.items())
        fields = [Field(ours, "uuid", name, "uuid") for name, ours in REGISTRATION.items()]
        started = time.perf_counter()
        warehouse.create("target.registrations", fields)
        for frame in source.read(Query("EventRegistration", columns)):
            warehouse.append("target.registrations", frame, fields)
        taken = time.perf_counter() - started
        assert warehouse.row_count("target.registrations") == 1_000_000
        source.close()
    return taken


def copy_registrations(url: str) -> float:
    with psycopg.connect(url) as connection, connection.cursor() as cursor:

        def drain() -> None:
            with cursor.copy(COPY) as copied:
                for _ in copied:
                    pass

        return seconds(drain)


def test_reading_a_million_registrations(club_m: str) -> None:
    ours, bound = alternate(5, lambda: read_registrations(club_m), lambda: copy_registrations(club_m))
    report("1 M registrations into DuckDB / COPY binary to nowhere", ours, bound, 2)


def test_the_whole_process_at_size_m(club_m: str, tmp_path: Path) -> None:
    counts = {"members": 200_000, "events": 50_000, "registrations": 1_000_000}
    entities = {
        name: {"totalRows": n, "parsed": n, "created": n, "updated": 0, "skipped": 0, "errors": 0, "records": f"[{n}]"}
        for name, n in counts.items()
    }
    run = {"runId": "run-benchmark", "dryRun": False, "completedAt": "2024-01-15T14:28:00Z", **entities}
    (tmp_path / "migration-report.json").write_text(json.dumps(run), encoding="utf-8")
    taken = [process(RECON, "verify", "-b", tmp_path, "-o", tmp_path / "r.md", DATABASE_URL=club_m) for _ in range(3)]
    wall, peak = median(t for t, _ in taken), max(mb for _, mb in taken)
    report("recon verify at M, peak memory", peak, 1, 600, "MB")
    print(f"recon verify at M, whole process: {wall:.2f} s, 2.25 M rows read")  # noqa: T201
