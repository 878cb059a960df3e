"""recon says whether a data migration is right: bundle and database in, verdict out.

The names below load on first use, so that importing recon costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recon.assembly import Run, RunOptions, run
    from recon.comparison import Comparison, Field, compare
    from recon.coverage import Coverage, check_profile
    from recon.demo import FAULTS, DemoPaths, write_demo, write_demo_to
    from recon.draft import draft_profile
    from recon.errors import ReconError
    from recon.model import Check, Outcome, Verdict, Verification
    from recon.options import VerifyOptions
    from recon.pipeline import verify
    from recon.rehearsal import load_checks, rehearse
    from recon.report import FORMATS, load_verification, write_report
    from recon.site import build_site
    from recon.suites import Rule

__all__ = [
    "FAULTS",
    "FORMATS",
    "Check",
    "Comparison",
    "Coverage",
    "DemoPaths",
    "Field",
    "Outcome",
    "ReconError",
    "Rule",
    "Run",
    "RunOptions",
    "Verdict",
    "Verification",
    "VerifyOptions",
    "build_site",
    "check_profile",
    "compare",
    "draft_profile",
    "load_checks",
    "load_verification",
    "rehearse",
    "run",
    "verify",
    "write_demo",
    "write_demo_to",
    "write_report",
]

_HOMES = {
    "FAULTS": "recon.demo",
    "FORMATS": "recon.report",
    "Check": "recon.model",
    "Comparison": "recon.comparison",
    "Coverage": "recon.coverage",
    "DemoPaths": "recon.demo",
    "Field": "recon.comparison",
    "Outcome": "recon.model",
    "ReconError": "recon.errors",
    "Rule": "recon.suites",
    "Run": "recon.assembly",
    "RunOptions": "recon.assembly",
    "Verdict": "recon.model",
    "Verification": "recon.model",
    "VerifyOptions": "recon.options",
    "build_site": "recon.site",
    "load_checks": "recon.rehearsal",
    "load_verification": "recon.report",
    "rehearse": "recon.rehearsal",
    "run": "recon.assembly",
    "check_profile": "recon.coverage",
    "compare": "recon.comparison",
    "draft_profile": "recon.draft",
    "verify": "recon.pipeline",
    "write_demo": "recon.demo",
    "write_demo_to": "recon.demo",
    "write_report": "recon.report",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'recon' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
