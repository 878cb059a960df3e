"""PostgreSQL: one probe connection, so that a refusal is reported clearly, then the best available driver."""

from __future__ import annotations

from contextlib import closing
from importlib import import_module
from math import ceil
from typing import TYPE_CHECKING, cast

import psycopg
from psycopg.conninfo import make_conninfo

from recon.database.encryption import DEFAULT_AUTHORITY
from recon.database.postgresql_refusal import refusal
from recon.errors import DatabaseError

if TYPE_CHECKING:
    from recon.database.address import DatabaseUrl
    from recon.database.postgresql_source import PostgresqlSource

ADBC = "recon.database.postgresql_adbc"
CONNECTORX = "recon.database.postgresql_connectorx"
CONNECT_TIMEOUT_S = 5.0
# libpq's modes under which a connection may be encrypted or not, as the server likes.
OPEN_MODES = ("", "allow", "prefer")


def connect(url: DatabaseUrl, timeout_s: float | None = None) -> PostgresqlSource:
    """Open one transaction; psycopg tries the address first, so that a refusal is reported clearly.

    ADBC reads, being twice as fast, unless the URL requests connectorx or ADBC's library cannot be loaded on this
    platform; the only difference is speed.

    Raises:
        DatabaseError: The server refuses the connection, or does not grant the requested transaction.
    """
    address = conninfo(url, timeout_s)
    try:
        with closing(psycopg.connect(address)) as first:
            address, encryption = as_reached(address, first)
    except (psycopg.Error, UnicodeError) as error:
        # A host name may be none that can be encoded.
        raise refusal(url, str(error)) from None
    driver = import_module(_driver(url))
    try:
        source = cast("PostgresqlSource", driver.open_source(url, address, timeout_s))
    except driver.ERRORS as error:
        raise refusal(url, str(error), getattr(error, "sqlstate", None)) from None
    source.encryption = encryption
    return source


def as_reached(address: str, reached: psycopg.Connection) -> tuple[str, str]:
    """Return the address of the very server that was reached, with encryption as it was, and a sentence about that.

    Of several hosts, another connection could reach another one, or do without the encryption of the first.
    """
    known = reached.info.get_parameters()
    is_encrypted, mode = bool(reached.pgconn.ssl_in_use), known.get("sslmode", "")
    pinned = {}
    if "," in known.get("host", ""):
        pinned = {"host": reached.info.host, "port": str(reached.info.port), "target_session_attrs": "any"}
    if "," in known.get("hostaddr", ""):
        pinned["hostaddr"] = reached.info.hostaddr
    # By the default file of authorities, libpq would verify under "require", which nobody asked for.
    if mode in OPEN_MODES and not (is_encrypted and DEFAULT_AUTHORITY.expanduser().exists()):
        pinned["sslmode"] = "require" if is_encrypted else "disable"
    sentence = f"encrypted (sslmode={mode or 'prefer'})" if is_encrypted else "not encrypted"
    return make_conninfo(address, **pinned), sentence


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
    hosts, ports = (",".join(str(place[part]) for place in url.places) for part in (0, 1))
    parts = {"host": hosts, "dbname": url.name, "user": url.user, "password": url.password}
    present = {key: value for key, value in parts.items() if value}
    try:
        return make_conninfo(port=ports, **wanted, **present)
    except psycopg.Error as error:
        raise refusal(url, str(error)) from None
