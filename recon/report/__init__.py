"""Reports: each format renders the one Verification, and none of them counts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from recon.errors import OutputError
from recon.report import json, markdown

if TYPE_CHECKING:
    from collections.abc import Callable

    from recon.model import Verification

__all__ = ["FORMATS", "Format", "check_output", "write_report"]


@dataclass(frozen=True)
class Format:
    """A format of the report: how it is rendered and the file that it goes to by default."""

    render: Callable[[Verification], str]
    default_output: str


FORMATS = {
    "markdown": Format(markdown.render, "./verification-report.md"),
    "json": Format(json.render, "./verification-report.json"),
}


def check_output(path: Path) -> None:
    """Make sure, before the work, that a report can be written to `path`.

    Raises:
        OutputError: Its folder is missing or not writable, or `path` is a folder.
    """
    folder = path.parent
    if path.is_dir():
        raise OutputError("The output is a folder", where=str(path), expected="a file", next_step="Add a file name")
    if not folder.is_dir():
        raise OutputError(
            "The output's folder was not found",
            where=str(folder),
            expected="a folder",
            found="a file" if folder.exists() else "nothing",
            next_step="Create it, or choose another with --output",
        )
    if not os.access(folder, os.W_OK):
        raise OutputError("The output's folder cannot be written to", where=str(folder), next_step="Choose another")


def write_report(verification: Verification, format_name: str, path: Path) -> None:
    """Write the report to `path`, whole or not at all; an existing file is replaced.

    Raises:
        OutputError: The file cannot be written.
    """
    text = FORMATS[format_name].render(verification)
    temporary = None
    try:
        with NamedTemporaryFile(
            "w", encoding="utf-8", newline="\n", dir=path.parent, prefix=f".{path.name[:40]}.", delete=False
        ) as file:
            temporary = Path(file.name)
            file.write(text)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        if temporary:
            temporary.unlink(missing_ok=True)
        raise OutputError(
            "The report cannot be written",
            where=str(path),
            found=error.strerror,
            next_step="Choose another --output",
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
