"""The address of a database in its parts, and the parsing of server URLs into it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from recon.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ENCODE = "In a user name or password the characters # @ / : ? % must be percent-encoded: %23 %40 %2F %3A %3F %25"
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# Parameters that libpq understands and that an application's URL may contain; those that only Prisma knows are dropped.
LIBPQ_PARAMETERS = frozenset(
    (
        "sslmode",
        "sslrootcert",
        "sslcert",
        "sslkey",
        "sslcrl",
        "sslnegotiation",
        "channel_binding",
        "gssencmode",
        "target_session_attrs",
        "connect_timeout",
        "application_name",
        "options",
    )
)


@dataclass(frozen=True)
class DatabaseUrl:
    """The address of a database in its parts; the `repr` leaves out the password.

    Attributes:
        kind: "postgresql", "mysql", "sqlite" or "duckdb".
        path: The file, for SQLite and DuckDB; None otherwise.
        schema: The schema that the URL names; None: the server's default.
        parameters: Further parameters for the driver, besides host, port, name, user and password.
        driver: The driver that the URL requests with `?driver=`; None: the best one available.
    """

    kind: str
    path: Path | None = None
    host: str = ""
    port: int = 5432
    name: str = ""
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    schema: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    driver: str | None = None

    @property
    def label(self) -> str:
        """Location and name for messages, without user and password."""
        if self.path is not None:
            return str(self.path)
        return f"database {self.name!r} on {self.host or 'the local socket'}:{self.port}"

    def redact(self, text: str) -> str:
        """Return `text` without the password, in case a driver included it.

        A password that may be an ordinary word is left in, because masking it would reveal it. Drivers get the parts
        of the URL, not its text, so their messages should contain no password to begin with.
        """
        is_a_word = self.password.isalpha() and len(self.password) < 12
        return text if is_a_word or len(self.password) < 8 else text.replace(self.password, "***")


@dataclass(frozen=True)
class Server:
    """A kind of server and the form of its URLs.

    Attributes:
        parameters: The URL parameters that are passed to the driver.
        drivers: The values that `?driver=` may have.
    """

    kind: str
    title: str
    port: int
    form: str
    parameters: frozenset[str]
    drivers: tuple[str, ...]


POSTGRESQL = Server(
    "postgresql",
    "PostgreSQL",
    5432,
    "postgresql://user:password@host:5432/name",
    LIBPQ_PARAMETERS,
    ("adbc", "connectorx"),
)
MYSQL = Server(
    "mysql",
    "MySQL",
    3306,
    "mysql://user:password@host:3306/name",
    frozenset(("ssl-mode", "sslmode", "ssl-ca")),
    ("connectorx",),
)
SERVERS = {
    "postgresql": POSTGRESQL,
    "postgres": POSTGRESQL,
    "mysql": MYSQL,
    "mysql2": MYSQL,
    "mariadb": MYSQL,
    "mysql+pymysql": MYSQL,
    "mariadb+pymysql": MYSQL,
}


def parse_server(text: str, server: Server, source: str) -> DatabaseUrl:
    """Parse the URL of a server.

    Raises:
        DatabaseError: The URL does not have the form of that server; its text is never repeated.
    """
    try:
        url = _parse(text, server)
    except ValueError:
        # Not chained: the cause may quote the URL.
        raise DatabaseError(
            f"The {server.title} URL cannot be parsed",
            where=source,
            expected=server.form,
            found="something else (not shown: it may hold a password)",
            next_step=ENCODE,
        ) from None
    if url.driver not in (None, *server.drivers):
        raise DatabaseError(
            f"{server.title} is not read through that driver",
            where=f"{source}, parameter driver",
            expected=" or ".join(server.drivers),
            found="another name",
        )
    return url


def _parse(text: str, server: Server) -> DatabaseUrl:
    """Split a URL; raises ValueError wherever a character of a password may have been taken for a separator."""
    rest = text.partition("://")[2]
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    separators = "#" in rest or rest.count("@") != authority.count("@") or authority.count("@") > 1
    if separators or CONTROL.search(text) or BROKEN_ESCAPE.search(rest):
        raise ValueError
    parts = urlsplit(text)
    query = {key: _decoded(value) for key, _, value in (p.partition("=") for p in parts.query.split("&")) if key}
    port = int(query["port"]) if "port" in query else server.port if parts.port is None else parts.port
    user = _decoded(parts.username or "") or query.get("user", "")
    name = _decoded(parts.path.removeprefix("/")) or query.get("dbname", "") or user
    if not 0 < port < 65536 or "/" in parts.path.removeprefix("/") or not name:
        raise ValueError
    return DatabaseUrl(
        server.kind,
        host=query.get("host") or _decoded(parts.hostname or ""),
        port=port,
        name=name,
        user=user,
        password=_decoded(parts.password or "") or query.get("password", ""),
        schema=query.get("schema") or None,
        parameters={key: value for key, value in query.items() if key in server.parameters},
        driver=query.get("driver") or None,
    )


def _decoded(text: str) -> str:
    """Percent-decode a text; raises ValueError where the result is not valid text or contains a null character."""
    decoded = unquote(text, errors="strict")
    decoded.encode()
    if "\0" in decoded:
        raise ValueError
    return decoded
