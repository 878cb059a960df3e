"""The only access to Great Expectations, whose import takes seconds: checkpoint, Data Docs, its own expectations."""

from recon.gx.checkpoint import Found, GxResult, GxSuite, compare, validate
from recon.gx.data_docs import build_data_docs
from recon.gx.expectation import ExpectNoViolations, judged_on, load_gx_suite
from recon.gx.stock import judge

__all__ = [
    "ExpectNoViolations",
    "Found",
    "GxResult",
    "GxSuite",
    "build_data_docs",
    "compare",
    "judge",
    "judged_on",
    "load_gx_suite",
    "validate",
]
