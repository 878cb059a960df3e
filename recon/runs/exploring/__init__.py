"""The explorer's notebook, filled in for one run, and the JupyterLab that opens it."""

from __future__ import annotations

from recon.runs.exploring.lab import Lab, require_lab, running_lab
from recon.runs.exploring.notebook import ExplorerNotebook, explorer_notebook
from recon.runs.exploring.run_to_explore import run_to_explore

__all__ = ["ExplorerNotebook", "Lab", "explorer_notebook", "require_lab", "run_to_explore", "running_lab"]
