"""What a judgement itself says, as frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from recon.model import Verification


def causes_frame(verification: Verification) -> pl.DataFrame:
    """One row per cause: entity, field, cause, title, count, share (percent), is_explained, is_harmless, action."""
    found = verification.ledger.causes if verification.ledger else ()
    return pl.DataFrame(
        {
            "entity": [each.entity for each in found],
            "field": [each.field for each in found],
            "cause": [each.name for each in found],
            "title": [each.title for each in found],
            "count": [each.count for each in found],
            "share": [each.share for each in found],
            "is_explained": [each.is_explained for each in found],
            "is_harmless": [each.is_harmless for each in found],
            "action": [each.action for each in found],
        },
        schema_overrides={"field": pl.String, "count": pl.Int64, "share": pl.Float64},
    )


def checks_frame(verification: Verification) -> pl.DataFrame:
    """One row per check: id, name, outcome, message, violations (null: not evaluated)."""
    found = verification.checks
    return pl.DataFrame(
        {
            "id": [each.id for each in found],
            "name": [each.name for each in found],
            "outcome": [str(each.outcome) for each in found],
            "message": [each.message for each in found],
            "violations": [each.violation_count for each in found],
        },
        schema_overrides={"violations": pl.Int64},
    )
