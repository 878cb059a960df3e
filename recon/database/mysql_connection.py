"""Connections to MySQL and MariaDB: one address for PyMySQL and connectorx, and clear errors for refusals."""

from __future__ import annotations

import re
from math import ceil
from socket import gaierror
from ssl import SSLCertVerificationError, SSLError, SSLSocket
from typing import TYPE_CHECKING, Any
from urllib.parse import quote as percent_encode
from urllib.parse import urlencode

import pymysql

from recon.database.server_stream import ENDED, TIMEOUT
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
UNKNOWN_VARIABLE = 1193
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
GRANT = "Ask the DBA to grant this user SELECT on it"
WAIT = "Another program holds it, or the server is slow: wait, then verify again"
GONE = "The server was stopped or ended the connection: wait, then verify again"
CHANGED = "The table was changed while it was read: verify again"
READING = {
    1044: GRANT,
    1045: GRANT,
    1142: GRANT,
    1143: GRANT,
    1227: GRANT,
    1345: GRANT,
    1356: "Ask the DBA to mend the view, or to grant its definer SELECT on what it reads",
    1449: "Ask the DBA to mend the view: its definer is no user of this server",
    1205: WAIT,
    1213: WAIT,
    1907: WAIT,
    3572: WAIT,
    1317: "The statement was cancelled: ask the DBA why, then verify again",
    1969: "The statement took longer than the server allows (max_statement_time): ask the DBA to raise it",
    3024: "The statement took longer than the server allows (max_execution_time): ask the DBA to raise it",
    1054: CHANGED,
    1146: CHANGED,
    1412: CHANGED,
    1040: HINTS[1040],
    1203: HINTS[1203],
    1226: "The user has used up what the server allows: wait, or ask the DBA to raise its limits",
    1053: GONE,
    1077: GONE,
    1079: GONE,
    1927: GONE,
    2006: GONE,
    2013: GONE,
    4031: GONE,
}
NUMBER = re.compile(r"ERROR (\d+) \(")
UNKNOWN = "Correct what the server names, or ask the DBA; then verify again"
VERIFICATION = (
    "Name the certificate of the server's authority: ssl-ca=FILE in the URL; "
    "ssl-mode=REQUIRED encrypts without verifying"
)
HOST_NAME = "Write the host in the URL as the server's certificate names it; ssl-mode=VERIFY_CA does without the name"
TLS = "Check ssl-mode in the URL against what the server offers; ssl-mode=DISABLED does without encryption"
AUTHORITY_FILE = "Check the file that ssl-ca names in the URL: the certificate of the server's authority, as PEM"
HOST = "Check the host name in the URL"


def open_connection(url: DatabaseUrl, timeout_s: float | None, answer_timeout_s: float) -> pymysql.Connection[Any]:
    """Open a connection.

    Args:
        url: The address.
        timeout_s: Seconds that connecting may take; None: a few.
        answer_timeout_s: Seconds for which the server may send nothing.

    Raises:
        pymysql.Error: The server refuses the connection.
        OSError: The file of the authority's certificate cannot be read.
    """
    lock_timeout_s = max(1, int(LOCK_TIMEOUT_S if timeout_s is None else 0.8 * timeout_s))
    return pymysql.connect(
        host=host(url),
        port=url.port,
        user=url.user,
        # PyMySQL would encode a str as Latin-1, which is wrong for a password with non-ASCII characters.
        password=url.password.encode(),
        database=url.name,
        charset="utf8mb4",
        autocommit=True,
        connect_timeout=ceil(timeout_s or CONNECT_TIMEOUT_S),
        read_timeout=answer_timeout_s,
        init_command=f"set session lock_wait_timeout = {lock_timeout_s}",
        **MODES[_mode(url)],
        ssl_ca=url.parameters.get("ssl-ca"),
    )


def probe(url: DatabaseUrl, timeout_s: float | None) -> pymysql.Connection[Any]:
    """Open a connection for queries with few rows, each of which ends within seconds.

    Raises:
        pymysql.Error: The server refuses the connection.
        OSError: The file of the authority's certificate cannot be read.
    """
    connection = open_connection(url, timeout_s, timeout_s or ANSWER_TIMEOUT_S)
    with connection.cursor() as cursor:
        cursor.execute("set session transaction read only")
    return connection


def identity(connection: pymysql.Connection[Any], url: DatabaseUrl) -> dict[str, str]:
    """Return what distinguishes the database from others; MariaDB has no identifier of a server but its host and port.

    Raises:
        pymysql.Error: The server does not answer.
    """
    with connection.cursor() as cursor:
        try:
            cursor.execute("select @@server_uuid")
        except pymysql.Error as error:
            if error.args[0] != UNKNOWN_VARIABLE:
                raise
            cursor.execute("select concat(@@hostname, ':', @@port)")
        return {"server": str(cursor.fetchall()[0][0]), "database": url.name}


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
    if isinstance(cause, (gaierror, UnicodeError)):
        return HOST
    if isinstance(error, OSError):
        return AUTHORITY_FILE
    code = error.args[0] if len(error.args) > 1 else 0
    if code == 1045 and is_plain:
        return f"{HINTS[code]}. A server that requires encryption refuses plain text so too: write ssl-mode=REQUIRED"
    return HINTS.get(code, "Check the URL, or ask the DBA what the message means")


def reading_advice(words: str, number: int | None = None) -> str:
    """Return what to do about a table that cannot be read.

    Args:
        words: The message of the server as connectorx shows it, or of recon's own stream.
        number: The server's number of the error; None: the one in the message.
    """
    if number is None:
        found = NUMBER.match(words)
        number = int(found[1]) if found else 0
    if not number and words.startswith(TIMEOUT):
        return WAIT
    if not number and words == ENDED:
        return GONE
    return READING.get(number, UNKNOWN)


def server_words(message: str) -> str:
    """Return the server's message without the driver's prefix."""
    said = message.rpartition("MySqlError { ")[2].removesuffix(" })").removesuffix("))")
    return said.removesuffix(" }") or message


def one_line(text: str) -> str:
    """Return the text without line breaks."""
    return " ".join(text.split())


def _mode(url: DatabaseUrl) -> str:
    return url.parameters.get("ssl-mode", "PREFERRED")
