"""Reports: each format renders the same Verification, and none of them counts."""

from __future__ import annotations

from recon.report.formats import FORMATS, Format
from recon.report.output import Output, check_output, plan_outputs, write_report, write_reports

__all__ = [
    "FORMATS",
    "Format",
    "Output",
    "check_output",
    "plan_outputs",
    "write_report",
    "write_reports",
]
