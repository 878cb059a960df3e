"""What an interrupt leaves once the verdict is written: the report, and the exit code of the verdict."""

from __future__ import annotations

import json
import signal
import sys
from typing import TYPE_CHECKING

import pytest
from support import Finished, run_program

from recon.background import held_interrupts
from recon.demo import plant
from recon.runs.evidence.record import read_record

if TYPE_CHECKING:
    from pathlib import Path

    from recon.demo import DemoPaths

# Sends itself the signal at the moment when a function is called, and goes on.
PROGRAM = """
import os, signal, sys
from importlib import import_module
from recon.cli import cli, execute
number, place, way, *sys.argv[1:] = sys.argv[1:]
module, _, name = place.partition(":")
*owners, name = name.split(".")
owner = import_module(module)
for each in owners:
    owner = getattr(owner, each)
called = getattr(owner, name)
def interrupted(*given, **named):
    setattr(owner, name, called)
    try:
        os.kill(os.getpid(), int(number))
        return called(*given, **named)
    except KeyboardInterrupt as interrupt:
        if way == "wrapped":
            raise RuntimeError("Query interrupted") from interrupt
        raise
setattr(owner, name, interrupted)
sys.exit(execute(cli))
"""


@pytest.fixture
def lossy(demo: DemoPaths) -> DemoPaths:
    plant(["orphaned-registrations"], demo.bundle, demo.database)
    return demo


def interrupted(number: signal.Signals, place: str, *arguments: object, way: str = "plain") -> Finished:
    """Interrupt the command there; "wrapped": a native library makes an error of its own of it."""
    return run_program((sys.executable, "-c", PROGRAM, str(int(number)), place, way), *arguments)


@pytest.mark.parametrize(
    "number, place",
    [
        (signal.SIGINT, "recon.report.console:Console.finished"),
        pytest.param(signal.SIGTERM, "recon.cli.verify:publish", marks=pytest.mark.soak),
        pytest.param(signal.SIGHUP, "recon.report.console:Console.finished", marks=pytest.mark.soak),
    ],
)
def test_an_interrupt_after_the_report_keeps_it_and_the_exit_code(
    number: signal.Signals, place: str, lossy: DemoPaths, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    arguments = ("verify", lossy.bundle, "--database", lossy.database, "-f", "json", "-o", report)
    done = interrupted(number, place, *arguments)
    assert done.code == 1
    assert done.err.strip() == f"Interrupted after the verdict, which stands: {report}"
    assert json.loads(report.read_text(encoding="utf-8"))["verdict"] == "FAILED"


def test_an_interrupt_before_the_report_is_written_leaves_no_verdict(lossy: DemoPaths, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    arguments = ("verify", lossy.bundle, "--database", lossy.database, "-f", "json", "-o", report)
    done = interrupted(signal.SIGINT, "recon.cli.verify:write_reports", *arguments)
    assert (done.code, done.err.strip()) == (130, "Interrupted: no verdict was reached.")
    assert "no verdict was reached" in report.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "place",
    [
        "recon.runs.run:record_folder",
        pytest.param("recon.runs.run:_build_site", marks=pytest.mark.soak),
        pytest.param("recon.report.console:Console.finished", marks=pytest.mark.soak),
    ],
)
def test_an_interrupt_after_a_run_is_kept_keeps_its_record_and_the_exit_code(
    place: str, lossy: DemoPaths, tmp_path: Path
) -> None:
    outputs = tmp_path / "outputs"
    arguments = ("run", lossy.bundle, "--database", lossy.database, "--outputs", outputs)
    done = interrupted(signal.SIGINT, place, *arguments, "--only", "report", "--only", "site")
    (folder,) = (path for path in outputs.iterdir() if path.name.startswith("2"))
    assert done.code == 1
    assert done.err.strip() == f"Interrupted after the verdict, which stands: {folder}"
    assert [line.folder for line in read_record(outputs).entries] == [folder.name]
    assert not list(outputs.glob(".unfinished-*"))


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGHUP, marks=pytest.mark.soak)])
def test_an_interrupt_that_a_library_wraps_is_no_failure_of_a_part(
    number: signal.Signals, lossy: DemoPaths, tmp_path: Path
) -> None:
    outputs = tmp_path / "outputs"
    arguments = ("run", lossy.bundle, "--database", lossy.database, "--outputs", outputs, "--only", "report")
    done = interrupted(number, "recon.runs.run:render_with_charts", *arguments, way="wrapped")
    assert (done.code, done.err.strip()) == (130, "Interrupted: no verdict was reached.")
    assert list(outputs.iterdir()) == []


def test_an_interrupt_is_held_until_what_belongs_together_is_done() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - what was done inside is the point
        with held_interrupts():
            signal.raise_signal(signal.SIGINT)
            done.append("inside")
        done.append("never")
    assert done == ["inside"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
