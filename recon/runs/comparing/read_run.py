"""One of two runs, as far as a comparison reads it without its snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recon.model.changes import ComparedRun
from recon.runs.run_summary import read_summary

if TYPE_CHECKING:
    from recon.model.inputs import JudgedInputs
    from recon.runs.folder import RunFolder
    from recon.runs.run_summary import Accounted, CheckResult, RunSummary


@dataclass(frozen=True)
class ReadRun:
    """One run.

    Attributes:
        inputs: What it was made from; None: not recorded.
    """

    folder: RunFolder
    summary: RunSummary
    inputs: JudgedInputs | None

    @property
    def checks(self) -> dict[str, CheckResult]:
        """Its checks by id, in order."""
        return {check.id: check for check in self.summary.checks}

    @property
    def ledger(self) -> Accounted | None:
        """The numbers of its ledger; None: it has none."""
        return self.summary.ledger

    @property
    def unexplained(self) -> int | None:
        """Records and rows that no cause explains; None: it has no ledger."""
        return self.ledger.unexplained if self.ledger else None

    def shown(self, without_findings: str) -> ComparedRun:
        """Return what a comparison shows of it."""
        summary, counts = self.summary, self.summary.summary
        return ComparedRun(
            name=self.folder.path.resolve().name,
            started_at=summary.started_at,
            run_id=summary.run_id,
            bundle=summary.bundle_path,
            database=summary.snapshot.database,
            verdict=summary.verdict,
            passed=counts.passed,
            failed=counts.failed,
            warnings=counts.warnings,
            errors=counts.errors,
            unexplained=self.unexplained,
            without_findings=without_findings,
        )


def read_run(folder: RunFolder) -> ReadRun:
    """Read a run's judgement, and what it was made from.

    Raises:
        ReportError: The judgement cannot be read, or there is none.
    """
    manifest = folder.manifest()
    return ReadRun(folder, read_summary(folder.verification), manifest.inputs if manifest else None)
