"""Waits for one job on standard input, a line of JSON, executes it, and says in a line of JSON what became of it.

Everything heavy is loaded before the job is read, so that whoever has it yet to make may start this early.
"""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec

from recon.errors import ReconError, VerificationFailedError
from recon.runs.execution import execute, export_html


class Job(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to execute.

    Attributes:
        notebook: Where to save the executed notebook.
        parameters: Values of its `parameters` cell.
        html: Where to write its page; None: nowhere.
        cwd: Where the kernel works; None: where this process does.
    """

    notebook: str
    parameters: dict[str, Any]
    html: str | None = None
    cwd: str | None = None


class Result(msgspec.Struct, frozen=True):
    """What became of it.

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


def main() -> int:
    """Do the one job: 0 where it was done, 1 where something failed."""
    try:
        job = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)
    except msgspec.DecodeError as error:
        result = Result(0, failed=f"This is no job: {error}")
    else:
        # The one line is for whoever reads it; what libraries print is not.
        with redirect_stdout(sys.stderr):
            result = run(job)
    sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
    return 1 if result.failed else 0


if __name__ == "__main__":
    sys.exit(main())
