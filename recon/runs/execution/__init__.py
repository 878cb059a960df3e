"""The only access to Jupyter: executes the shipped notebook and exports it as a page.

Importing this loads papermill and nbconvert, which no other part of recon may do.
"""

from __future__ import annotations

from recon.runs.execution.notebook import execute
from recon.runs.execution.page import export_html

__all__ = ["execute", "export_html"]
