"""The frame of every page: its policy, its style, its one script, and the place of the links to other pages."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from recon.report.page.contents import contents
from recon.report.templates import MARKS, environment, source_hash, stylesheet

if TYPE_CHECKING:
    from jinja2 import Template

PAGES = Markup("<!--pages-->")
"""What stands for the links to other pages until it is known which there are."""


class PageFrame:
    """What surrounds the content of a page.

    Attributes:
        style: The complete style sheet.
        script: The script of every page: search, and what it opens; a page reads without it.
        policy: The Content-Security-Policy that allows these two and nothing else.
        pages: The links to other pages, as HTML.
    """

    def __init__(self, style: str = "", pages: str = "", *, images: bool = False) -> None:
        self.style = stylesheet() + style
        self.script = _script()
        self.pages = pages
        self.policy = (
            f"default-src 'none'; {'img-src data:; ' if images else ''}style-src '{source_hash(self.style)}'; "
            f"script-src '{source_hash(self.script)}'; base-uri 'none'; form-action 'none'"
        )

    def render(self, template: Template, **given: Any) -> str:
        """The page of a template that extends page/frame.html.jinja."""
        return template.render(given | {"frame": self, "contents": contents, "marks": MARKS})


def page_template(name: str, folder: str = "report") -> Template:
    """A template of a folder, which may extend and import those of the reports."""
    return environment(folder).get_template(name)


@cache
def _script() -> str:
    return files("recon.report.page").joinpath("frame.js").read_text(encoding="utf-8")
