"""The closed DuckDB session that holds both sides, what loads them into it, and the kept snapshot."""

from recon.warehouse.load_column import STORED, LoadColumn
from recon.warehouse.session import VALUES, Warehouse

__all__ = ["STORED", "VALUES", "LoadColumn", "Warehouse"]
