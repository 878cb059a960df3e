"""Typed comparison of two tables, independent of bundles and profiles: digests first, then fields that differ."""

from __future__ import annotations

from recon.comparison.digest import digest_sql
from recon.comparison.field import NORMALISERS, TYPES, Field
from recon.comparison.judgement import Judged, judge
from recon.comparison.normalisers import normalised_sql, register_normalisers
from recon.comparison.tables import Comparison, ComparisonSummary, compare
from recon.comparison.values import StoredColumn, can_fail, judged_sql, typed_sql

__all__ = [
    "NORMALISERS",
    "TYPES",
    "Comparison",
    "ComparisonSummary",
    "Field",
    "Judged",
    "StoredColumn",
    "can_fail",
    "compare",
    "digest_sql",
    "judge",
    "judged_sql",
    "normalised_sql",
    "register_normalisers",
    "typed_sql",
]
