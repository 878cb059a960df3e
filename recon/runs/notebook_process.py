"""The process that executes the notebook: started early, so that its imports run while the verdict is reached."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

from recon.database.child_environment import PYTHON, child_environment
from recon.errors import StepError
from recon.scratch import ScratchFolder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MODULE = "recon.runs.execution"
ERROR_BYTES = 2000
# Replaced, so that the user's own notebook configuration and startup scripts have no effect.
# What the kernel's start leaves in the folder of temporary files when it is killed would stay there.
PRIVATE = ("TMPDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR")


class NotebookProcess:
    """The running process; it executes one notebook."""

    def __init__(self, process: subprocess.Popen[str], errors: IO[bytes]) -> None:
        self._process = process
        self._errors = errors

    def begin(self, job: Mapping[str, Any]) -> None:
        """Send it the job: see `recon.runs.execution`.

        Raises:
            StepError: The process ended before that.
        """
        try:
            self._pipe.write(json.dumps({**job, "parent": os.getpid()}) + "\n")
            self._pipe.close()
        except OSError as error:
            raise self._died() from error

    def result(self) -> dict[str, Any]:
        """Wait for its result.

        Raises:
            StepError: The process ended without one.
        """
        out = self._process.stdout.read() if self._process.stdout else ""
        self._process.wait()
        try:
            result: dict[str, Any] = json.loads(out.splitlines()[-1])
        except (IndexError, ValueError) as error:
            raise self._died() from error
        return result

    @property
    def _pipe(self) -> IO[str]:
        if self._process.stdin is None:
            raise self._died()
        return self._process.stdin

    def _died(self) -> StepError:
        code = self._process.wait()
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - ERROR_BYTES))
        lines = self._errors.read().decode(errors="replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "it said nothing")
        return StepError("The process of the notebook ended early", found=f"exit code {code}: {last.strip()[:300]}")


@contextmanager
def notebook_process(folder: Path) -> Iterator[NotebookProcess]:
    """Start it in `folder`; whatever happens, it is ended on exit.

    It reads the snapshot and no server, so it gets no variable by which one is reached.
    """
    with ScratchFolder("recon-jupyter-") as home, TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603 - the program is this one
            # Without -P, modules would be searched for first in the folder, which is not ours alone.
            [sys.executable, "-P", "-m", MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=folder,
            env=child_environment(PYTHON, **dict.fromkeys(PRIVATE, str(home.path))),
            encoding="utf-8",
        )
        try:
            yield NotebookProcess(process, errors)
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()
