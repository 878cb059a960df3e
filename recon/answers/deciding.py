"""Accepts what people decided in a workbook that was exported from a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from recon.answers.accepting import LONGEST, AcceptedFindings, require_outside
from recon.answers.opening import opened_run
from recon.answers.workbook import exported_of
from recon.report.workbook.decisions import read_decisions
from recon.rules.acceptance import accept_findings

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class AcceptedWorkbook:
    """What was decided in a workbook, and what of it was written.

    Attributes:
        accepted: What is accepted; None: nothing, and no file was written.
        others: How many findings have each of the other decisions: fix, investigate.
        undecided: How many have none.
    """

    accepted: AcceptedFindings | None
    others: Mapping[str, int]
    undecided: int


def accept_workbook(
    workbook: Path | str, run: Path | str, file: Path | str, today: date | None = None
) -> AcceptedWorkbook:
    """Write entries for the findings that are accepted in a workbook into a file of accepted differences.

    Args:
        workbook: What `recon export` wrote of the run, with decisions.
        run: The run's folder.
        file: The file to write into; created if there is none.
        today: By UTC; None: this day.

    Raises:
        UsageError: The file is one of a bundle.
        ReportError: It is no folder of a run, or the workbook is not one of this run or lacks something; nothing was
            written.
        AcceptanceError: The file cannot be read, edited or written.
    """
    require_outside(file)
    first = today or datetime.now(UTC).date()
    with opened_run(run) as answers:
        decided = read_decisions(Path(workbook), exported_of(answers, is_kept=True), (first, first + LONGEST))
    if not decided.entries:
        return AcceptedWorkbook(None, decided.counts, decided.undecided)
    written = accept_findings(decided.entries, file)
    findings = dict(Counter(entry.check for entry in decided.entries))
    return AcceptedWorkbook(AcceptedFindings(findings, written), decided.counts, decided.undecided)
