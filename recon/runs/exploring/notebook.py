"""The analyst's copy of the explorer's notebook: its parameters are those of a run, all else stays as it was edited."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recon.errors import OutputError, UsageError
from recon.report.files import replaced_file
from recon.rules import shipped_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NOTEBOOK = "explore_discrepancies.ipynb"
FILLED, DECLARED = "injected-parameters", "parameters"
"""The tags of the cells with the parameters of this run, as papermill has them, and of their defaults."""
MOST_BYTES = 64 << 20


@dataclass(frozen=True)
class ExplorerNotebook:
    """The analyst's copy.

    Attributes:
        path: Where it is.
        is_new: Whether it was made now, not found.
    """

    path: Path
    is_new: bool


def explorer_notebook(folder: Path, parameters: Mapping[str, Any]) -> ExplorerNotebook:
    """Copy the shipped notebook into a folder, or take what is there, and fill in its parameters.

    Args:
        folder: Is made if it is not there.
        parameters: Values of the notebook's `parameters` cell.

    Raises:
        UsageError: What is there is no notebook, or the copy lacks the cell of its parameters.
        OutputError: It cannot be read or written.
    """
    path = folder / NOTEBOOK
    try:
        # Outputs that are saved in it may show personal data.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_new = not path.exists()
        source = shipped_folder("notebooks") / NOTEBOOK if is_new else path
        document = _filled(_read(source), parameters, path)
        with replaced_file(path) as writing:
            writing.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(
            "The notebook cannot be written", where=str(path)[:300], found=error.strerror or str(error)
        ) from error
    return ExplorerNotebook(path, is_new)


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file() or path.stat().st_size > MOST_BYTES:
        raise _no_notebook(path, "another kind of file" if not path.is_file() else "a file of more than 64 MB")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _no_notebook(path, str(error)) from error
    if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
        raise _no_notebook(path, "JSON without cells")
    return document


def _no_notebook(path: Path, found: str) -> UsageError:
    return UsageError(
        "This is no notebook",
        where=str(path)[:300],
        expected="the explorer's notebook",
        found=found[:200],
        next_step="Move it away, or name another folder with --output",
    )


def _filled(document: dict[str, Any], parameters: Mapping[str, Any], path: Path) -> dict[str, Any]:
    cells = [cell for cell in document["cells"] if FILLED not in _tags(cell)]
    place = next((place for place, cell in enumerate(cells) if DECLARED in _tags(cell)), None)
    if place is None:
        raise UsageError(
            "The notebook has no cell for its parameters",
            where=str(path)[:300],
            expected=f'a cell with the tag "{DECLARED}"',
            found="none",
            next_step="Move it away, and a new one is made",
        )
    lines = ["# Of this run; written again by each recon explore."]
    lines += [f"{name} = {value!r}" for name, value in parameters.items()]
    cell: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "id": FILLED,
        "metadata": {"tags": [FILLED]},
        "outputs": [],
        "source": "\n".join(lines),
    }
    return {**document, "cells": [*cells[: place + 1], cell, *cells[place + 1 :]]}


def _tags(cell: Any) -> list[str]:
    return list(cell.get("metadata", {}).get("tags", ())) if isinstance(cell, dict) else []
