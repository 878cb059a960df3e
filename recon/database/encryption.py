"""The parameters of a URL that concern encryption, in every spelling that applications have, as one demand.

An application's URL asks for encryption in the words of its own driver: libpq's, Prisma's, node-postgres', JDBC's,
Go's, SQLAlchemy's or MySQL's. None of these parameters is dropped: it takes part in the demand, or it is refused by its
name.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from recon.database.encryption_demand import demand_of
from recon.database.encryption_spelling import MYSQL, POSTGRESQL, Level
from recon.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DEFAULT_AUTHORITY = Path("~/.postgresql/root.crt")
LIBPQ_NAMES = {
    "sslminprotocolversion": "ssl_min_protocol_version",
    "sslmaxprotocolversion": "ssl_max_protocol_version",
    "channelbinding": "channel_binding",
}


def libpq_parameters(query: Sequence[tuple[str, str]], where: str) -> dict[str, str]:
    """Return the parameters of a PostgreSQL URL that concern encryption, in libpq's words.

    Raises:
        DatabaseError: As in `demand_of`.
    """
    demand = demand_of(query, POSTGRESQL, where)
    found = {LIBPQ_NAMES.get(folded, folded): value for folded, value in demand.values.items() if value}
    level = demand.level
    direct = found.get("sslnegotiation") == "direct" or found.get("channel_binding") == "require"
    if direct and (level is None or level < Level.ENCRYPTED):
        _refuse_plain(level, found, where)
        level = Level.ENCRYPTED
    if level is None:
        return found
    if level is Level.ENCRYPTED:
        # libpq would verify by it.
        found.pop("sslrootcert", None)
    if level is Level.VERIFIED_HOST and not demand.names_mode and not DEFAULT_AUTHORITY.expanduser().exists():
        # Drivers that do not know libpq's default file trust the authorities of the machine.
        found.setdefault("sslrootcert", "system")
    mode = "allow" if level is Level.OFFERED and demand.is_plain_first else POSTGRESQL.modes[level]
    return {"sslmode": mode, **found}


def _refuse_plain(level: Level | None, found: Mapping[str, str], where: str) -> None:
    if level is Level.PLAIN:
        name = "sslnegotiation" if found.get("sslnegotiation") == "direct" else "channel_binding"
        raise DatabaseError(
            "The URL asks for encryption in a way that cannot be honoured",
            where=f"{where}, parameter sslmode and {name}",
            found="they contradict each other",
            next_step="Leave one of them away",
        )


def mysql_parameters(query: Sequence[tuple[str, str]], where: str) -> dict[str, str]:
    """Return the parameters of a MySQL URL that concern encryption: "ssl-mode", "ssl-ca".

    Raises:
        DatabaseError: As in `demand_of`.
    """
    demand = demand_of(query, MYSQL, where)
    if demand.level is None:
        return {}
    authority = demand.values.get("sslrootcert", "system")
    named = {} if authority == "system" or demand.level < Level.VERIFIED_AUTHORITY else {"ssl-ca": authority}
    return {"ssl-mode": MYSQL.modes[demand.level], **named}
