"""What to do about an error of PostgreSQL: chosen by its SQLSTATE, or by its kind where the driver gives none.

libpq gives no SQLSTATE for a refused connection, and connectorx none at all; there, the message is recognised from
its beginning, so that no word that several messages share, or that a name holds, decides.
"""

from __future__ import annotations

import re

CONFLICT = "conflict"
CONFLICT_WORDS = "conflict with recovery"
# ADBC names whose message it passes on, in any of its own sentences.
ADBC = "[libpq]"
# How libpq and connectorx begin a message, before the server's own words.
PREFIX = re.compile(
    r"^(?:connection failed: |.*?\[libpq\] (?:Failed to (?:execute query '.*?'|[\w ]+)|[\w ]+\[\w+\]): )?"
    r"(?:timed out waiting for connection: )?(?:connection to server (?:at|on) .*? failed: )?"
    r"(?:connection is bad: )?(?:.*?\bdb error: )?"
)
# connectorx shows some errors of the server as a structure of its own.
STRUCTURE = re.compile(r'DbError \{.*?code: SqlState\(E?(\w{5})\), message: "((?:[^"\\]|\\.)*)"', re.DOTALL)
# connectorx does not say what the server said before it closed the connection.
CLOSED = re.compile(r"PostgresError\(Error \{ kind: Closed\b")
# What libpq asks of the user after the reason, in the place of an advice.
QUESTION = " Is the server running "
AGAIN = "connection to server "
# What follows the server's own words.
AFTER = re.compile(
    r" ?SQLSTATE\b| LINE \d| server closed the connection| SSL connection has been closed| DETAIL: | HINT: "
)
SERVER = re.compile(r"(?:FATAL|ERROR|PANIC): +")
REFUSED_BY_SERVER = {
    CONFLICT: r"(?:terminating connection|canceling statement) due to conflict with recovery",
    "57P03": r"the database system is |.*not accepting connections",
    "3D000": r'database "[^"]*" does not exist|no such database',
    "28P01": r"(?:\w+ )+authentication failed|bad auth|auth failed",
    "plain": r"no pg_hba\.conf entry .*(?:no encryption|SSL off)|.*(?:SSL|TLS) required",
    "28000": r'role "[^"]*" does not exist|no pg_hba\.conf entry|pg_hba\.conf rejects|no such user',
    "53300": r"sorry, too many clients|remaining connection slots|too many connections",
    "full pool": r"no more connections allowed|client connections exceeded|[Mm]ax client|MaxClients",
    "options": r"unsupported startup parameter",
    "pool": r"query_wait_timeout|client_idle_timeout|client_login_timeout|idle transaction timeout"
    r"|could not get connection from the pool",
    "statements": r"transaction blocks not allowed in statement pooling mode"
    r"|prepared statement \S+ (?:does not|already) exist",
    "backend": r"server login|server conn crashed|pgbouncer cannot connect|.*cannot connect to server",
    "42501": r"permission denied|query would be affected by row-level security",
    "55P03": r"canceling statement due to (?:lock|statement) timeout|could not obtain lock",
    "57014": r"canceling statement due to user request",
    "57P01": r"terminating connection due to administrator command",
    "57P02": r"terminating connection because of crash of another server process",
    "25P03": r"terminating connection due to idle",
    "25P04": r"terminating connection due to transaction timeout",
    "snapshot": r'could not import the requested snapshot|invalid snapshot identifier|snapshot "[^"]*" does not exist',
}
REFUSED_BY_CLIENT = {
    "root": r"root certificate file .* does not exist|could not (?:read|load) root certificate"
    r"|.*system's trusted roots",
    "key": r"certificate present, but not private key|could not (?:load|read|open) (?:private key|certificate) file"
    r"|certificate file|private key file|certificate does not match private key",
    "host name": r"(?:server certificate for .*|host name .*) does not match",
    "verify": r"SSL error: certificate verify failed|.*certificate verify failed",
    "no encryption": r"server does not support SSL|.*server does not support TLS|direct SSL",
    "sslmode": r"invalid sslmode value",
    "parameter": r'invalid \S+ value|invalid connection option|\S+ value "[^"]*" invalid|weak sslmode|invalid port'
    r"|invalid integer value|could not match \d+",
    "ssl": r"SSL error|SSL SYSCALL|SSL connection (?!has been closed)|error performing TLS handshake|channel binding",
    "no password": r"fe_sendauth: no password supplied|password missing",
    "unknown host": r"could not translate host name|failed to resolve host|.*failed to lookup address"
    r"|encoding with 'idna' codec failed|\[Errno -\d+\] .*(?:Name or service|name resolution|address associated)",
    "refused": r".*Connection refused",
    "timeout": r".*timeout expired|.*(?:Connection|Operation) timed out",
    "unreachable": r".*(?:No route to host|Network is unreachable)",
    "socket": r".*No such file or directory",
    "other role": r"session is (?:not )?read-only|server is (?:not )?in hot standby mode",
    "no postgresql": r"received invalid response to|expected authentication request|invalid response from server",
    "closed": r"server closed the connection|SSL connection has been closed|connection closed"
    r"|.*no connection to the server|connection not open|could not receive data"
    r"|the connection (?:is closed|is lost|was ended)|unexpected EOF",
}
STANDBY = (
    "Verify against the primary, or have the standby wait for its readers: raise max_standby_streaming_delay, "
    "or set hot_standby_feedback"
)
STATEMENTS = "This pooler hands a connection on between two statements: connect to the server itself"
HOST_NAME = "Check the host name in the URL"
CONNECTING = {
    CONFLICT: STANDBY,
    "57P03": "The server is starting, stopping or recovering: wait, then verify again",
    "3D000": "Check the names of the database and the user in the URL",
    "28P01": "Check user and password in the URL; recon tried once and will not try again",
    "28000": "Check the names of the database and the user in the URL, or ask the DBA to admit this user from this "
    "machine (pg_hba.conf)",
    "plain": "The server may admit encrypted connections only: write sslmode=require in the URL, or ask the DBA to "
    "admit this user from this machine (pg_hba.conf)",
    "53300": "The server has no connection left: close others, or ask the DBA",
    "options": "This pooler refuses startup parameters: leave options away from the URL, connect to the server itself, "
    "or add the parameter to ignore_startup_parameters in PgBouncer",
    "full pool": "The pooler admits no more connections: close others, raise its max_client_conn, or connect to the "
    "server itself",
    "pool": "The pooler had no connection free in time: wait, raise its limits (pool_size, query_wait_timeout), or "
    "connect to the server itself",
    "statements": STATEMENTS,
    "26000": STATEMENTS,
    "42P05": STATEMENTS,
    "backend": "The pooler does not reach its server: wait, or connect to the server itself",
    "42501": "Ask the DBA to grant this user CONNECT on it",
    "57P01": "The server was stopped or the connection was ended by an administrator: wait, then verify again",
    "root": "Name the certificate of the server's authority: add sslrootcert=FILE to the URL (or sslrootcert=system "
    "with sslmode=verify-full); sslmode=require encrypts without verifying",
    "key": "Check sslcert and sslkey in the URL: the files of a client certificate and of its private key, which only "
    "you may read; the certificate of the server's authority is sslrootcert",
    "host name": "Write the host in the URL as the server's certificate names it; sslmode=verify-ca does without "
    "the name",
    "verify": "Name the certificate of the server's authority: sslrootcert=FILE in the URL; sslmode=require encrypts "
    "without verifying",
    "no encryption": "The server offers no encryption. Check sslmode in the URL against what the server offers",
    "sslmode": "Write sslmode=disable, prefer, require, verify-ca or verify-full",
    "parameter": "Check this parameter in the URL",
    "ssl": "Check sslmode and the other parameters of encryption in the URL against what the server offers",
    "no password": "The server requires a password: add it to the URL in the environment variable",
    "unknown host": HOST_NAME,
    "refused": "Check host and port, and that the server is running and reachable from here",
    "unreachable": "Check host and port, and that the server is running and reachable from here",
    "timeout": "Check host, port and firewall: nothing answered in time",
    "socket": "Check host and port: no server listens on this socket",
    "other role": "No host of the URL has the role that target_session_attrs asks for: check its hosts",
    "no postgresql": "Check that host and port are those of a PostgreSQL server",
    "closed": "Check that host and port are those of a PostgreSQL server, and ask the DBA why it closed the connection",
}
IDLE = "The server ended the transaction for being idle: ask the DBA to raise its timeouts, then verify again"
GRANT = "Ask the DBA to grant this user SELECT on it, past row security"
READING = {
    CONFLICT: STANDBY,
    "42501": GRANT,
    "55P03": "Another program holds it, or the server is slow: wait, then verify again",
    "57014": "The statement was cancelled, or took longer than the server allows (statement_timeout): verify again",
    "57P01": "The server was stopped or the connection was ended by an administrator: wait, then verify again",
    "57P02": "The server crashed and is recovering: wait, then verify again",
    "25P03": IDLE,
    "57P05": IDLE,
    "25P04": "The transaction took longer than the server allows (transaction_timeout): ask the DBA to raise it",
    "snapshot": "The connection that held the snapshot is gone: connect to the server itself, not through a pooler, "
    "then verify again",
}
# The kinds after which there is no connection any more.
LOST = frozenset(("closed", "57P01", "57P02", "57P05", "25P03", "25P04"))
ASK = "Ask the DBA why, then verify again"
UNKNOWN = "Correct what the server names, or ask the DBA; then verify again"


def one_line(text: str) -> str:
    """Return the text without line breaks and repeated blanks."""
    return " ".join(text.split())


def kind_of(words: str, sqlstate: str | None = None) -> str | None:
    """Return the SQLSTATE of an error, or the name of its kind; None: not recognised.

    Args:
        words: The message, with or without the driver's prefix.
        sqlstate: The SQLSTATE, where the driver gives it.
    """
    if found := STRUCTURE.search(words):
        return kind_of(f"ERROR: {found[2]}", sqlstate or found[1])
    if CLOSED.search(words):
        return "closed"
    said = PREFIX.sub("", one_line(words), count=1)
    by_server = SERVER.search(said) if ADBC in words else SERVER.match(said)
    said = said[by_server.end() :] if by_server else said
    for kind, pattern in REFUSED_BY_SERVER.items():
        # An SQLSTATE says it better, except for why a standby ended the connection, and what a pooler makes of it.
        if (kind == CONFLICT or not sqlstate or sqlstate.startswith("08")) and re.match(pattern, said):
            return kind
    if sqlstate:
        return sqlstate
    if by_server:
        return None
    return next((kind for kind, pattern in REFUSED_BY_CLIENT.items() if re.match(pattern, said)), None)


def connecting_advice(words: str, sqlstate: str | None = None) -> str:
    """Return what to do about a connection that was refused or lost."""
    kind = kind_of(words, sqlstate) or ""
    return CONNECTING.get(kind) or READING.get(kind) or "Check the URL, or ask the DBA what the message means"


def reading_advice(words: str, sqlstate: str | None = None) -> str:
    """Return what to do about a table that cannot be read."""
    kind = kind_of(words, sqlstate) or ""
    return READING.get(kind) or CONNECTING.get(kind) or UNKNOWN


def lost_advice(words: str, sqlstate: str | None = None) -> str:
    """Return what to do about a connection that was lost while it was read."""
    kind = kind_of(words, sqlstate) or ""
    return ASK if kind == "closed" else READING.get(kind) or CONNECTING.get(kind) or ASK


def reason_of(message: str) -> str:
    """Return why a connection was refused: the driver's message on one line, with what says nothing left out."""
    said = one_line(message)
    if ADBC in said:
        return server_words(said)
    said = said.removeprefix("connection failed: ").partition(QUESTION)[0]
    # After a refusal, libpq may try the same place without encryption, which says less.
    again = said.find(AGAIN, 1)
    return (said[:again] if again > 0 else said).rstrip(". ")


def server_words(message: str) -> str:
    """Return the server's own words of a driver's message, or the driver's where the server said nothing."""
    if structure := STRUCTURE.search(message):
        return one_line(structure[2].replace('\\"', '"'))
    if CLOSED.search(message):
        return "connection closed"
    said = one_line(message.partition("Query was:")[0])
    found = re.search(r"(?:FATAL|PANIC|ERROR): +(.*)", said)
    said = found[1] if found else PREFIX.sub("", said, count=1)
    return AFTER.split(said, maxsplit=1)[0].strip() or one_line(message)
