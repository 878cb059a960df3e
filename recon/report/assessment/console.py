"""An assessment on the console, printed line by line as it is found."""

from __future__ import annotations

import os
import sys
from time import perf_counter
from typing import TYPE_CHECKING

import click

from recon.model import Fact, Outcome
from recon.report.console import RULE
from recon.report.github import inert, on_github
from recon.report.palette import OUTCOMES, VERDICTS
from recon.report.progress_line import LINE
from recon.report.text import checks_line, printable, timestamp, warnings_exit_line

if TYPE_CHECKING:
    from datetime import datetime

    from recon.model import Assessment, Check


class AssessmentConsole:
    """Prints the block to standard output.

    Args:
        verbose: Add what each check that passed says in detail.
        err: The block goes to standard error, because standard output holds a report.
    """

    def __init__(self, *, verbose: bool = False, err: bool = False) -> None:
        self._verbose = verbose
        self._err = err
        self._on_github = on_github(os.environ)
        self._colour = None if not os.environ.get("NO_COLOR") else False
        self._is_first, self._part = True, ""
        self._started: float | None = None

    def assessment_starting(self, title: str, started_at: datetime) -> None:
        """Print the header."""
        self._started = self._started or perf_counter()
        self._print(RULE, f"  {title}", f"  Started: {timestamp(started_at)}", RULE, "")

    def part_starting(self, number: int, total: int, title: str) -> None:
        """Announce a part."""
        self._print(*[""][: int(not self._is_first)], f"[{number}/{total}] {title}...")
        self._is_first = False
        self._do(f"{title} ({number} of {total})")

    def found(self, finding: Fact | Check) -> None:
        """Print a fact, or a check with details if it did not pass."""
        if isinstance(finding, Fact):
            self._print(f"  - {printable(finding.label)}: {printable(finding.value)}")
            self._do(self._part)
            return
        mark = click.style(f"[{finding.outcome}]", fg=OUTCOMES[finding.outcome].terminal)
        self._print(f"  {mark} {printable(finding.name)}: {printable(finding.message)}")
        if finding.detail and (self._verbose or finding.outcome is not Outcome.PASS):
            self._print(f"         {printable(finding.detail)}")
        self._do(self._part)

    def finished(self, assessment: Assessment, *written: str, fail_on: str = "failure") -> None:
        """Print what was written where, what to do, and the footer.

        Args:
            assessment: What was found.
            written: What was written where.
            fail_on: "warning" where a warning counts as a failure and decides the exit code.
        """
        self._print("", *(f"  - {printable(line)}" for line in written))
        self._print(*[""][: len(written)])
        if assessment.next_steps:
            self._print("Next steps:", *(f"  - {printable(step)}" for step in assessment.next_steps), "")
        verdict = assessment.verdict
        styled = click.style(f"{assessment.title} {verdict}", fg=VERDICTS[verdict].terminal, bold=True)
        self._print(RULE, f"  {styled}", f"  Checks: {checks_line(assessment.summary)}")
        self._print(*(f"  {line}" for line in warnings_exit_line(assessment.summary, fail_on)))
        # From the header to here, so that the reports count, too.
        took_ms = assessment.duration_ms if self._started is None else round(1000 * (perf_counter() - self._started))
        self._print(f"  Duration: {took_ms}ms", RULE)

    def _do(self, part: str) -> None:
        """Show, on a terminal only, that the rest of a part is being looked at."""
        self._part = part
        LINE.show(part)

    def _print(self, *lines: str) -> None:
        LINE.wipe()
        for line in lines:
            try:
                click.echo(inert(line) if self._on_github else line, color=self._colour, err=self._err)
            except BrokenPipeError:
                # The reader is gone, as with `| head`; the report and the exit code are still needed.
                if self._err:
                    sys.stderr = None
                else:
                    sys.stdout = None
                return
