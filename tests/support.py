"""What tests share: the installed command in its own process, and short ways to a verdict."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path
from threading import Timer
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any
from unittest import mock

import recon
from recon.cli import cli, execute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import click

    from recon.demo import DemoPaths

# Less than any driver goes on trying (connectorx: 30 s), more than what gives up at once needs on a busy machine.
SOON_S = 25
NOT_INHERITED = ("DATABASE_URL", "NO_COLOR", "FORCE_COLOR")
CHECKOUT = Path(__file__).parents[1]
SAMPLES = CHECKOUT.parent / "shared" / "samples"


@dataclass(frozen=True)
class Finished:
    """The result of a command line run: exit code and both streams."""

    code: int
    out: str
    err: str


def run_recon(*arguments: object, program: str = "recon", **environment: str) -> Finished:
    """Run the installed command as a user would, in a process of its own."""
    return run_program((str(Path(sys.executable).with_name(program)),), *arguments, **environment)


def run_program(program: Sequence[str], *arguments: object, **environment: str) -> Finished:
    """Run a program in a process of its own, with none of what steers recon but what is given here."""
    inherited = {k: v for k, v in os.environ.items() if k not in NOT_INHERITED}
    done = subprocess.run(
        [*program, *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=120,
        env=inherited | environment,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def run_in_process(*arguments: object, **environment: str) -> Finished:
    """Run the same command within this process: for tests of its output, not of how a process starts and ends."""
    return execute_in_process(cli, *arguments, **environment)


def execute_in_process(command: click.Command, *arguments: object, **environment: str) -> Finished:
    """Run a command of the package within this process, whatever the program is called that starts it."""
    out, err = (TextIOWrapper(BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    inherited = {k: v for k, v in os.environ.items() if k not in NOT_INHERITED}
    thresholds = gc.get_threshold()
    with (
        mock.patch.dict(os.environ, inherited | environment, clear=True),
        mock.patch.object(sys, "argv", ["recon", *map(str, arguments)]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        code = execute(command)
    gc.set_threshold(*thresholds)
    said = [stream.buffer.getvalue().decode() for stream in (out, err)]
    return Finished(code, *said)


@contextmanager
def given_up_soon() -> Iterator[None]:
    """What happens inside does not wait for what will never come."""
    started = monotonic()
    yield
    assert monotonic() - started < SOON_S


@contextmanager
def let_go_at_last(let_go: Callable[[], object]) -> Iterator[None]:
    """What is held against the code inside is let go after a minute, so that waiting for it fails a test and ends."""
    letting_go = Timer(60, let_go)
    letting_go.start()
    try:
        yield
    finally:
        letting_go.cancel()


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Return as soon as the condition is met, which it will be: a minute is as good as never."""
    deadline = monotonic() + 60
    while not condition():
        assert monotonic() < deadline, what
        sleep(0.001)


def run_module_in_process(program: Sequence[str], *, cwd: str, **_: object) -> subprocess.CompletedProcess[str]:
    """In place of `subprocess.run` where that is to run `python -m recon`."""
    assert program[1:3] == ["-m", "recon"]
    with chdir(cwd):
        done = run_in_process(*program[3:])
    return subprocess.CompletedProcess(program, done.code, done.out, done.err)


def verify(demo: DemoPaths, **options: Any) -> recon.Verification:
    return recon.verify(recon.VerifyOptions(bundle=demo.bundle, database=str(demo.database), **options))


def verify_url(bundle: Path, url: str, **options: Any) -> recon.Verification:
    environment = {"DATABASE_URL": url}
    return recon.verify(recon.VerifyOptions(bundle=bundle, environment=environment, **options))


def check_of(verification: recon.Verification, check_id: str) -> recon.Check:
    return next(check for check in verification.checks if check.id == check_id)


def edit_report(bundle: Path, change: Callable[[dict[str, Any]], object]) -> None:
    file = bundle / "migration-report.json"
    report = json.loads(file.read_text(encoding="utf-8"))
    change(report)
    file.write_text(json.dumps(report), encoding="utf-8")


def names_in(folder: Path) -> list[str]:
    """The names of what is in a folder, including hidden files."""
    return sorted(path.name for path in folder.iterdir())


def outcomes(verification: recon.Verification) -> dict[str, str]:
    """Outcome by check id."""
    return {check.id: str(check.outcome) for check in verification.checks}
