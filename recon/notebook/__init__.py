"""The functions that notebooks call: each shows one section of a Verification."""

from recon.notebook.exploring.explorer import explore, table
from recon.notebook.sections import (
    Section,
    chart,
    checks,
    conclude,
    counts,
    environment,
    failures,
    files,
    ledger,
    passes,
    policies,
    scope,
    tiers,
    verdict,
    warnings,
)

__all__ = [
    "Section",
    "chart",
    "checks",
    "conclude",
    "counts",
    "environment",
    "explore",
    "failures",
    "files",
    "ledger",
    "passes",
    "policies",
    "scope",
    "table",
    "tiers",
    "verdict",
    "warnings",
]
