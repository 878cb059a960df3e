"""The ledger: one outcome for every source record and every target row, and why they are not what was expected."""

from recon.ledger.building import TABLES, Case, account_for, foreseen_gaps, ledger_columns

__all__ = ["TABLES", "Case", "account_for", "foreseen_gaps", "ledger_columns"]
