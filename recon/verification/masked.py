"""Masks the personal data in a Verification; the options can turn this off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from recon.masking import mask_frame, mask_json, mask_text
from recon.model import PolicyResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from recon.model import Check


def mask_check(check: Check, personal: Mapping[str, str]) -> Check:
    """Return the check with every text masked; `personal` maps column names to name, email or phone."""
    return replace(
        check,
        message=mask_text(check.message),
        detail=None if check.detail is None else mask_text(check.detail),
        expected=mask_text(check.expected) if isinstance(check.expected, str) else check.expected,
        actual=mask_text(check.actual) if isinstance(check.actual, str) else check.actual,
        violations=mask_frame(check.violations, personal),
    )


def mask_reasons(reasons: Mapping[str, str]) -> dict[str, str]:
    """Mask reasons, because the server's message about a value that it could not read may quote the value."""
    return {name: mask_text(reason) for name, reason in reasons.items()}


def declared_policies(declared: pl.DataFrame, *, masked: bool) -> tuple[PolicyResult, ...]:
    """Return the declared policies; an unfilled placeholder is recognised by its source."""
    rows = declared.iter_rows(named=True)
    return tuple(
        PolicyResult(row["key"], mask_json(row["value"]) if masked else row["value"], row["source"], row["required"])
        for row in rows
    )
