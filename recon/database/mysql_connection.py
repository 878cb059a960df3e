"""Connections to MySQL and MariaDB: one address for PyMySQL and connectorx, and clear errors for refusals."""

from __future__ import annotations

from math import ceil
from socket import gaierror
from ssl import SSLCertVerificationError, SSLError, SSLSocket
from typing import TYPE_CHECKING, Any
from urllib.parse import quote as percent_encode
from urllib.parse import urlencode

import pymysql

from recon.errors import DatabaseError

if TYPE_CHECKING:
    from recon.database.address import DatabaseUrl

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 30.0
LOCK_TIMEOUT_S = 5.0
# By the mode of a URL, what PyMySQL is given; by itself it encrypts where the server offers it, as PREFERRED does.
MODES: dict[str, dict[str, Any]] = {
    "DISABLED": {"ssl_disabled": True},
    "PREFERRED": {},
    "REQUIRED": {"ssl": {"check_hostname": False, "verify_mode": "none"}},
    "VERIFY_CA": {"ssl_verify_cert": True, "ssl_verify_identity": False},
    "VERIFY_IDENTITY": {"ssl_verify_cert": True, "ssl_verify_identity": True},
}
NOT_ENCRYPTED = "not encrypted"
# OpenSSL's codes for a host name and an address that the certificate does not have.
WRONG_NAME = (62, 64)
HINTS = {
    1045: "Check user and password in the URL; recon tried once and will not try again",
    1044: "Check the name of the database in the URL, or ask the DBA to grant this user SELECT on it",
    1049: "Check the name of the database in the URL",
    1040: "The server has no connection left: close others, or ask the DBA",
    1129: "Ask the DBA: the server blocks this machine after too many errors",
    1130: "Ask the DBA to let this user in from this machine",
    1203: "The user has no connection left: close others, or ask the DBA",
    3159: "The server requires encryption: add ?ssl-mode=REQUIRED to the URL",
    2003: "Check host and port, and that the server is running and reachable from here",
    2013: "Check that host and port are those of a MySQL or MariaDB server, and that it is not overloaded",
    2026: "The server offers no encryption. Check ssl-mode in the URL against what the server offers",
}
VERIFICATION = (
    "Name the certificate of the server's authority: ssl-ca=FILE in the URL; "
    "ssl-mode=REQUIRED encrypts without verifying"
)
HOST_NAME = "Write the host in the URL as the server's certificate names it; ssl-mode=VERIFY_CA does without the name"
TLS = "Check ssl-mode in the URL against what the server offers; ssl-mode=DISABLED does without encryption"
AUTHORITY_FILE = "Check the file that ssl-ca names in the URL: the certificate of the server's authority, as PEM"
HOST = "Check the host name in the URL"


def probe(url: DatabaseUrl, timeout_s: float | None) -> pymysql.Connection[Any]:
    """Open a connection for queries with few rows, each of which ends within seconds.

    Raises:
        pymysql.Error: The server refuses the connection.
        OSError: The file of the authority's certificate cannot be read.
    """
    lock_timeout_s = max(1, int(LOCK_TIMEOUT_S if timeout_s is None else 0.8 * timeout_s))
    connection: pymysql.Connection[Any] = pymysql.connect(
        host=host(url),
        port=url.port,
        user=url.user,
        # PyMySQL would encode a str as Latin-1, which is wrong for a password with non-ASCII characters.
        password=url.password.encode(),
        database=url.name,
        charset="utf8mb4",
        autocommit=True,
        connect_timeout=ceil(timeout_s or CONNECT_TIMEOUT_S),
        read_timeout=timeout_s or ANSWER_TIMEOUT_S,
        init_command=f"set session lock_wait_timeout = {lock_timeout_s}",
        **MODES[_mode(url)],
        ssl_ca=url.parameters.get("ssl-ca"),
    )
    with connection.cursor() as cursor:
        cursor.execute("set session transaction read only")
    return connection


def encryption(connection: pymysql.Connection[Any]) -> str:
    """Return whether the connection is encrypted, with protocol and cipher."""
    channel = connection._sock  # type: ignore[attr-defined] # noqa: SLF001 - the client's own view, whatever is between
    if not isinstance(channel, SSLSocket):
        return NOT_ENCRYPTED
    cipher = channel.cipher()
    return f"encrypted ({channel.version()}{f', {cipher[0]}' if cipher else ''})"


def address(url: DatabaseUrl, *, is_encrypted: bool) -> str:
    """Return the address for connectorx; over TCP, like the probe, not over a socket that the server may offer.

    Args:
        url: The address in its parts.
        is_encrypted: Whether the probe's connection was encrypted, as the reader's then has to be.
    """
    user, password, name = (percent_encode(part, safe="") for part in (url.user, url.password, url.name))
    shown = f"[{host(url)}]" if ":" in host(url) else host(url)
    mode = _mode(url)
    parameters = {
        "prefer_socket": "false",
        "tcp_connect_timeout_ms": str(int(CONNECT_TIMEOUT_S * 1000)),
        "ssl-mode": ("REQUIRED" if is_encrypted else "DISABLED") if mode == "PREFERRED" else mode,
    }
    if "ssl-ca" in url.parameters:
        parameters["ssl-ca"] = url.parameters["ssl-ca"]
    return f"mysql://{user}:{password}@{shown}:{url.port}/{name}?{urlencode(parameters, quote_via=percent_encode)}"


def host(url: DatabaseUrl) -> str:
    """Return the host; this machine where the URL names none."""
    return url.host or "127.0.0.1"


def refusal(url: DatabaseUrl, error: Exception) -> DatabaseError:
    """Return the error with the message of the server or the network, and what to do about it."""
    return DatabaseError(
        "MySQL cannot be reached",
        where=url.label,
        found=one_line(url.redact(str(error.args[-1] if error.args else error))).rstrip(". "),
        next_step=_advice(error, is_plain=_mode(url) == "DISABLED"),
    )


def _advice(error: Exception, *, is_plain: bool) -> str:
    """Choose the advice by the class of what happened, then by the server's number."""
    cause = getattr(error, "original_exception", None) or error
    if isinstance(cause, SSLCertVerificationError):
        return HOST_NAME if cause.verify_code in WRONG_NAME else VERIFICATION
    if isinstance(cause, SSLError):
        return AUTHORITY_FILE if "PEM" in str(cause.reason or cause) or "X509" in str(cause) else TLS
    if isinstance(cause, gaierror):
        return HOST
    if isinstance(error, OSError):
        return AUTHORITY_FILE
    code = error.args[0] if len(error.args) > 1 else 0
    if code == 1045 and is_plain:
        return f"{HINTS[code]}. A server that requires encryption refuses plain text so too: write ssl-mode=REQUIRED"
    return HINTS.get(code, "Check the URL, or ask the DBA what the message means")


def server_words(message: str) -> str:
    """Return the server's message without the driver's prefix."""
    said = message.rpartition("MySqlError { ")[2].removesuffix(" })").removesuffix("))")
    return said.removesuffix(" }") or message


def one_line(text: str) -> str:
    """Return the text without line breaks."""
    return " ".join(text.split())


def _mode(url: DatabaseUrl) -> str:
    return url.parameters.get("ssl-mode", "PREFERRED")
