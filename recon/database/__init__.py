"""A read-only database behind a URL: its catalogue, and its rows as polars frames."""

from recon.database.address import DatabaseUrl
from recon.database.opening import open_source
from recon.database.rendering import Dialect, render, render_value
from recon.database.source import UNDECODED, Catalogue, FoldedCatalogue, Query, ReadError, SelectColumn, Source
from recon.database.url import parse_url, resolve_database

__all__ = [
    "UNDECODED",
    "Catalogue",
    "DatabaseUrl",
    "Dialect",
    "FoldedCatalogue",
    "Query",
    "ReadError",
    "SelectColumn",
    "Source",
    "open_source",
    "parse_url",
    "render",
    "render_value",
    "resolve_database",
]
