"""The locks that keep programs of recon apart that write to one database of a server."""

from __future__ import annotations

from hashlib import sha256

# "recon" in ASCII: an importer that takes it with pg_advisory_xact_lock keeps a rollback from running beside it.
LOCK_KEY = 0x7265636F6E


def lock_name(database: str) -> str:
    """The name of the lock on MySQL: the server has one list for all databases, of 64 characters, without case."""
    return f"recon rollback {sha256(database.casefold().encode()).hexdigest()[:32]}"
