"""Waits for one job on standard input, one line of JSON, executes it, and reports the result as one line of JSON.

Everything heavy is loaded before the job is read, so that the caller can start this before it knows the job.
"""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stdout
from pathlib import Path
from threading import Thread
from time import perf_counter, sleep
from typing import Any

import msgspec

from recon.errors import ReconError, VerificationFailedError
from recon.runs.execution import execute, export_html

PAUSE_S = 0.2


class Job(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to execute.

    Attributes:
        notebook: Where to save the executed notebook.
        parameters: Values of its `parameters` cell.
        html: Where to write its page; None: no page is written.
        cwd: The working directory of the kernel; None: that of this process.
        parent: The process with which this one ends, however that ends; None: it goes on to its end.
    """

    notebook: str
    parameters: dict[str, Any]
    html: str | None = None
    cwd: str | None = None
    parent: int | None = None


class Result(msgspec.Struct, frozen=True):
    """The result of the job.

    Attributes:
        notebook_ms: How long the notebook took.
        html_ms: How long the page took; None: there is none.
        failed: Why, as one sentence; None where nothing failed.
    """

    notebook_ms: int
    html_ms: int | None = None
    failed: str | None = None


def run(job: Job) -> Result:
    """Execute the notebook, then export it, also when its verdict was raised."""
    started, notebook, failed = perf_counter(), Path(job.notebook), None
    try:
        execute(notebook, job.parameters, Path(job.cwd) if job.cwd else None)
    except (ReconError, VerificationFailedError) as error:
        failed = str(error)
    notebook_ms, started = _since_ms(started), perf_counter()
    if job.html is None or not notebook.is_file():
        return Result(notebook_ms, None, failed)
    try:
        export_html(notebook, Path(job.html))
    except ReconError as error:
        failed = failed or str(error)
    return Result(notebook_ms, _since_ms(started), failed)


def _since_ms(started: float) -> int:
    return round((perf_counter() - started) * 1000)


def _end_with(parent: int) -> None:
    """End this process once its parent has ended: the next command removes the folder that it works in."""
    while os.getppid() == parent:
        sleep(PAUSE_S)
    # The kernel looks after its own parent in the same way.
    os._exit(1)


def main() -> int:
    """Do the one job: 0 if it succeeded, 1 if anything failed."""
    try:
        job = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)
    except msgspec.DecodeError as error:
        result = Result(0, failed=f"This is no job: {error}")
    else:
        if job.parent is not None:
            Thread(target=_end_with, args=(job.parent,), daemon=True).start()
        # Only the result may go to standard output, nothing that libraries print.
        with redirect_stdout(sys.stderr):
            result = run(job)
    sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
    return 1 if result.failed else 0


if __name__ == "__main__":
    sys.exit(main())
