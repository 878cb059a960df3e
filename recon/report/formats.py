"""The formats of the report, by the name that `--format` knows them by."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from recon.model import Verification


@dataclass(frozen=True)
class Format:
    """A format of the report: how it is rendered and the file that it goes to by default.

    Attributes:
        render: A Verification in, the whole text out.
        default_output: The path when none is asked for; its suffix is the format's.
        render_strictly: As `render`, where a warning counts as a failure; None: the text is the same.
    """

    render: Callable[[Verification], str]
    default_output: str
    render_strictly: Callable[[Verification], str] | None = None

    @property
    def suffix(self) -> str:
        """The suffix of its files, e.g. ".md"."""
        return Path(self.default_output).suffix


def _lazy(module: str, function: str = "render") -> Callable[[Verification], str]:
    """A renderer that loads on first use: a run pays for no template engine that it does not need."""

    def render(verification: Verification) -> str:
        text: str = getattr(import_module(f"recon.report.{module}"), function)(verification)
        return text

    return render


FORMATS = {
    "markdown": Format(_lazy("markdown"), "./verification-report.md"),
    "json": Format(_lazy("json"), "./verification-report.json"),
    "junit": Format(_lazy("junit"), "./verification-report.xml", _lazy("junit", "render_strictly")),
    "html": Format(_lazy("html"), "./verification-report.html"),
    "csv": Format(_lazy("csv"), "./verification-report.csv"),
}
