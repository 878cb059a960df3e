"""The lock that keeps programs of recon apart that write to one PostgreSQL database."""

# "recon" in ASCII: an importer that takes it with pg_advisory_xact_lock keeps a rollback from running beside it.
LOCK_KEY = 0x7265636F6E
