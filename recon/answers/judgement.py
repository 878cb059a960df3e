"""What a judgement itself says, as frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from recon.model import Verification


ASSOCIATIONS = {
    "entity": pl.String,
    "group": pl.String,
    "field": pl.String,
    "value": pl.String,
    "count": pl.Int64,
    "of": pl.Int64,
    "share_of_others": pl.Float64,
    "p_value": pl.Float64,
    "sentence": pl.String,
    "profile_line": pl.String,
}


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


def associations_frame(verification: Verification) -> pl.DataFrame:
    """What the unexplained have in common, an association and not a cause: one row per value.

    Columns: entity, group ("missing", "altered", "unexpected"), field, value (null: none), count, of (the size of the
    group), share_of_others (percent), p_value, sentence, profile_line (null). The keys that would pair after one
    normaliser follow as rows of the group "missing": field is the key, value the normaliser, profile_line the line of
    the profile that applies it (null: there is none); share_of_others and p_value are null.
    """
    ledger = verification.ledger
    found = ledger.associations if ledger else ()
    hints = ledger.key_hints if ledger else ()
    values = [(a.value, a.count, a.of, a.share_of_others, a.p_value, a.sentence, None) for a in found]
    counts = [(h.normaliser, h.count, h.of, None, None, h.sentence, h.line) for h in hints]
    return pl.DataFrame(
        [
            *((a.entity, a.group, a.field, *others) for a, others in zip(found, values, strict=True)),
            *((h.entity, "missing", h.key, *others) for h, others in zip(hints, counts, strict=True)),
        ],
        schema=ASSOCIATIONS,
        orient="row",
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
