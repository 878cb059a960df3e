"""What a workbook has to agree with that is read back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from recon.report.workbook.contents import Workbook


class FindingSubject(NamedTuple):
    """What a finding is about, as `checks.findings` has it."""

    check_id: str
    entity: str | None
    key: str | None
    field: str | None
    cause: str | None
    fingerprint: str


@dataclass(frozen=True)
class Exported:
    """The run that a workbook is to be of.

    Attributes:
        workbook: Makes the workbook again, masked or not.
        subjects: What each finding is about, by the name that it has in its row.
        categories: Those of the checks, by id.
        facts: The facts of the run, by label; one that is None is not compared.
    """

    workbook: Callable[[bool], Workbook]
    subjects: Mapping[str, FindingSubject]
    categories: Mapping[str, str]
    facts: Mapping[str, str | None]
