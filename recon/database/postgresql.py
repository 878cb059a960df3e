"""PostgreSQL: one probe connection, so that a refusal is reported clearly, then the best available driver."""

from __future__ import annotations

from importlib import import_module
from math import ceil
from typing import TYPE_CHECKING, cast

import psycopg
from psycopg.conninfo import make_conninfo

from recon.errors import DatabaseError

if TYPE_CHECKING:
    from recon.database.address import DatabaseUrl
    from recon.database.postgresql_source import PostgresqlSource

ADBC = "recon.database.postgresql_adbc"
CONNECTORX = "recon.database.postgresql_connectorx"
CONNECT_TIMEOUT_S = 5.0
HINTS = {
    "permission denied for database": "Ask the DBA to grant this user CONNECT on it",
    "password authentication failed": "Check user and password in the URL; recon tried once and will not try again",
    "no password supplied": "The server requires a password: add it to the URL in the environment variable",
    "does not exist": "Check the names of the database and the user in the URL",
    "refused": "Check host and port, and that the server is running and reachable from here",
    "translate host name": "Check the host name in the URL",
    "resolve host": "Check the host name in the URL",
    "Name or service": "Check the host name in the URL",
    "timeout expired": "Check host, port and firewall: nothing answered in time",
    "SSL": "Check sslmode in the URL against what the server offers",
    "too many": "The server has no connection left: close others, or ask the DBA",
}


def connect(url: DatabaseUrl, timeout_s: float | None = None) -> PostgresqlSource:
    """Open one transaction; psycopg tries the address first, so that a refusal is reported clearly.

    ADBC reads, being twice as fast, unless the URL requests connectorx or ADBC's library cannot be loaded on this
    platform; the only difference is speed.

    Raises:
        DatabaseError: The server refuses the connection, or does not grant the requested transaction.
    """
    address = conninfo(url, timeout_s)
    try:
        psycopg.connect(address).close()
    except psycopg.Error as error:
        raise refusal(url, str(error)) from None
    driver = import_module(_driver(url))
    try:
        return cast("PostgresqlSource", driver.open_source(url, address, timeout_s))
    except driver.ERRORS as error:
        raise refusal(url, str(error)) from None


def _driver(url: DatabaseUrl) -> str:
    """Return the module of the driver that the URL requests, or of the best one that this platform can load.

    Raises:
        DatabaseError: The URL requests ADBC, whose library cannot be loaded.
    """
    if url.driver == "connectorx":
        return CONNECTORX
    try:
        import_module(ADBC)
    except (ImportError, OSError):
        if url.driver == "adbc":
            raise DatabaseError(
                "ADBC's library cannot be loaded on this machine",
                where=url.label,
                next_step="Leave ?driver=adbc away: connectorx reads as well, at half the speed",
            ) from None
        return CONNECTORX
    return ADBC


def conninfo(url: DatabaseUrl, timeout_s: float | None = None) -> str:
    """Build libpq's connection string from the parts of the URL and a timeout.

    Raises:
        DatabaseError: libpq does not accept a part.
    """
    wanted = {
        "connect_timeout": str(ceil(timeout_s or CONNECT_TIMEOUT_S)),
        "application_name": "recon",
        **url.parameters,
        "client_encoding": "UTF8",
    }
    if timeout_s is not None:
        wanted["connect_timeout"] = str(ceil(timeout_s))
    parts = {"host": url.host, "dbname": url.name, "user": url.user, "password": url.password}
    present = {key: value for key, value in parts.items() if value}
    try:
        return make_conninfo(port=url.port, **wanted, **present)
    except psycopg.Error as error:
        raise refusal(url, str(error)) from None


def refusal(url: DatabaseUrl, message: str) -> DatabaseError:
    """Return the error for a server that refuses the connection, from the driver's `message`."""
    reason = " ".join(message.split()).partition("Multiple connection attempts")[0]
    reason = reason.removeprefix("connection failed: ")
    again = reason.find("connection to server", 1)
    reason = reason[:again] if again > 0 else reason
    return DatabaseError(
        "PostgreSQL cannot be reached",
        where=url.label,
        found=url.redact(reason).rstrip(". "),
        next_step=next((hint for part, hint in HINTS.items() if part in reason), "Check the URL"),
    )
