"""What this role may do in PostgreSQL, and which other sessions are writing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.database.writing.postgresql_catalogue import ask
from recon.errors import visible
from recon.sql import quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import psycopg

GRANT_USAGE = "grant usage on schema {schema} to {role}"
GRANT = "grant {right} on {table} to {role}"
WRITER = "{who} has been writing to {table} in a transaction{since}"
SESSION = "session {pid} of {role}{program}"
PREPARED = "prepared transaction {name!r} of {role}"


def missing_rights(connection: psycopg.Connection, needs: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the statements that grant what the role lacks.

    Rows are locked before they are deleted, for which the server asks for the right to update some column.
    """
    wanted = [(table, right) for table, rights in needs.items() for right in rights]
    wanted += [(table, "lock") for table, rights in needs.items() if "delete" in rights and "update" not in rights]
    found = ask(
        connection, "missing_rights", tables=[table for table, _ in wanted], rights=[right for _, right in wanted]
    )
    schemas = [
        GRANT_USAGE.format(schema=quote(schema), role=quote(role))
        for schema, _, _, is_open, _, role in found
        if not is_open
    ]
    rights: dict[tuple[str, str], list[str]] = {}
    for _, table, right, _, is_held, role in found:
        if not is_held:
            rights.setdefault((table, role), []).append("update" if right == "lock" else right)
    grants = [
        GRANT.format(right=", ".join(names), table=table, role=quote(role)) for (table, role), names in rights.items()
    ]
    return list(dict.fromkeys((*schemas, *grants)))


def other_writers(connection: psycopg.Connection, tables: Sequence[str]) -> list[str]:
    """Return the other sessions and prepared transactions; what the role may not see of them is left out."""
    found = []
    for table, pid, role, program, name, since in ask(connection, "other_writers", tables=list(tables)):
        is_prepared = pid is None
        who = (PREPARED if is_prepared else SESSION).format(
            pid=pid, role=role or "an unknown role", program=f" ({program})" if program else "", name=name
        )
        found.append(visible(WRITER.format(who=who, table=table, since=f" since {since} UTC" if since else "")))
    return found
