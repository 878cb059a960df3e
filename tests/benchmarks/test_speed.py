"""Ratios to the bare work, alternating with it in one run; `make benchmark` writes them to docs/performance.md."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from measurement import (
    SIZES,
    Results,
    SizedClub,
    middle,
    process,
    shorten,
    sized_club,
    workload,
    write_large_bundle,
)
from registrations import write_registrations
from support import edit_report

from recon.demo import write_demo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postgres import Cluster

pytestmark = pytest.mark.benchmark
PYTHON = sys.executable
RECON = Path(PYTHON).with_name("recon")
UV = Path(PYTHON).with_name("uv")
CHOSEN = os.environ.get("RECON_BENCHMARK_SIZES", "S,M,L").split(",")
TABLE = os.environ.get("RECON_BENCHMARK_TABLE")
ROUNDS = {"S": 9, "M": 5, "L": 2}
IMPORTS = "import polars, duckdb, connectorx, pyarrow"
MILLION = 1_000_000
ACCOUNTED = "a ledger of 1 M registrations and their rows"
COMPARED = "two tables of 1 M registrations, 8 fields each, compared"
KERNEL_AND_GX = """
from jupyter_client.manager import start_new_kernel

manager, client = start_new_kernel()
client.execute_interactive("import polars, duckdb, altair")
client.stop_channels()
manager.shutdown_kernel(now=True)
import great_expectations
"""


@pytest.fixture(scope="session")
def results() -> Iterator[Results]:
    """Collects the rows; writes them where RECON_BENCHMARK_TABLE says."""
    collected = Results()
    yield collected
    if TABLE and collected.rows:
        collected.write(Path(TABLE))


@pytest.fixture(scope="module", params=CHOSEN)
def sized(
    request: pytest.FixtureRequest, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SizedClub]:
    """A club of each size."""
    with sized_club(cluster, tmp_path_factory.mktemp("bundle"), request.param, SIZES[request.param]) as made:
        yield made


@pytest.fixture(scope="module")
def large_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_large_bundle(tmp_path_factory.mktemp("large"))


def alternate(rounds: int, *works: Callable[[], dict[str, float]]) -> list[dict[str, float]]:
    """The median of each work, taken in turns so that a slow minute hits all."""
    taken = [[work() for work in works] for _ in range(rounds)]
    return [middle(column) for column in zip(*taken, strict=True)]


def test_help_starts_at_once(results: Results) -> None:
    ours, bound = alternate(9, lambda: process(RECON, "--help"), lambda: process(PYTHON, "-c", "import click"))
    results.add("`recon --help`", "", ours, ("import click", bound), limit=3)


@pytest.mark.parametrize("has_records", [False, True], ids=["short form", "5 MB report"])
def test_the_whole_process_on_sqlite(results: Results, tmp_path: Path, *, has_records: bool) -> None:
    demo = write_demo(tmp_path)
    if not has_records:
        edit_report(demo.bundle, shorten)
    command = (RECON, "verify", "-b", demo.bundle, "--database", demo.database, "-o", tmp_path / "r.md")
    ours, bound = alternate(11, lambda: process(*command), lambda: process(PYTHON, "-c", IMPORTS))
    what = f"`recon verify`, SQLite, {'5 MB report, every record compared' if has_records else 'short form'}"
    results.add(what, "demo", ours, ("bare imports", bound), limit=1.7)


def test_a_whole_run_on_sqlite(results: Results, tmp_path: Path) -> None:
    demo = write_demo(tmp_path)
    command = (RECON, "run", "-b", demo.bundle, "--database", demo.database, "--outputs", tmp_path / "outputs")
    ours, bound = alternate(5, lambda: process(*command), lambda: process(PYTHON, "-c", KERNEL_AND_GX))
    results.add("`recon run`, SQLite, 5 MB report", "demo", ours, ("a bare kernel, then bare GX", bound), limit=2.5)


def test_a_large_report(results: Results, large_bundle: Path) -> None:
    ours, bound = alternate(
        3, lambda: workload("load_report", large_bundle), lambda: workload("decode_report", large_bundle)
    )
    megabytes = (large_bundle / "migration-report.json").stat().st_size / 1e6
    what = f"a report of {megabytes:.0f} MB, 1.2 M records, typed into the warehouse"
    results.add(what, "", ours, ("msgspec, untyped", bound), limit=1.5)
    assert ours["peak_mb"] <= 600


def test_reading_registrations(results: Results, sized: SizedClub) -> None:
    ours, bound = alternate(
        ROUNDS[sized.size],
        lambda: workload("read_registrations", sized.url),
        lambda: workload("copy_registrations", sized.url),
    )
    # Of a few rows the fixed cost of a statement is all there is.
    results.add(
        "registrations into DuckDB", sized.size, ours, ("COPY to nowhere", bound), limit=0 if sized.size == "S" else 2
    )


def test_rules(results: Results, sized: SizedClub) -> None:
    taken = [workload("rules", sized.url, sized.bundle) for _ in range(ROUNDS[sized.size])]
    ours, bound = middle([t["evaluated"] for t in taken]), middle([t["bare"] for t in taken])
    results.add("all rules", sized.size, ours, ("their SQL, bare", bound))


def test_reports(results: Results, sized: SizedClub, tmp_path: Path) -> None:
    results.add("every report format", sized.size, middle([workload("reports", sized.bundle, sized.url, tmp_path)]))


def test_the_whole_process_on_postgresql(results: Results, sized: SizedClub, tmp_path: Path) -> None:
    command = (RECON, "verify", "-b", sized.bundle, "-o", tmp_path / "r.md")
    ours, bound = alternate(
        ROUNDS[sized.size],
        lambda: process(*command, DATABASE_URL=sized.url),
        lambda: workload("copy_registrations", sized.url),
    )
    # At size S a process is its imports.
    beside = None if sized.size == "S" else ("COPY of the registrations", bound)
    results.add("`recon verify`, PostgreSQL", sized.size, ours, beside)
    if sized.size == "M":
        assert ours["peak_mb"] <= 600


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A million registrations twice."""
    return write_registrations(tmp_path_factory.mktemp("tables"), MILLION)


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds the peers; one of them wants an older polars than recon's."""
    folder = tmp_path_factory.mktemp("peers") / "environment"
    environment = {**os.environ, "VIRTUAL_ENV": str(folder)}
    for command in (("venv", folder), ("pip", "install", "datacompy", "diffly")):
        made = subprocess.run([UV, *command, "--quiet"], env=environment, capture_output=True, text=True, check=False)
        if made.returncode:
            pytest.skip(f"the peers cannot be had: {made.stderr.strip().splitlines()[-1]}")
    return folder / "bin" / "python"


def compared(name: str, folder: Path, python: object = PYTHON) -> dict[str, Any]:
    """What comparing took, and its counts; all of them count alike."""
    return dict(workload(name, folder, script="registrations.py", python=python))


def same_counts(*works: Callable[[], dict[str, Any]]) -> None:
    counted = [work()["counted"] for work in works]
    assert all(counts == counted[0] for counts in counted)
    assert min(counted[0]) > 0


def test_comparing_beside_the_bare_join(results: Results, tables: Path) -> None:
    works = partial(compared, "recon", tables), partial(compared, "join", tables)
    same_counts(*works)
    ours, bound = alternate(7, *works)
    results.add(COMPARED, "M", ours, ("bare DuckDB hash join", bound), limit=2)


def test_the_ledger_beside_the_bare_join(results: Results, tables: Path) -> None:
    works = partial(compared, "ledger", tables), partial(compared, "join", tables)
    same_counts(*works)
    ours, bound = alternate(7, *works)
    results.add(ACCOUNTED, "M", ours, ("bare DuckDB hash join", bound), limit=2)


@pytest.mark.parametrize("peer", ["datacompy", "diffly"])
@pytest.mark.parametrize("ours", ["recon", "ledger"])
def test_comparing_beside_a_peer(results: Results, tables: Path, peers: Path, ours: str, peer: str) -> None:
    works = partial(compared, ours, tables), partial(compared, peer, tables, peers)
    same_counts(*works)
    taken, theirs = alternate(3, *works)
    what = COMPARED if ours == "recon" else ACCOUNTED
    results.add(what, "M", taken, (f"{peer}, {theirs['peak_mb']:.0f} MB", theirs), limit=1)
    assert taken["peak_mb"] < theirs["peak_mb"]


@pytest.mark.parametrize("work", ["recon", "ledger"])
def test_ten_times_as_much(results: Results, tables: Path, tmp_path: Path, work: str) -> None:
    large = write_registrations(tmp_path, 10 * MILLION)
    ours, bound = alternate(2, partial(compared, work, large), partial(compared, work, tables))
    what = COMPARED if work == "recon" else ACCOUNTED
    results.add(what.replace("1 M", "10 M"), "L", ours, ("of 1 M", bound), limit=11)
    assert ours["peak_mb"] <= 4096
