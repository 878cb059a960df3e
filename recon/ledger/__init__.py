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
from recon.ledger.policies import DeclaredPolicies
from recon.ledger.policy_settings import settings_columns

__all__ = [
    "COMPARED_COLUMNS",
    "STAMPS",
    "TABLES",
    "DeclaredPolicies",
    "LedgerSettings",
    "account_for",
    "foreseen_gaps",
    "ledger_columns",
    "settings_columns",
]
