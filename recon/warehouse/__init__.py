"""The warehouse: a closed DuckDB session that holds both sides, what loads them, and the kept snapshot."""

from recon.warehouse.session import STORED, VALUES, Field, Warehouse

__all__ = ["STORED", "VALUES", "Field", "Warehouse"]
