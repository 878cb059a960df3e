"""The report as one self-contained HTML page: no URL, and a policy that allows one script, which searches it."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any
from zlib import crc32

from recon.model import ENTITIES, Outcome
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
from recon.report.page.frame import PageFrame, page_template
from recon.report.page.identity import identity, moment
from recon.report.page.in_short import in_short
from recon.report.page.rows import text_cell, violation_table
from recon.report.policies import policy_result, policy_values, shown_policies, unshown_policies
from recon.report.templates import MARKS, VERDICT_MARKS, environment
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
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.model import Assessment, Check, Verification

UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
# At most this many columns are beside each other; a row of more is a card.
MOST_BESIDE = 9
FEW = 3


def render(verification: Verification) -> str:
    """The complete report."""
    return PageFrame().render(
        page_template("report.html.jinja"), v=verification, facts=facts(verification), **section_words()
    )


def page_title(v: Verification) -> str:
    """The title of a page about a verdict, which no other run's has: verdict, database, run and instant."""
    dry_run = "Dry run " if v.dry_run else ""
    return f"{dry_run}{v.verdict}: {v.snapshot.database}, {v.run_id}, {moment(v.started_at)}"


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
        "anchor": anchor,
        "failed": failed,
        "identity": identity,
        "in_short": in_short,
        "marks": MARKS,
        "page_title": page_title,
        "passed": passed,
        "shape": shape,
        "text_cell": text_cell,
        "verdict_marks": VERDICT_MARKS,
        "warned": warned,
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
        "violations": violation_table,
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


def failed(v: Verification) -> list[Check]:
    """The checks that failed, then those that could not be evaluated."""
    return [check for check in v.unpassed if check.outcome is not Outcome.WARN]


def warned(v: Verification) -> list[Check]:
    """The checks that found something to read before the migration is called complete."""
    return [check for check in v.unpassed if check.outcome is Outcome.WARN]


def passed(v: Verification) -> list[Check]:
    """The checks that passed."""
    return [check for check in v.checks if check.outcome is Outcome.PASS]


def anchor(check: Check, v: Verification | Assessment) -> str:
    """The check's id as part of an element's id; no two checks share it."""
    number = next(place for place, each in enumerate(each for each in v.checks if each.id == check.id) if each is check)
    again = f".{number + 1}" if number else ""
    safe = UNSAFE.sub("-", check.id)
    return (
        f"{safe}{again}"
        if safe == check.id
        else f"{safe}.{crc32(check.id.encode('utf-8', 'surrogatepass')):08x}{again}"
    )


def shape(columns: Sequence[object]) -> str:
    """How a table with these columns is shown: on a phone its rows are cards, unless it has few columns."""
    return "many" if len(columns) > MOST_BESIDE else "cards" if len(columns) > FEW else "few"
