"""The dry run before an import: is it whole, what would it do, and does it fit the database as it is?"""

from recon.preflight.dry_run.asking import ask_dry_run
from recon.preflight.dry_run.options import DryRunOptions

__all__ = ["DryRunOptions", "ask_dry_run"]
