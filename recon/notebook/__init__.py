"""The functions that notebooks call: each shows one section of a Verification."""

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
    policies,
    scope,
    tiers,
    verdict,
)

__all__ = [
    "Section",
    "chart",
    "checks",
    "conclude",
    "counts",
    "environment",
    "failures",
    "files",
    "ledger",
    "policies",
    "scope",
    "tiers",
    "verdict",
]
