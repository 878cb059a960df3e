"""The only door to Great Expectations: importing this costs seconds, so only what needs it does."""

from recon.gx.expectation import ExpectNoViolations, judged_on, load_gx_suite
from recon.gx.stock import judge

__all__ = ["ExpectNoViolations", "judge", "judged_on", "load_gx_suite"]
