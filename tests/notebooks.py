"""Executed notebooks, each made once for all tests that look at them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.demo import DemoPaths

NOTEBOOK = CHECKOUT / "notebooks" / "verification_report.ipynb"
# Longer than any run takes: IPython writes its history below HOME, which the tests leave alone.
LIMIT_S = 120


@dataclass(frozen=True)
class Executed:
    """The results of a notebook run."""

    demo: DemoPaths
    folder: Path
    code: int
    said: str

    @property
    def notebook(self) -> Path:
        return self.folder / "out.ipynb"

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.notebook.read_text(encoding="utf-8"))
        return found

    def outputs(self, cell: str) -> list[dict[str, Any]]:
        """The outputs of the cell with that id."""
        found: list[dict[str, Any]] = next(c["outputs"] for c in self.document["cells"] if c["id"] == cell)
        return found

    def shown(self, cell: str) -> str:
        """The HTML that a cell shows."""
        return "".join(self.outputs(cell)[0]["data"]["text/html"])


def run_papermill(
    demo: DemoPaths, folder: Path, environment: dict[str, str], words: Sequence[str] = (), **parameters: Any
) -> Executed:
    """Run the shipped notebook through the papermill command, as a person would, who adds `words` to it."""
    given = folder / "parameters.json"
    folder.mkdir(parents=True, exist_ok=True)
    given.write_text(json.dumps({"bundle": str(demo.bundle), **parameters}), encoding="utf-8")
    done = subprocess.run(
        [Path(sys.executable).with_name("papermill"), NOTEBOOK, "out.ipynb", "-f", given, "--no-progress-bar", *words],
        cwd=folder,
        env=os.environ | environment | {"JUPYTER_PLATFORM_DIRS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )
    return Executed(demo, folder, done.returncode, done.stdout + done.stderr)


def run_job(demo: DemoPaths, folder: Path, line: bytes) -> Executed:
    """Run the waiting process and give it one line."""
    done = subprocess.run(
        [sys.executable, "-m", "recon.runs.execution"],
        input=line,
        cwd=folder,
        capture_output=True,
        check=False,
        timeout=LIMIT_S,
    )
    return Executed(demo, folder, done.returncode, done.stdout.decode())
