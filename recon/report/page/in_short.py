"""A verdict in plain language: what it means, and who is affected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from recon.report.go_no_go.affected import Affected, affected
from recon.report.go_no_go.verdict import SheetRun
from recon.report.json import document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.model import Verification

MOST = 12


@dataclass(frozen=True)
class InShort:
    """The verdict for people who did not run it.

    Attributes:
        sentence: What it means.
        affected: Who is affected, the most first.
        more: How many kinds are left out.
        otherwise: What to say where it is known of none.
    """

    sentence: str
    affected: Sequence[Affected]
    more: int
    otherwise: str


def in_short(v: Verification) -> InShort:
    """The verdict in the words of the go/no-go sheet."""
    # Of the violating rows it reads the first only, of the policies none.
    checks = tuple(replace(check, violations=check.violations.head(1)) for check in v.checks)
    brief = replace(v, checks=checks, policies=())
    return in_short_of(msgspec.convert(document(brief), SheetRun))


def in_short_of(run: SheetRun) -> InShort:
    """The verdict of a verification.json in the words of the go/no-go sheet."""
    found = affected(run.ledger, run.checks) if run.has_affected else []
    return InShort(run.reason, found[:MOST], max(0, len(found) - MOST), run.nobody)
