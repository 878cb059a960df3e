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
from recon.report.templates import MARKS, environment, source_hash, stylesheet
from recon.report.text import (
    advice_facts,
    checks_line,
    escalation_sentence,
    facts,
    guidance,
    notices,
    shown_of,
    timestamp,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from recon.gx.checkpoint import GxResult, GxSuite
    from recon.model import Check, Verification

TEMPLATES = "gx/templates"
SHOWN_ROWS = 50
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
    def rules(self) -> str:
        """The page of its rules."""
        return f"expectations/{self.slug}.html"

    @property
    def summary(self) -> Summary:
        """Its checks by outcome."""
        return Summary.of(self.checks)


def build_data_docs(result: GxResult, verification: Verification, folder: Path, home: str | None = None) -> Path:
    """Write the pages into `folder`: index.html, and two pages for each suite; they show the Verification's content.

    Args:
        result: As returned by `validate`.
        verification: The judgement; its violating rows are masked already, unless the user disabled that.
        folder: Created if it does not exist.
        home: The path of the page of all runs, relative to `folder`; None: it is not linked.

    Returns:
        The path of the index.

    Raises:
        OutputError: A page cannot be written.
    """
    checks = {check.id: check for check in verification.checks}
    hide = mask_text if verification.masked else str
    suites = (replace(suite, name=hide(suite.name), rules=mask_texts(suite.rules, hide)) for suite in result.suites)
    pages = [_page(number, suite, checks) for number, suite in enumerate(suites, 1)]
    docs = _Docs(result, verification, home)
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

    def __init__(self, result: GxResult, verification: Verification, home: str | None) -> None:
        self._verification = verification
        self._home = home
        self._templates = environment(TEMPLATES)
        style = stylesheet() + self._templates.get_template("data_docs.css").render()
        # Available in every page and every macro.
        self._templates.globals |= {
            "v": verification,
            "version": result.version,
            "style": style,
            "style_hash": source_hash(style),
            "marks": MARKS,
            "newline": Markup("\n"),
            "violations": _violations,
            "escalation_sentence": escalation_sentence,
            "guidance": guidance,
            "notices": notices(verification),
        }

    def index(self, pages: Sequence[SuitePage]) -> str:
        """The page of the run."""
        return self._templates.get_template("index.html.jinja").render(
            links=[("All runs", self._home)] if self._home else [],
            pages=pages,
            places={check.id: f"{p.results}#check-{n}" for p in pages for n, check in enumerate(p.checks, 1)},
            facts=[
                *advice_facts(self._verification),
                *((label, text) for label, text in facts(self._verification) if label in FACTS),
            ],
            checks_line=checks_line(self._verification.summary),
        )

    def suite_page(self, kind: str, page: SuitePage) -> str:
        """The page of a suite's results, or of its rules."""
        other = ("Rules of this suite", page.rules) if kind == "results" else ("Results", page.results)
        links = [("All runs", self._home)] if self._home else []
        links += [("Data Docs", "index.html"), other]
        return self._templates.get_template(f"{kind}.html.jinja").render(
            links=[(text, f"../{href}") for text, href in links],
            page=page,
            verified_at=timestamp(self._verification.verified_at),
            checks_line=checks_line(page.summary),
        )


def _violations(check: Check) -> dict[str, Any]:
    """The rows to show, each a tuple in the order of `columns`, and which part of all rows they are."""
    shown = check.violations.head(SHOWN_ROWS)
    return {
        "columns": shown.columns,
        "rows": shown.rows(),
        "which": shown_of(shown.height, check.violation_count or 0) or f": {shown.height:,}",
    }


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError("A page of the Data Docs cannot be written", where=str(file), found=error.strerror) from error
