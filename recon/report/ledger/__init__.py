"""What reports show of a Ledger: every format renders it, and none of them counts."""
