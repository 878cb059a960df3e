"""Interrupts while modules are imported, and errors that no command reports: one sentence, and the right exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import click
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from soaking import examples
from support import CHECKOUT, Finished, execute_in_process

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from recon.demo import DemoPaths

# Interrupts the process when a module begins to be imported, or has been; and writes down which modules are.
INTERRUPTING = """
import os, signal, sys

name, when, number = os.environ["INTERRUPT"].split(":")
signal.signal(signal.SIGINT, signal.default_int_handler)


class Interrupting:
    def find_spec(self, asked, path=None, target=None):
        if "MODULES" in os.environ:
            with open(os.environ["MODULES"], "a") as file:
                print(asked, file=file)
        if asked != name:
            return None
        sys.meta_path.remove(self)
        if when == "begin":
            os.kill(os.getpid(), int(number))
            return None
        from importlib.util import find_spec
        spec = find_spec(asked)
        execute = spec.loader.exec_module
        def interrupted(module):
            execute(module)
            os.kill(os.getpid(), int(number))
        spec.loader.exec_module = interrupted
        return spec


sys.meta_path.insert(0, Interrupting())
"""
SCRIPT = "import sys; from recon.__main__ import main; sys.exit(main())"
PROGRAMS = {"script": (sys.executable, "-c", SCRIPT), "module": (sys.executable, "-m", "recon")}
SAID = (130, "Interrupted: no verdict was reached.")


def sometimes(values: Sequence[Any], *always: Any) -> list[Any]:
    """The values, of which `make test` tries only those that are named again."""
    return [value if value in always else pytest.param(value, marks=pytest.mark.soak) for value in values]


# Of the package, of what all commands load, and of what is heavy and loaded within one; with "numbers", a library of C
# is left half loaded and is loaded again while the error is shown.
MODULES = (
    *("recon.cli", "click", "recon.cli.interrupts", "recon.errors", "recon.cli.verify", "recon.verification.verify"),
    *("polars", "duckdb", "numbers"),
)


@pytest.fixture
def hooks(tmp_path: Path) -> Path:
    folder = tmp_path / "hooks"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(INTERRUPTING, encoding="utf-8")
    return folder


def interrupted(hooks: Path, spot: str, *arguments: object, program: str = "script", **environment: str) -> Finished:
    done = subprocess.run(
        [*PROGRAMS[program], *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(hooks), "INTERRUPT": spot, **environment},
        cwd=hooks.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def verifying(demo: DemoPaths) -> tuple[object, ...]:
    return ("verify", "-b", demo.bundle, "--database", demo.database, "-o", "report.md")


@pytest.mark.parametrize("module", sometimes(MODULES, "recon.cli", "recon.cli.verify", "duckdb"))
def test_an_interrupt_while_a_module_is_imported_is_quiet(module: str, clean: DemoPaths, hooks: Path) -> None:
    """No traceback, no words of a library, exit code 130, and no report that looks like a verdict."""
    done = interrupted(hooks, f"{module}:begin:{signal.SIGINT:d}", *verifying(clean))
    assert (done.code, done.err.strip()) == SAID
    report = hooks.parent / "report.md"
    assert not report.exists() or "No verdict was reached" in report.read_text(encoding="utf-8")


@pytest.mark.parametrize("number", sometimes([signal.SIGINT, signal.SIGTERM, signal.SIGHUP], signal.SIGINT), ids=str)
@pytest.mark.parametrize("program", PROGRAMS)
def test_any_interrupt_is_quiet_from_the_first_import_on(program: str, number: signal.Signals, hooks: Path) -> None:
    done = interrupted(hooks, f"recon.cli:end:{number:d}", "--help", program=program)
    assert (done.code, done.err.strip(), done.out) == (*SAID, "")


def test_both_commands_begin_where_interrupts_are_handled() -> None:
    """The installed scripts call the module that sets the handlers before it imports the command line."""
    text = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'recon = "recon.__main__:main"' in text
    assert 'verify-migration = "recon.__main__:verify_migration"' in text


@pytest.mark.soak
@pytest.mark.parametrize("module", ["great_expectations", "altair", "vl_convert"])
def test_a_run_is_interrupted_while_its_heaviest_parts_are_imported(module: str, clean: DemoPaths, hooks: Path) -> None:
    run = ("run", "-b", clean.bundle, "--database", clean.database, "--outputs", "outputs")
    done = interrupted(hooks, f"{module}:begin:{signal.SIGINT:d}", *run)
    assert (done.code, done.err.strip()) == SAID


@pytest.mark.soak
@settings(
    max_examples=examples(10),
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_an_interrupt_in_any_import_is_quiet(clean: DemoPaths, hooks: Path, data: st.DataObject) -> None:
    listed = hooks.parent / "modules"
    if not listed.exists():
        assert interrupted(hooks, "::0", *verifying(clean), MODULES=str(listed)).code == 0
    modules = listed.read_text(encoding="utf-8").split()
    # Before it, Python itself looks for the program.
    ours = sorted({*modules[modules.index("recon.cli") :]} - {"recon"})
    module = data.draw(st.sampled_from(ours))
    done = interrupted(hooks, f"{module}:begin:{signal.SIGINT:d}", *verifying(clean))
    assert (done.code, done.err.strip()) == SAID


LOST = """
import signal, sys, time
import click
from recon.cli import execute

class Finalized:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

def command():
    Finalized()
    time.sleep(60)

sys.argv = ["recon"]
sys.exit(execute(click.Command("command", callback=command)))
"""


def test_an_interrupt_that_arrives_while_an_object_is_finalized_is_not_lost() -> None:
    """Python can raise nothing there: it would print a traceback, and go on."""
    done = subprocess.run(
        [sys.executable, "-c", "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n" + LOST],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert (done.returncode, done.stderr.strip()) == SAID


class PanicError(BaseException):
    """As a native library raises, which is no Exception."""


def raising(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize("traceback", ["", "1"])
@pytest.mark.parametrize(
    "error",
    [SystemExit(0), SystemExit(1), PanicError("gone"), GeneratorExit(), ValueError("x"), MemoryError()],
    ids=repr,
)
def test_no_error_ends_as_a_verdict_does(error: BaseException, traceback: str) -> None:
    """Whatever is raised, the exit code is neither 0 nor 1, with and without a traceback that was asked for."""
    given_ = {"RECON_TRACEBACK": traceback} if traceback else {}
    done = execute_in_process(click.Command("command", callback=raising(error)), **given_)
    assert done.code == 2
    assert ("Traceback" in done.err) is bool(traceback)
    assert "error" in done.err


def test_a_reader_that_is_gone_is_no_verdict_and_no_bug() -> None:
    """Click ends a program with exit code 1 there, which would say that a check failed."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-u", "-m", "recon", "demo", "--list-faults"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (2, "")


@pytest.mark.parametrize("traceback", ["", "1"])
@pytest.mark.parametrize("module", sometimes(["click", "recon.cli", "recon.cli.verify", "polars"], "click", "polars"))
@pytest.mark.parametrize("raised", ["ImportError", "SystemExit", "ValueError"])
def test_an_error_while_a_module_is_imported_exits_with_2(
    module: str, raised: str, traceback: str, clean: DemoPaths, tmp_path: Path
) -> None:
    """A command that cannot be loaded has no verdict, so that 0 and 1 would be wrong."""
    hook = (
        f"import sys\nclass Broken:\n    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}:\n            raise {raised}('broken')\nsys.meta_path.insert(0, Broken())\n"
    )
    (tmp_path / "sitecustomize.py").write_text(hook, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "recon", *map(str, verifying(clean))],
        env=os.environ | {"PYTHONPATH": str(tmp_path), "RECON_TRACEBACK": traceback},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.strip()
    assert traceback or "Traceback" not in done.stderr
