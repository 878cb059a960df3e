"""Every benchmark once, on next to nothing and within this process: whether it runs, not how fast."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copyfile, copytree
from typing import TYPE_CHECKING, Any

import measurement
import pytest
import registrations
import test_speed
import workloads
from measurement import Results, SizedClub, sized_club, write_large_bundle
from registrations import write_registrations
from support import run_in_process

# By these names they are tests of this module too, and use its fixtures.
from test_speed import (  # noqa: F401
    test_a_large_report,
    test_comparing_beside_the_bare_join,
    test_help_starts_at_once,
    test_reading_registrations,
    test_reports,
    test_rules,
    test_ten_times_as_much,
    test_the_ledger_beside_the_bare_join,
    test_the_whole_process_on_postgresql,
    test_the_whole_process_on_sqlite,
)

from recon.demo import DemoPaths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postgres import Cluster

# The peers would have to be installed first.
LEFT_OUT = {"test_comparing_beside_a_peer"}
NO_TIME = {"wall_s": 1.0, "cpu_s": 1.0, "peak_mb": 0.0}


class WithoutLimits(Results):
    """Rows whose ratios say nothing."""

    def add(self, *row: Any, limit: float = 0) -> None:  # noqa: ARG002 - which benchmarks name
        super().add(*row)


def workload(name: str, *arguments: object, script: str = "workloads.py", **_: object) -> Any:
    """A workload within this process, whose memory says nothing about it."""
    if script == "registrations.py":
        (folder,) = arguments
        found: Any = registrations.measured(registrations.WORKLOADS[name](str(folder))) | NO_TIME
    else:
        found = workloads.WORKLOADS[name](*map(str, arguments))
    return json.loads(json.dumps(found))


def process(*command: object, **environment: str) -> dict[str, float]:
    """The work of a command within this process."""
    program, *arguments = command
    if program == test_speed.RECON:
        done = run_in_process(*arguments, **environment)
        assert done.code == 0, done.err
    else:
        exec(str(arguments[-1]), {})  # noqa: S102 - what a benchmark gives to `python -c`
    return dict(NO_TIME)


def measure(work: Callable[[], object]) -> dict[str, float]:
    return measured_in_a_workload(work) | {"peak_mb": 0.0}


measured_in_a_workload = workloads.measure


@pytest.fixture(autouse=True)
def _here_and_once(monkeypatch: pytest.MonkeyPatch, clean: DemoPaths) -> None:
    def write_demo(folder: Path) -> DemoPaths:
        return DemoPaths(
            Path(copytree(clean.bundle, folder / "bundle")), Path(copyfile(clean.database, folder / "club.db"))
        )

    def once(_: int, *works: Callable[[], dict[str, float]]) -> list[dict[str, float]]:
        return alternate(1, *works)

    alternate = test_speed.alternate
    monkeypatch.setattr(workloads, "measure", measure)
    for name, instead in (
        ("workload", workload),
        ("process", process),
        ("alternate", once),
        ("write_demo", write_demo),
        ("MILLION", 4_000),
        ("ROUNDS", {"XS": 1}),
    ):
        monkeypatch.setattr(test_speed, name, instead)


@pytest.fixture(scope="module")
def results() -> Results:
    return WithoutLimits()


@pytest.fixture(scope="module")
def sized(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SizedClub]:
    with sized_club(cluster, tmp_path_factory.mktemp("bundle"), "XS", (40, 10, 90)) as made:
        yield made


@pytest.fixture(scope="module")
def large_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_large_bundle(tmp_path_factory.mktemp("large"), 20, 50)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_registrations(tmp_path_factory.mktemp("tables"), 4_000)


@pytest.mark.soak
def test_a_whole_run_on_sqlite(results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a kernel each, in processes of their own: many seconds."""
    monkeypatch.setattr(test_speed, "process", measurement.process)
    test_speed.test_a_whole_run_on_sqlite(results, tmp_path)


def test_no_benchmark_is_left_out() -> None:
    written = {name for name in vars(test_speed) if name.startswith("test_")}
    assert written - set(globals()) == LEFT_OUT


def test_a_process_that_fails_shows_what_it_said() -> None:
    with pytest.raises(AssertionError, match=r"exit code 2 of .*recon verify:\n(.*\n)*.*--bundle"):
        measurement.process(test_speed.RECON, "verify")


def test_a_workload_that_fails_shows_what_it_said() -> None:
    with pytest.raises(AssertionError, match=r"exit code 1 of .*decode_report /nowhere:\n(.*\n)*FileNotFoundError"):
        measurement.workload("decode_report", "/nowhere")


def test_a_process_is_measured() -> None:
    taken = measurement.process(test_speed.PYTHON, "-c", "")
    assert min(taken.values()) > 0
