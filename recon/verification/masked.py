"""Masks the personal data in a Verification; the options can turn this off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from recon.masking import mask_json, mask_text
from recon.masking.frames import mask_frame
from recon.model import PolicyResult

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from recon.model import AcceptedDifferences, Check
    from recon.warehouse import Warehouse

POLICIES = "select * from ledger.policies order by place"


def mask_check(check: Check, personal: Mapping[str, str]) -> Check:
    """Return the check with every text masked; `personal` maps column names to name, email or phone."""
    return replace(
        check,
        message=mask_text(check.message),
        detail=None if check.detail is None else mask_text(check.detail),
        expected=mask_text(check.expected) if isinstance(check.expected, str) else check.expected,
        escalate=None if check.escalate is None else mask_text(check.escalate),
        actual=mask_text(check.actual) if isinstance(check.actual, str) else check.actual,
        violations=mask_frame(check.violations, personal),
    )


def mask_accepted(accepted: AcceptedDifferences) -> AcceptedDifferences:
    """Return what was accepted with its sentences masked, which quote the file."""
    return replace(accepted, problems=tuple(map(mask_text, accepted.problems)))


def mask_reasons(reasons: Mapping[str, str]) -> dict[str, str]:
    """Mask reasons, because the server's message about a value that it could not read may quote the value."""
    return {name: mask_text(reason) for name, reason in reasons.items()}


def declared_policies(warehouse: Warehouse, *, masked: bool) -> tuple[PolicyResult, ...]:
    """Return the declared policies and what was found of them; an unfilled placeholder is recognised by its source."""
    return tuple(_policy(row, masked=masked) for row in warehouse.rows(POLICIES))


def _policy(row: Mapping[str, Any], *, masked: bool) -> PolicyResult:
    hide = mask_json if masked else str
    actual = None if row["actual"] is None else hide(row["actual"])
    return PolicyResult(
        row["key"],
        hide(row["expected"]),
        row["source"],
        row["required"],
        actual,
        row["compared"],
        row["is_match"],
        row["compared_with"],
        row["problem"],
    )
