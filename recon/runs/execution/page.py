"""An executed notebook as one self-contained HTML page: no URL, no script but that of every page, code collapsed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from markupsafe import Markup
from nbconvert.exporters import HTMLExporter

from recon.errors import OutputError
from recon.report.page.frame import PAGES, PageFrame, page_template

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HERE = Path(__file__).parent
TITLE = "Post-Migration Verification"
HEAD = re.compile("<!--head-->(.*?)<!--/head-->", re.DOTALL)
"""What of the outputs belongs to the top of the page; no text from data can hold it, because that is escaped."""
HEADING = re.compile("<h2>")
SECTION = re.compile(r"(?=<h2[ >])")
NAMED = {"parameters": "Parameters as shipped", "injected-parameters": "Parameters of this run"}


def export_html(notebook: Path, page: Path) -> None:
    """Write the page of an executed notebook.

    Raises:
        OutputError: It cannot be written.
    """
    document = nbformat.read(notebook, as_version=4)
    exporter = HTMLExporter(template_name="page", extra_template_basedirs=[str(HERE)], exclude_anchor_links=True)
    shown, _ = exporter.from_notebook_node(document)
    head = HEAD.search(shown)
    text = PageFrame((HERE / "page.css").read_text(encoding="utf-8"), PAGES, images=True).render(
        page_template("page.html.jinja", "runs/execution"),
        title=_title(document),
        head=Markup(head[1] if head else ""),  # noqa: S704 - what the sections escaped
        sections=list(_sections(HEAD.sub("", shown))),
        cells=list(_cells(document)),
        newline=Markup("\n"),
    )
    try:
        page.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError("The page cannot be written", where=str(page)[:300], found=error.strerror) from error


def _sections(shown: str) -> Iterator[Markup]:
    """The outputs by the headings of the second level; what is before the first of them is a section of its own."""
    for number, part in enumerate(filter(str.strip, SECTION.split(shown))):
        # The notebook's own headings have no ids.
        named = HEADING.sub(rf'<h2 id="section-{number}">', part, count=1)
        yield Markup(named)  # noqa: S704 - as above


def _cells(document: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """The name and the lines of each cell of code."""
    for cell in document["cells"]:
        if cell["cell_type"] == "code":
            tags = cell["metadata"].get("tags", ())
            named = next((NAMED[tag] for tag in tags if tag in NAMED), None)
            yield named or cell["id"].replace("-", " ").capitalize(), cell["source"].splitlines()


def _title(document: Mapping[str, Any]) -> str:
    """The first title that an output names."""
    outputs = (output for cell in document["cells"] for output in cell.get("outputs", ()))
    titles = (output.get("metadata", {}).get("recon", {}).get("title") for output in outputs)
    return str(next(filter(None, titles), TITLE))
