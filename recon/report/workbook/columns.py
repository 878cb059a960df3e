"""The columns in which people decide on findings."""

from __future__ import annotations

DECISION, REASON, OWNER, EXPIRES, APPROVED_BY = "Decision", "Reason", "Owner", "Expires", "Approved by"
DECISION_COLUMNS = (DECISION, REASON, OWNER, EXPIRES, APPROVED_BY)
ACCEPT, FIX, INVESTIGATE = "accept", "fix", "investigate"
DECISIONS = (ACCEPT, FIX, INVESTIGATE)
SUMMARY = "Summary"
