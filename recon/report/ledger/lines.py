"""The console's view of a Ledger: the headline, what needs attention, and on request the whole account."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

import click

from recon.model import Outcome
from recon.report.ledger.phrases import IN_COMMON, WOULD_PAIR, group, notes, place, standing
from recon.report.ledger.tables import MOST_ROWS, accounts, share
from recon.report.palette import OUTCOMES
from recon.report.text import accounted_line, cut, plural, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recon.model import Cause, Ledger
    from recon.report.table import ReportTable

WIDTH = 100
SHOWN_CAUSES = 5
SHOWN_HINTS = 3
INDENT = " " * 9
TABLE_INDENT = " " * 4


def ledger_lines(ledger: Ledger, *, verbose: bool) -> Iterator[str]:
    """The lines, with terminal colours; the caller strips these where they are not printed to a terminal.

    Args:
        ledger: What to show.
        verbose: Add the tables, the notes beside them, and every cause instead of the first few that are not harmless.
    """
    label = click.style("accounted for", fg=OUTCOMES[_outcome(ledger)].terminal)
    yield f"  {label}: {printable(accounted_line(ledger))}"
    yield from _whole(ledger) if verbose else _attention(ledger)


def _outcome(ledger: Ledger) -> Outcome:
    """The outcome that the headline corresponds to, which only determines its colour."""
    if ledger.unexplained:
        return Outcome.FAIL
    if not ledger.entities:
        return Outcome.ERROR
    return Outcome.WARN if ledger.not_evaluated else Outcome.PASS


def _attention(ledger: Ledger) -> Iterator[str]:
    """Why entities are left out, unless the headline says so, and the first causes that are not harmless."""
    left_out = ledger.not_evaluated if ledger.entities else {}
    yield from (cut(f"{INDENT}{entity}: not evaluated: {why}", WIDTH) for entity, why in left_out.items())
    found = [cause for cause in ledger.causes if standing(cause) != "harmless"]
    yield from _causes(found[:SHOWN_CAUSES])
    more = len(found) - SHOWN_CAUSES
    if more > 0:
        yield f"{INDENT}and {plural(more, 'more cause')}, ranked in the report"
    yield from _in_common(ledger)


def _in_common(ledger: Ledger) -> Iterator[str]:
    """What each unexplained group has in common: of several associations the one that is the least likely by chance."""
    first = {(each.entity, each.group): each for each in reversed(ledger.associations)}
    for each in (each for each in ledger.associations if first[each.entity, each.group] is each):
        yield from _wrapped(f"{group(each)}: {each.sentence} (an association, not a cause)", INDENT, f"{INDENT}  ")
    for hint in ledger.key_hints[:SHOWN_HINTS]:
        yield from _wrapped(hint.sentence, INDENT, f"{INDENT}  ")


def _whole(ledger: Ledger) -> Iterator[str]:
    for table in accounts(ledger):
        if table.rows:
            yield ""
            yield from _table(table)
    found = notes(ledger)
    if found:
        yield ""
    for note in found:
        yield f"{INDENT}{note.title}:"
        for about, text in note.items.items():
            yield from _wrapped(f"{about}: {text}", f"{INDENT}  ", f"{INDENT}    ")
    if ledger.causes:
        yield ""
        yield f"{INDENT}Causes:"
        yield from _causes(ledger.causes[:MOST_ROWS], shared=True)
        yield from _left_out(len(ledger.causes) - MOST_ROWS)
    yield from _listed(IN_COMMON, [f"{group(each)}: {each.sentence}" for each in ledger.associations])
    hints = [hint.sentence + (f": {hint.line}" if hint.line else "") for hint in ledger.key_hints]
    yield from _listed(WOULD_PAIR, hints)


def _listed(title: str, items: Sequence[str]) -> Iterator[str]:
    if items:
        yield ""
        yield f"{INDENT}{title}:"
    for item in items[:MOST_ROWS]:
        yield from _wrapped(item, f"{INDENT}  ", f"{INDENT}    ")


def _left_out(more: int) -> Iterator[str]:
    if more > 0:
        yield f"{INDENT}  and {plural(more, 'more cause')}"


def _causes(causes: Sequence[Cause], *, shared: bool = False) -> Iterator[str]:
    """One line each: how many, where, and what; `shared`: with their share of all."""
    counts = [f"{cause.count:,}{f' ({share(cause)})' if shared else ''}" for cause in causes]
    width = max(map(len, counts), default=0)
    for cause, count in zip(causes, counts, strict=True):
        worth = standing(cause)
        remark = "" if worth == "explained" else f" ({worth})"
        start = f"{INDENT}{'  ' if shared else ''}{count:>{width}}  "
        yield f"{start}{cut(f'{place(cause)}: {cause.title}', WIDTH - len(start) - len(remark))}{remark}"


def _table(table: ReportTable) -> Iterator[str]:
    """The first column left-aligned, all others right-aligned; the caption is omitted, as the header says enough."""
    lines = [("", *(name.lower() for name in table.header[1:])), *table.rows]
    names, *widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    gap = "  " if len(TABLE_INDENT) + names + sum(width + 2 for width in widths) <= WIDTH else " "
    for name, *others in lines:
        cells = (f"{gap}{cell:>{width}}" for cell, width in zip(others, widths, strict=True))
        yield f"{TABLE_INDENT}{name:<{names}}{''.join(cells)}"


def _wrapped(text: str, first: str, others: str) -> list[str]:
    return fill(printable(text), WIDTH, initial_indent=first, subsequent_indent=others).splitlines()
