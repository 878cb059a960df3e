"""The stakeholders' site: a home page over the run folders, and what each run publishes."""

from __future__ import annotations

from recon.runs.site.building import build_site
from recon.runs.site.serving import serving

__all__ = ["build_site", "serving"]
