"""The report as one self-contained HTML page: no script, no URL, and a policy that would block both."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from recon.model import ENTITIES
from recon.report.ledger.phrases import IN_COMMON, WOULD_PAIR, notes, place, standing
from recon.report.ledger.tables import (
    MOST_ROWS,
    accounts,
    associations,
    duplicate_keys,
    examples,
    key_hints,
    levels,
    share,
)
from recon.report.policies import policy_result, policy_values, shown_policies, unshown_policies
from recon.report.templates import MARKS, environment, source_hash, stylesheet
from recon.report.text import (
    accounted_line,
    checks_line,
    deadline,
    difference,
    escalation_sentence,
    facts,
    guidance,
    has_next_step,
    not_checked,
    notices,
    shown_of,
)

if TYPE_CHECKING:
    from recon.model import Check, Verification

SHOWN_ROWS = 50


def render(verification: Verification) -> str:
    """The complete report."""
    style = stylesheet()
    page = environment().get_template("report.html.jinja")
    return page.render(
        v=verification, style=style, style_hash=source_hash(style), facts=facts(verification), **section_words()
    )


def section(name: str, *arguments: Any, **named: Any) -> str:
    """One section of the report, by the name of its macro in sections.html.jinja."""
    return str(getattr(_sections(), name)(*arguments, **named)).strip()


@cache
def _sections() -> Any:
    return environment().get_template("sections.html.jinja").make_module(section_words())


def section_words() -> dict[str, Any]:
    """The functions that the sections' template calls."""
    return {
        "entities": ENTITIES,
        "marks": MARKS,
        "checks_line": checks_line,
        "deadline": deadline,
        "difference": difference,
        "escalation_sentence": escalation_sentence,
        "policy_values": policy_values,
        "policy_result": policy_result,
        "shown_policies": shown_policies,
        "unshown_policies": unshown_policies,
        "not_checked": not_checked,
        "guidance": guidance,
        "has_next_step": has_next_step,
        "notices": notices,
        "violations": _violations,
    } | _words_of_ledger()


def _words_of_ledger() -> dict[str, Any]:
    """The functions that the ledger's section calls in addition."""
    return {
        "accounted_line": accounted_line,
        "accounts": accounts,
        "associations": associations,
        "duplicate_keys": duplicate_keys,
        "examples": examples,
        "in_common": IN_COMMON,
        "key_hints": key_hints,
        "levels": levels,
        "most_causes": MOST_ROWS,
        "notes": notes,
        "place": place,
        "share": share,
        "standing": standing,
        "would_pair": WOULD_PAIR,
    }


def _violations(check: Check, rows: int | None) -> dict[str, Any]:
    """The rows to show, each a tuple in the order of `columns`, and which part of all rows they are."""
    shown = check.violations.head(SHOWN_ROWS if rows is None else rows)
    which = shown_of(shown.height, check.violation_count or 0)
    return {"columns": shown.columns, "rows": shown.rows(), "which": which}
