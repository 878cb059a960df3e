"""Typed comparison of two tables: digests of rows in DuckDB, then polars judges those that differ."""

from __future__ import annotations

from recon.comparison.digest import digest_sql
from recon.comparison.field import NORMALISERS, TYPES, Field
from recon.comparison.judgement import Judged, judge
from recon.comparison.values import Column, judged_sql, typed_sql

__all__ = ["NORMALISERS", "TYPES", "Column", "Field", "Judged", "digest_sql", "judge", "judged_sql", "typed_sql"]
