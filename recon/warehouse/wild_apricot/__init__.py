"""Loads Wild Apricot exports (CSV) as the records of a bundle that only counts them."""

from recon.warehouse.wild_apricot.loading import load_export

__all__ = ["load_export"]
