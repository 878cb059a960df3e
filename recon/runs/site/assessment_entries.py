"""The assessments as the home page lists them: the verdict or why there is none, and the link to the report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from recon.model import Summary, Verdict
from recon.report.text import timestamp
from recon.runs.folder import ASSESSMENT, PARTS

if TYPE_CHECKING:
    from recon.runs.folder import RunFolder


class AssessmentSummary(Struct, frozen=True, rename="camel"):
    """An assessment, as far as the home page shows it."""

    title: str
    verdict: Verdict
    summary: Summary
    started_at: datetime
    kind: str = ""


@dataclass(frozen=True)
class ListedAssessment:
    """One assessment in the list.

    Attributes:
        name: The name of its folder.
        address: The location of its report, relative to the home page.
        found: None where it cannot be read.
        problem: Why it cannot be read; empty where it can.
    """

    name: str
    address: str
    found: AssessmentSummary | None
    problem: str = ""

    @property
    def is_rollback(self) -> bool:
        """Whether it is about a rollback, not about what comes before a migration."""
        return self.found is not None and self.found.kind.startswith("rollback")

    @property
    def iso_time(self) -> str:
        """When it started, for machines; empty where that is not known."""
        return timestamp(self.found.started_at) if self.found else ""

    @property
    def time(self) -> str:
        """When it started, for people, in UTC: 2024-01-15 14:30:00."""
        return f"{self.found.started_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if self.found else "time unknown"

    @property
    def started_at(self) -> datetime | None:
        """When it started; None where that is not known."""
        return self.found.started_at if self.found else None


def read_assessment(folder: RunFolder) -> ListedAssessment:
    """Read one assessment."""
    address = f"runs/{folder.name}/{PARTS['html']}"
    try:
        found = msgspec.json.decode((folder.path / ASSESSMENT).read_bytes(), type=AssessmentSummary)
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError) as error:
        return ListedAssessment(folder.name, address, None, getattr(error, "strerror", None) or str(error))
    return ListedAssessment(folder.name, address, found)
