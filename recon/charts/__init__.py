"""Charts of a Verification as SVG, PNG and, by Altair, Vega-Lite, without a network; they compute only differences."""

from __future__ import annotations

from recon.charts.drawing import draw
from recon.charts.figure import Figure
from recon.charts.files import write_charts

__all__ = ["Figure", "draw", "write_charts"]
