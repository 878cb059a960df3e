"""What distinguishes a PostgreSQL database from others."""

from __future__ import annotations

from contextlib import suppress

import psycopg

DATABASE = "select d.oid::text, d.datname::text from pg_catalog.pg_database d where d.datname = current_database()"
SYSTEM = "select system_identifier::text from pg_catalog.pg_control_system()"


def read_identity(connection: psycopg.Connection) -> dict[str, str]:
    """Return system_identifier, database_oid and database; not within a transaction.

    A role that may not know the system's identifier gets the others.
    """
    system = None
    with suppress(psycopg.Error):
        system = connection.execute(SYSTEM).fetchone()
    oid, name = connection.execute(DATABASE).fetchone() or ("", "")
    known = {"system_identifier": system[0] if system else None, "database_oid": oid, "database": name}
    return {key: value for key, value in known.items() if value}
