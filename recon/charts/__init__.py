"""Charts of a Verification, drawn by Altair without a network; they show its numbers and compute none.

Importing this loads Altair, which no other part of recon may do.
"""

from __future__ import annotations

from recon.charts.drawing import draw
from recon.charts.figure import Figure
from recon.charts.files import write_charts

__all__ = ["Figure", "draw", "write_charts"]
