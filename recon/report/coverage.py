"""The console's view of a Coverage: aligned lines, coloured on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from recon.model import Outcome
from recon.report.text import plural, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.preflight.coverage import ColumnCoverage, Coverage, RuleCoverage, TableCoverage

COLOURS = {None: "green", Outcome.WARN: "yellow", Outcome.FAIL: "red", Outcome.ERROR: "magenta"}
WORDS = {None: "can be evaluated", Outcome.ERROR: "not evaluated"}
NAME_WIDTH = 16


def coverage_lines(coverage: Coverage) -> Iterator[str]:
    """The lines, with terminal colours; the caller strips these where they are not printed to a terminal."""
    yield f"Profile:  {printable(coverage.profile)}"
    yield f"Database: {printable(coverage.database)}"
    width = max((_width(table) for table in coverage.tables), default=0)
    for table in coverage.tables:
        yield ""
        yield from _table(table, width)
    yield ""
    yield "Checks"
    width = max(len(rule.title) for rule in coverage.rules)
    yield from (_rule(rule, width) for rule in coverage.rules)
    yield ""
    yield from _summary(coverage)


def _width(table: TableCoverage) -> int:
    return max((len(printable(column.source_name)) for column in table.columns), default=0)


def _table(table: TableCoverage, width: int) -> Iterator[str]:
    if table.absence:
        yield f"{table.name:{NAME_WIDTH + 2}}{_absent(table.absence)}"
        return
    only = f", rows whose {printable(table.only.column)} is {printable(table.only.value)!r}" if table.only else ""
    yield f"{table.name:{NAME_WIDTH + 2}}{click.style(printable(table.source_name), bold=True)}{only}"
    yield from (_column(column, width) for column in table.columns)


def _column(column: ColumnCoverage, width: int) -> str:
    if column.absence:
        return f"  {column.name:{NAME_WIDTH}}{_absent(column.absence)}"
    return f"  {column.name:{NAME_WIDTH}}{printable(column.source_name):{width}}  {column.type}"


def _absent(reason: str) -> str:
    return click.style(f"- {printable(reason)}", fg="yellow")


def _rule(rule: RuleCoverage, width: int) -> str:
    word = WORDS.get(rule.outcome, str(rule.outcome))
    reason = f": {printable(rule.message.removeprefix('Not evaluated: '))}" if rule.message else ""
    return f"  {rule.title:{width}}  {click.style(word, fg=COLOURS[rule.outcome])}{reason}"


def _summary(coverage: Coverage) -> Iterator[str]:
    able = sum(rule.outcome is None for rule in coverage.rules)
    count = f"{able} of {plural(len(coverage.rules), 'check')} can be evaluated"
    if coverage.refusal:
        yield count
        yield click.style(f"recon verify will refuse: {printable(coverage.refusal)}", fg="red")
    else:
        yield count if coverage.is_whole else f"{count}; map what they lack, or accept that they say nothing"
