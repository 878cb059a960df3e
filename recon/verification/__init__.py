"""The steps from bundle and database to a Verification: options, progress, escalation."""
