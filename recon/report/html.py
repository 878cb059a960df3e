"""The report as one HTML page that needs nothing else: no script, no address, and a policy that would refuse both."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from recon.model import ENTITIES
from recon.palette import ACCENT, INK, OUTCOMES, PAPER, QUIET, VERDICTS
from recon.report.text import checks_line, difference, escalation_sentence, facts, printable, shown_of

if TYPE_CHECKING:
    from recon.model import Check, Verification

SHOWN_ROWS = 50
MARKS = {"PASS": "✓", "WARN": "!", "FAIL": "✕", "ERROR": "?"}


def render(verification: Verification) -> str:
    """The whole report."""
    environment = _environment()
    style = environment.get_template("report.css.jinja").render(colours=_colours())
    page = environment.get_template("report.html.jinja")
    return page.render(
        v=verification,
        style=style,
        style_hash=b64encode(sha256(style.encode()).digest()).decode(),
        facts=facts(verification),
        entities=ENTITIES,
        marks=MARKS,
        checks_line=checks_line,
        difference=difference,
        escalation_sentence=escalation_sentence,
        violations=_violations,
    )


def _environment() -> Environment:
    """Templates in which all text from data is escaped and shows its control and direction characters."""
    return Environment(
        loader=PackageLoader("recon", "report"),
        autoescape=True,
        finalize=_finalized,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _finalized(value: Any) -> Any:
    """Every value that a template shows passes here; only what a template made itself is left alone."""
    return value if hasattr(value, "__html__") else printable(value)


def _colours() -> dict[str, Any]:
    """The palette by the names of the style's variables."""
    named = {"paper": PAPER, "ink": INK, "quiet": QUIET, "accent": ACCENT}
    outcomes = {str(outcome): colour for outcome, colour in OUTCOMES.items()}
    return named | outcomes | {str(verdict): colour for verdict, colour in VERDICTS.items()}


def _violations(check: Check) -> dict[str, Any]:
    """The rows to show, each a tuple in the order of `columns`, and which of all they are."""
    shown = check.violations.head(SHOWN_ROWS)
    which = shown_of(shown.height, check.violation_count or 0)
    return {"columns": shown.columns, "rows": shown.rows(), "which": which}
