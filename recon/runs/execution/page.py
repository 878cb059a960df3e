"""An executed notebook as one self-contained HTML page: no script, no URL, code collapsed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbconvert.exporters import HTMLExporter

from recon.errors import OutputError
from recon.report.templates import source_hash, stylesheet

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
TITLE = "Post-Migration Verification"


def export_html(notebook: Path, page: Path) -> None:
    """Write the page of an executed notebook.

    Raises:
        OutputError: It cannot be written.
    """
    document = nbformat.read(notebook, as_version=4)
    style = stylesheet() + (HERE / "page.css").read_text(encoding="utf-8")
    resources = {"style": style, "style_hash": source_hash(style), "title": _title(document)}
    exporter = HTMLExporter(template_name="page", extra_template_basedirs=[str(HERE)], exclude_anchor_links=True)
    html, _ = exporter.from_notebook_node(document, resources=resources)
    try:
        page.write_text(html, encoding="utf-8")
    except OSError as error:
        raise OutputError("The page cannot be written", where=str(page)[:300], found=error.strerror) from error


def _title(document: Mapping[str, Any]) -> str:
    """The first title that an output names."""
    outputs = (output for cell in document["cells"] for output in cell.get("outputs", ()))
    titles = (output.get("metadata", {}).get("recon", {}).get("title") for output in outputs)
    return str(next(filter(None, titles), TITLE))
