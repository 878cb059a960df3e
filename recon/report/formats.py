"""The report formats, by their names for `--format`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from recon.model import Verification


@dataclass(frozen=True)
class Format:
    """A report format: how it is rendered, and the file that it is written to by default.

    Attributes:
        render: Takes a Verification, returns the complete text.
        default_output: The path if none is given; its suffix is the format's.
        render_strictly: Like `render`, but a warning counts as a failure; None: the text is the same.
        names_rest: Whether `render` also takes the command that shows the rows which the report leaves out.
    """

    render: Callable[..., str]
    default_output: str
    render_strictly: Callable[[Verification], str] | None = None
    names_rest: bool = False

    @property
    def suffix(self) -> str:
        """The suffix of its files, e.g. ".md"."""
        return Path(self.default_output).suffix


def _lazy(module: str, function: str = "render") -> Callable[..., str]:
    """A renderer that is loaded on first use: no run loads a template engine that it does not need."""

    def render(verification: Verification, *others: Any) -> str:
        text: str = getattr(import_module(f"recon.report.{module}"), function)(verification, *others)
        return text

    return render


FORMATS = {
    "markdown": Format(_lazy("markdown"), "./verification-report.md", names_rest=True),
    "json": Format(_lazy("json"), "./verification-report.json"),
    "junit": Format(_lazy("junit"), "./verification-report.xml", _lazy("junit", "render_strictly")),
    "html": Format(_lazy("html"), "./verification-report.html"),
    "csv-long": Format(_lazy("csv"), "./verification-report.csv"),
}
"""The formats that are one text."""


@dataclass(frozen=True)
class TableFormat:
    """A format of several tables, for a spreadsheet: it is written to files and is no text.

    Attributes:
        default_output: The path if none is given.
        may_be_folder: Whether a path without its suffix is a folder, with a file per table.
    """

    default_output: str
    may_be_folder: bool = False

    @property
    def suffix(self) -> str:
        """The suffix of its file, e.g. ".xlsx"."""
        return Path(self.default_output).suffix

    def is_folder(self, place: str) -> bool:
        """Whether that place is one for a folder."""
        return self.may_be_folder and Path(place).suffix.lower() != self.suffix


TABLE_FORMATS = {
    "xlsx": TableFormat("./verification-report.xlsx"),
    "csv": TableFormat("./verification-report.zip", may_be_folder=True),
}
"""The formats of tables: a workbook, or a CSV file for each table in a folder or an archive."""
EVERY_FORMAT: dict[str, Format | TableFormat] = {**FORMATS, **TABLE_FORMATS}
