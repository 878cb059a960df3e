"""The console: the runbook's block, printed line by line as the steps happen."""

from __future__ import annotations

import os
import sys
from time import perf_counter
from typing import TYPE_CHECKING

import click

from recon.masking import mask_id
from recon.model import ENTITIES, Outcome
from recon.report.commands import ShowCommand, command_for
from recon.report.github import inert, on_github
from recon.report.ledger.lines import ledger_lines
from recon.report.palette import OUTCOMES, VERDICTS
from recon.report.progress_line import LINE
from recon.report.rules import own_rules
from recon.report.text import (
    accepted_differences,
    advice_lines,
    age_sentence,
    checks_line,
    connection,
    cut,
    has_next_step,
    not_checked,
    notices,
    plural,
    printable,
    timestamp,
    warnings_exit_line,
)
from recon.verification.progress import Listener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from recon.bundle import Bundle
    from recon.model import Check, Ledger, SnapshotInfo, Verification
    from recon.report.output import Output
    from recon.rules import Rule
    from recon.verification.options import VerifyOptions

RULE = "=" * 60
ROW_INDENT = " " * 11
SHOWN_ROWS = 10
LONGEST_ROW = 300
PARTS = {
    "snapshot": "the snapshot",
    "charts": "charts",
    "report": "the report",
    "junit": "the JUnit report",
    "data_docs": "Data Docs",
    "notebook": "the notebook and its page",
    "site": "the site",
}


def _rows(check: Check) -> Iterator[str]:
    """The first rows of a check, each as one line of the values that it has."""
    for row in check.violations.head(SHOWN_ROWS).iter_rows(named=True):
        values = ", ".join(f"{name} {value}" for name, value in row.items() if value is not None)
        yield f"{ROW_INDENT}{cut(values, LONGEST_ROW)}"


class Console(Listener):
    """Prints the block to standard output; progress goes to standard error, and only to a terminal.

    Args:
        verbose: Add tables, guarantees and timings.
        err: The block goes to standard error, because standard output holds a report.
        kept_in: Names the folder that a run is going to have, by its run id and start; None: nothing is kept.
    """

    def __init__(
        self, *, verbose: bool = False, err: bool = False, kept_in: Callable[[str, datetime], Path] | None = None
    ) -> None:
        self._verbose = verbose
        self._err = err
        self._kept_in = kept_in
        self._command: ShowCommand | None = None
        self._show_pii = False
        self._on_github = on_github(os.environ)
        self._started: float | None = None
        self._rules, self._evaluated = 0, 0
        self._colour = None if not os.environ.get("NO_COLOR") else False

    def bundle_opening(self, options: VerifyOptions, started_at: datetime) -> None:
        """Print the header."""
        self._started = perf_counter()
        self._command = command_for(options)
        self._show_pii = options.show_pii
        self._print(RULE, "  Post-Migration Verification", f"  Started: {timestamp(started_at)}")
        self._print(f"  Bundle: {printable(options.bundle_text)}", RULE, "", "[1/4] Loading migration bundle...")
        LINE.show("reading the bundle")

    def bundle_opened(self, bundle: Bundle, started_at: datetime) -> None:
        """Print what the bundle says about itself."""
        run_id = bundle.run_id if self._show_pii else mask_id(bundle.run_id)
        if self._kept_in:
            self._command = ShowCommand(str(self._kept_in(run_id, started_at)))
        completed = bundle.completed_at
        self._print(f"  - Run ID: {printable(run_id)}", f"  - Dry run: {str(bundle.dry_run).lower()}")
        self._print(f"  - Completed: {timestamp(completed) if completed else 'not recorded'}")
        self._print(f"  - Age: {age_sentence(started_at - completed if completed else None)}", "")

    def database_opening(self) -> None:
        """Announce the second step."""
        self._print("[2/4] Connecting to database...")
        LINE.show("connecting")

    def rows_read(self, table: str, rows: int) -> None:
        """Show progress, on a terminal only."""
        LINE.show(f"reading {table}: {plural(rows, 'row')}")

    def database_read(self, snapshot: SnapshotInfo) -> None:
        """Print how many rows of each entity the database holds."""
        self._print(*(f"  - {entity.capitalize()}: {snapshot.rows[entity]}" for entity in ENTITIES))
        if self._verbose:
            others = {name: rows for name, rows in snapshot.rows.items() if name not in ENTITIES}
            self._print(*(f"  - {name}: {rows} {'row' if rows == 1 else 'rows'}" for name, rows in others.items()))
            self._print(f"  - Database: {printable(snapshot.database)}", f"  - Snapshot: {snapshot.guarantee}")
            self._print(*(f"  - {label}: {words}" for label, words in connection(snapshot)))
            self._print(*(f"  - Not read: {name}: {printable(why)}" for name, why in snapshot.not_read.items()))
        self._print("")
        LINE.show("accounting for every record")

    def accounting(self, step: str, number: int, total: int) -> None:
        """Show progress, on a terminal only."""
        LINE.show(f"accounting for every record: {step} ({number} of {total})")

    def checks_starting(self, rules: Sequence[Rule]) -> None:
        """Announce the third step; rules that differ from the shipped ones are counted, so that they are noticed."""
        self._print("[3/4] Running verification checks...")
        changes = own_rules(rules)
        if changes:
            self._print(f"  - Own rules: {changes}")
        foreign = sum(rule.is_gx_native and not rule.switched_off for rule in rules)
        if foreign:
            self._print(f"  - Great Expectations: loading it for {plural(foreign, 'expectation')} of its own kind")
        self._rules = len(rules)
        self.check_evaluated(0)

    def check_evaluated(self, number: int) -> None:
        """Show progress, on a terminal only."""
        self._evaluated = number
        LINE.show(f"evaluating checks: {number} of {self._rules}")

    def check_done(self, check: Check) -> None:
        """Print one check, with details if it did not pass, and the command that shows its rows if it failed."""
        mark = click.style(f"[{check.outcome}]", fg=OUTCOMES[check.outcome].terminal)
        self._print(f"  {mark} {printable(check.name)}: {printable(check.message)}")
        if check.detail and check.outcome is not Outcome.PASS:
            self._print(f"         {printable(check.detail)}")
        rest = self._command.rest_of(check, SHOWN_ROWS) if self._command and self._verbose else None
        if self._verbose and check.outcome is not Outcome.PASS:
            self._print(*_rows(check))
        if rest:
            self._print(f"         {printable(': '.join(rest))}")
        elif self._command and check.outcome is Outcome.FAIL and check.violation_count:
            self._print(f"         {printable(self._command.line('check', check.id))}")
        if self._verbose:
            changed = f"; {check.overrides}" if check.overrides else ""
            self._print(f"         {printable(f'Rule: {check.source}{changed}')}")
        self.check_evaluated(self._evaluated)

    def accounted(self, ledger: Ledger) -> None:
        """Print the ledger's headline and what in it needs attention; if verbose, the whole account."""
        self._print(*ledger_lines(ledger, verbose=self._verbose))

    def report_writing(self) -> None:
        """Announce the fourth step."""
        self._print("", "[4/4] Generating verification report...")
        LINE.show("writing the report")

    def next_output(self, output: Output, number: int, total: int) -> None:
        """Show progress, on a terminal only."""
        LINE.show(f"writing {printable(output.words)} ({number} of {total})")

    def part_starting(self, name: str, number: int, total: int) -> None:
        """Show progress, on a terminal only."""
        LINE.show(f"making {PARTS.get(name, name)} ({number} of {total})")

    def finished(self, verification: Verification, *written: str, fail_on: str = "failure") -> None:
        """Print what was written where, what to do, and the footer.

        Args:
            verification: What was found.
            written: What was written where.
            fail_on: "warning" where a warning counts as a failure and decides the exit code.
        """
        verdict = verification.verdict
        read = (f"{label}: {words}" for label, words in accepted_differences(verification))
        self._print(*(f"  - {printable(line)}" for line in (*written, *read)), "")
        if self._verbose:
            unchecked = [f"  - Not checked, {why}: {printable(names)}" for why, names in not_checked(verification)]
            self._print(*unchecked, *[""][: len(unchecked)])
            self._print(*(f"  {step}: {ms} ms" for step, ms in verification.timings_ms.items()), "")
        for notice in notices(verification):
            self._print(printable(notice), "")
        if has_next_step(verification):
            self._print(*advice_lines(verification.escalation), "")
        styled = click.style(f"Verification {verdict}", fg=VERDICTS[verdict].terminal, bold=True)
        self._print(RULE, f"  {styled}", f"  Checks: {checks_line(verification.summary)}")
        accepted = verification.accepted_differences
        problems = len(accepted.problems) if accepted else 0
        self._print(*(f"  {line}" for line in warnings_exit_line(verification.summary, fail_on, problems)))
        self._print(f"  Duration: {self._took_ms(verification)}ms", RULE)

    def _took_ms(self, verification: Verification) -> int:
        """Milliseconds from the header to now, which the reports were written in; without a header, to the verdict."""
        return verification.duration_ms if self._started is None else round(1000 * (perf_counter() - self._started))

    def _print(self, *lines: str) -> None:
        LINE.wipe()
        for line in lines:
            try:
                click.echo(inert(line) if self._on_github else line, color=self._colour, err=self._err)
            except BrokenPipeError:
                # The reader is gone, as with `| head`; the report and the exit code are still needed.
                self._close()
                return

    def _close(self) -> None:
        if self._err:
            sys.stderr = None
        else:
            sys.stdout = None
