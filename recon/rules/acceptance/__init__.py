"""Accepted differences: findings that people know and accept for a time, read from a file, written to it, applied."""

from recon.rules.acceptance.entries import AcceptanceFile, AcceptedEntry, lacks_approval
from recon.rules.acceptance.reading import DEFAULT_FILE, read_acceptance
from recon.rules.acceptance.writing import WrittenEntries, accept_findings

__all__ = [
    "DEFAULT_FILE",
    "AcceptanceFile",
    "AcceptedEntry",
    "WrittenEntries",
    "accept_findings",
    "lacks_approval",
    "read_acceptance",
]
