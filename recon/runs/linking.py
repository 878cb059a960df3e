"""Links between the pages of a run and to the site, both ways: written when it is known which pages there are."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from markupsafe import Markup

from recon.report.page.frame import PAGES
from recon.runs.evidence.sheet import ALL_RUNS, HOME, SHEET
from recon.runs.folder import PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BESIDE = {
    "Report": PARTS["html"],
    "Data Docs": f"{PARTS['data_docs']}/index.html",
    "Go/No-Go": SHEET,
    "Report as text": PARTS["report"],
}
PLACE = '<nav class="page-links" aria-label="Pages">'
LINK = Markup('<a href="{}"{}>{}</a>\n')
AS_HOME = Markup(' rel="home"')
# From a copy in the site, the way to its home page is another, which is written in as many letters.
FROM_FOLDER = re.compile(rf'({re.escape(PLACE)}<a href="(?:\.\./)+)site/(index\.html" rel="home">)')
FROM_SITE = r"\1.././\2"


def link_pages(folder: Path, *, has_site: bool) -> None:
    """Write into each page of a run's folder the links to its other pages, and to the site if there is one.

    Raises:
        OSError: A page cannot be read or written.
    """
    # The sheet is written last: it proves what the other pages are.
    there = {label: file for label, file in BESIDE.items() if file == SHEET or (folder / file).is_file()}
    for name in _pages(folder):
        page = folder / name
        text = page.read_text(encoding="utf-8")
        if PAGES in text:
            page.write_text(text.replace(PAGES, _links(name, there, has_site=has_site), 1), encoding="utf-8")


def _pages(folder: Path) -> Iterator[str]:
    """The pages of a folder, by their path in it."""
    for root, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".html"):
                yield os.path.relpath(os.path.join(root, name), folder)  # noqa: PTH118 - as os.walk has it


def _links(page: str, there: dict[str, str], *, has_site: bool) -> str:
    up = "../" * page.count("/")
    home = LINK.format(f"{up}{HOME}", AS_HOME, ALL_RUNS) if has_site else ""
    others = (
        Markup('<span aria-current="page">{}</span>\n').format(label)
        if file == page
        else LINK.format(f"{up}{file}", "", label)
        for label, file in there.items()
    )
    return "".join(map(str, (home, *others)))


def added_on_site(name: str) -> str:
    """The link to the home page that a copy in the site gets where its original has none; `name`: its path."""
    return str(LINK.format(f"{'../' * (name.count('/') + 2)}index.html", AS_HOME, ALL_RUNS))


def on_site(text: str, name: str) -> str:
    """A page as it is in the site; a page without a place for links is as it was."""
    found = FROM_FOLDER.sub(FROM_SITE, text, count=1)
    return found if found != text else text.replace(PLACE, PLACE + added_on_site(name), 1)
