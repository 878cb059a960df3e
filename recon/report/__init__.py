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
    try:
        _check_output(path)
    except OSError as error:
        raise OutputError(
            "The output cannot be used",
            where=str(path)[:300],
            found=error.strerror,
            next_step="Choose another --output",
        ) from error


def _check_output(path: Path) -> None:
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
    if path.exists() and not path.is_file():
        raise OutputError("The output is a device or a pipe", where=str(path), expected="a file")
    # A link is followed: the report goes where it points to.
    if not os.access(path.resolve().parent, os.W_OK):
        raise OutputError("The output cannot be written to", where=str(path), next_step="Choose another --output")


def write_report(verification: Verification, format_name: str, path: Path) -> None:
    """Write the report to `path`, whole or not at all; an existing file is replaced.

    Raises:
        OutputError: The file cannot be written.
    """
    text = FORMATS[format_name].render(verification)
    try:
        _replace(path.resolve(), text)
    except OSError as error:
        raise OutputError(
            "The report cannot be written", where=str(path), found=error.strerror, next_step="Choose another --output"
        ) from error


def _replace(path: Path, text: str) -> None:
    with NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name[:40]}.", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(text.encode())
            file.close()
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
