"""Data Docs: what Great Expectations validated, on recon's own pages, which load nothing, run nothing and mask all."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from recon.errors import OutputError
from recon.masking import mask_text
from recon.masking.structs import mask_texts
from recon.model import Summary
from recon.report.html import section_words
from recon.report.page.frame import PAGES, PageFrame, page_template
from recon.report.templates import environment
from recon.report.text import advice_facts, checks_line, facts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from recon.gx.checkpoint import GxResult, GxSuite
    from recon.model import Check, Verification

TEMPLATES = "gx/templates"
SLUG_LENGTH = 48
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
FACTS = ("Run ID", "Bundle", "Import completed", "Verified at", "Database", "Snapshot", "Personal data")


@dataclass(frozen=True)
class SuitePage:
    """One suite and the location of its two pages, relative to the index."""

    suite: GxSuite
    checks: tuple[Check, ...]
    slug: str

    @property
    def results(self) -> str:
        """The page of its checks."""
        return f"validations/{self.slug}.html"

    @property
    def ids(self) -> list[str]:
        """The ids of its checks' elements, in their order."""
        return [f"check-{number}" for number in range(1, len(self.checks) + 1)]

    @property
    def rules(self) -> str:
        """The page of its rules."""
        return f"expectations/{self.slug}.html"

    @property
    def summary(self) -> Summary:
        """Its checks by outcome."""
        return Summary.of(self.checks)


def build_data_docs(result: GxResult, verification: Verification, folder: Path) -> Path:
    """Write the pages into `folder`: index.html, and two pages for each suite; they show the Verification's content.

    Args:
        result: As returned by `validate`.
        verification: The judgement; its violating rows are masked already, unless the user disabled that.
        folder: Created if it does not exist.

    Returns:
        The path of the index.

    Raises:
        OutputError: A page cannot be written.
    """
    checks = {check.id: check for check in verification.checks}
    hide = mask_text if verification.masked else str
    suites = (replace(suite, name=hide(suite.name), rules=mask_texts(suite.rules, hide)) for suite in result.suites)
    pages = [_page(number, suite, checks) for number, suite in enumerate(suites, 1)]
    docs = _Docs(result, verification)
    written = {"index.html": docs.index(pages)}
    for page in pages:
        written[page.results] = docs.suite_page("results", page)
        written[page.rules] = docs.suite_page("rules", page)
    for name, text in written.items():
        _write(folder / name, text)
    return folder / "index.html"


def _page(number: int, suite: GxSuite, checks: Mapping[str, Check]) -> SuitePage:
    """The names of a suite's pages, distinguished by their number, whatever is replaced in the rest of the name."""
    name = UNSAFE.sub("-", suite.name)[:SLUG_LENGTH].strip("-.")
    return SuitePage(suite, tuple(checks[rule.id] for rule in suite.rules), f"{number:02}-{name}".rstrip("-"))


class _Docs:
    """The pages of one run."""

    def __init__(self, result: GxResult, verification: Verification) -> None:
        self._verification = verification
        self._frame = PageFrame(environment(TEMPLATES).get_template("data_docs.css").render(), PAGES)
        # Available in every page and every macro.
        self._words = section_words() | {"v": verification, "version": result.version, "newline": Markup("\n")}

    def index(self, pages: Sequence[SuitePage]) -> str:
        """The page of the run."""
        return self._page(
            "index.html.jinja",
            links=(),
            pages=pages,
            places={
                check.id: f"{p.results}#{name}" for p in pages for check, name in zip(p.checks, p.ids, strict=True)
            },
            facts=[
                *advice_facts(self._verification),
                *((label, text) for label, text in facts(self._verification) if label in FACTS),
            ],
        )

    def suite_page(self, kind: str, page: SuitePage) -> str:
        """The page of a suite's results, or of its rules."""
        other = ("Rules of this suite", page.rules) if kind == "results" else ("Results", page.results)
        return self._page(
            f"{kind}.html.jinja",
            links=[(other[0], f"../{other[1]}")],
            page=page,
            ids=dict(zip((check.id for check in page.checks), page.ids, strict=True)),
            suite_line=checks_line(page.summary),
        )

    def _page(self, name: str, **given: Any) -> str:
        return self._frame.render(page_template(name, TEMPLATES), **self._words, **given)


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError("A page of the Data Docs cannot be written", where=str(file), found=error.strerror) from error
