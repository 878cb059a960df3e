"""The ledger: one outcome for every source record and every target row, and the causes of unexpected ones."""

from recon.ledger.builder import (
    COMPARED_COLUMNS,
    TABLES,
    LedgerSettings,
    account_for,
    foreseen_gaps,
    ledger_columns,
)
from recon.ledger.entities import STAMPS

__all__ = ["COMPARED_COLUMNS", "STAMPS", "TABLES", "LedgerSettings", "account_for", "foreseen_gaps", "ledger_columns"]
