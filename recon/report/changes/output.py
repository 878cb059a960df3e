"""A comparison of two runs as text, in any of its formats."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recon.model.changes import RunComparison

SHOWN_RECORDS = 50
CHANGE_FORMATS = {"console": ".txt", "markdown": ".md", "json": ".json", "html": ".html"}
"""The formats of a comparison, and the suffix of each."""


def changes_text(comparison: RunComparison, format_name: str, most: int = SHOWN_RECORDS) -> str:
    """Return a comparison as text.

    Args:
        comparison: What to render.
        format_name: One of `CHANGE_FORMATS`.
        most: Records to list of each check and change; JSON has all.
    """
    render = import_module(f"recon.report.changes.{format_name}").render
    text: str = render(comparison) if format_name == "json" else render(comparison, most)
    return text
