"""Executes the shipped notebook with papermill; the saved notebook names no machine and no path of this run."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from recon.errors import StepError, UsageError, VerificationFailedError
from recon.rules import shipped_folder
from recon.runs.execution.kernel import kernel_manager

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NOTEBOOK = "verification_report.ipynb"
START_LIMIT_S = 60
MOST_OF_A_LINE = 80
KEPT = ("duration", "start_time", "end_time", "version")
ERROR_TAGS = {"papermill-error-cell-tag", "papermill-error-cell"}


def execute(
    notebook: Path,
    parameters: Mapping[str, Any],
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Execute the shipped notebook on its own kernel and save it, complete or as far as it got.

    Args:
        notebook: Where to save it.
        parameters: Values of its `parameters` cell.
        cwd: The working directory of the kernel; None: the current one.
        environment: The kernel's environment variables; None: those of this process.

    Raises:
        UsageError: The database is a URL, which the saved notebook would contain; nothing is executed.
        VerificationFailedError: The notebook raised it after it had shown everything.
        StepError: The kernel could not be started or died, or a cell failed.
    """
    _refuse_url(parameters)
    logging.getLogger("papermill").setLevel(logging.ERROR)
    shipped = shipped_folder("notebooks") / NOTEBOOK
    try:
        papermill.execute_notebook(
            shipped,
            notebook,
            parameters=_in_order(parameters, shipped),
            cwd=cwd,
            progress_bar=False,
            start_timeout=START_LIMIT_S,
            kernel_manager_class=kernel_manager(environment),
        )
    except PapermillExecutionError as error:
        raise _cell_error(error) from error
    except DeadKernelError as error:
        raise StepError("The notebook's kernel died", next_step="Look for a lack of memory, then run again") from error
    except (OSError, RuntimeError) as error:
        raise StepError("The notebook cannot be executed", found=_sentence(error)) from error
    finally:
        _tidy(notebook)


def _refuse_url(parameters: Mapping[str, Any]) -> None:
    if "://" in str(parameters.get("database", "")):
        raise UsageError(
            "A notebook keeps its parameters, so a URL does not belong among them",
            where="database",
            expected="the name of an environment variable, or a file",
            next_step="Put the URL into an environment variable and give its name",
        )


def _in_order(parameters: Mapping[str, Any], shipped: Path) -> dict[str, Any]:
    """The parameters in the order in which the notebook declares them, followed by any others."""
    declared = [name for name in papermill.inspect_notebook(shipped) if name in parameters]
    return {name: parameters[name] for name in (*declared, *parameters)}


def _cell_error(error: PapermillExecutionError) -> Exception:
    if error.ename == VerificationFailedError.__name__:
        return VerificationFailedError(error.evalue)
    line = next((line for line in error.source.splitlines() if line.strip()), "")
    return StepError(
        "A cell of the notebook failed",
        where=f"In [{error.exec_count}]: {_sentence(line, MOST_OF_A_LINE)}",
        found=f"{error.ename}: {_sentence(error.evalue)}",
    )


def _sentence(text: object, most: int = 500) -> str:
    return " ".join(str(text).split())[:most]


def _tidy(notebook: Path) -> None:
    """Keep the durations; remove the paths, and the cells that papermill adds to point at an error."""
    if not notebook.is_file():
        return
    document = nbformat.read(notebook, as_version=4)
    document.cells = [cell for cell in document.cells if not ERROR_TAGS & set(cell.metadata.get("tags", ()))]
    about = document.metadata.get("papermill", {})
    document.metadata["papermill"] = {name: about[name] for name in KEPT if name in about}
    nbformat.write(document, notebook)
