"""The only door to Great Expectations: importing this costs seconds, so nothing that `verify` needs does."""

from recon.gx.expectation import ExpectNoViolations, judged_on, load_gx_suite

__all__ = ["ExpectNoViolations", "judged_on", "load_gx_suite"]
