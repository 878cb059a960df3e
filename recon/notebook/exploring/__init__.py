"""The explorer: questions to a kept run as tables to page, sort, filter, search and choose in."""

from recon.notebook.exploring.explorer import Explorer
from recon.notebook.exploring.row_table import RowTable

__all__ = ["Explorer", "RowTable"]
