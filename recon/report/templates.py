"""Templates of pages: all text from data is escaped, with its control and direction characters visible."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from recon.report.palette import ACCENT, INK, OUTCOMES, PAPER, QUIET, VERDICTS
from recon.report.text import printable

MARKS = {"PASS": "✓", "WARN": "!", "FAIL": "✕", "ERROR": "?"}
VERDICT_MARKS = {"PASSED": MARKS["PASS"], "FAILED": MARKS["FAIL"], "INCOMPLETE": MARKS["ERROR"]}


@cache
def environment(folder: str = "report") -> Environment:
    """The templates of a folder of the package, and of the reports behind them; those that are compiled are kept."""
    return Environment(
        loader=ChoiceLoader([PackageLoader("recon", name) for name in dict.fromkeys((folder, "report"))]),
        autoescape=True,
        finalize=_finalized,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def stylesheet() -> str:
    """The style sheet that every page of recon builds on; its classes are those of report.html.jinja."""
    return environment().get_template("report.css.jinja").render(colours=colours())


def source_hash(text: str) -> str:
    """The source by which a Content-Security-Policy allows an inline style or script."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def colours() -> dict[str, Any]:
    """The palette by the names of the style sheet's variables."""
    named = {"paper": PAPER, "ink": INK, "quiet": QUIET, "accent": ACCENT}
    outcomes = {str(outcome): colour for outcome, colour in OUTCOMES.items()}
    return named | outcomes | {str(verdict): colour for verdict, colour in VERDICTS.items()}


def _finalized(value: Any) -> Any:
    """Applied to every value that a template shows; only what a template itself generated is left alone."""
    return value if hasattr(value, "__html__") else printable(value)
