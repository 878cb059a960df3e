"""The closed DuckDB session that holds source and target, the loaders that fill it, and the kept snapshot."""

from recon.warehouse.load_column import STORED, LoadColumn
from recon.warehouse.session import VALUES, Warehouse

__all__ = ["STORED", "VALUES", "LoadColumn", "Warehouse"]
