"""The address of a database in its parts, and the parsing of server URLs into it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from recon.database.encryption import libpq_parameters, mysql_parameters
from recon.database.encryption_spelling import concerns_encryption
from recon.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

ENCODE = "In a user name or password the characters # @ / : ? % must be percent-encoded: %23 %40 %2F %3A %3F %25"
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
HOST = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::(\d*))?")
# Parameters besides those of encryption that libpq understands and that an application's URL may contain; those that
# only Prisma or JDBC know are dropped.
LIBPQ_PARAMETERS = frozenset(
    (
        "hostaddr",
        "target_session_attrs",
        "load_balance_hosts",
        "connect_timeout",
        "tcp_user_timeout",
        "keepalives",
        "keepalives_idle",
        "keepalives_interval",
        "keepalives_count",
        "require_auth",
        "requirepeer",
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
        host: The server's host; "" for the local socket.
        others: Further hosts with their ports, of which one is connected to.
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
    others: tuple[tuple[str, int], ...] = ()

    @property
    def places(self) -> tuple[tuple[str, int], ...]:
        """Hosts and ports in the order of the URL, of which one is connected to."""
        return ((self.host, self.port), *self.others)

    @property
    def label(self) -> str:
        """Location and name for messages, without user and password."""
        if self.path is not None:
            return str(self.path)
        return f"database {self.name!r} on " + ", ".join(
            f"{host or 'the local socket'}:{port}" for host, port in self.places
        )

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
        parameters: The URL parameters that are passed to the driver, besides those of encryption.
        encryption: Translates the parameters that concern encryption, given the place to name in an error.
        drivers: The values that `?driver=` may have.
    """

    kind: str
    title: str
    port: int
    form: str
    parameters: frozenset[str]
    encryption: Callable[[Sequence[tuple[str, str]], str], dict[str, str]]
    drivers: tuple[str, ...]


POSTGRESQL = Server(
    "postgresql",
    "PostgreSQL",
    5432,
    "postgresql://user:password@host:5432/name",
    LIBPQ_PARAMETERS,
    libpq_parameters,
    ("adbc", "connectorx"),
)
MYSQL = Server(
    "mysql",
    "MySQL",
    3306,
    "mysql://user:password@host:3306/name",
    frozenset(),
    mysql_parameters,
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
        url, query = _parse(text, server)
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
    if url.others and server is MYSQL:
        raise DatabaseError(
            "MySQL is read from one host",
            where=source,
            expected=server.form,
            found=f"{1 + len(url.others)} hosts",
            next_step="Name the host to verify against, with its port",
        )
    demanded = server.encryption([(key, value) for key, value in query if concerns_encryption(key)], source)
    return replace(url, parameters={**url.parameters, **demanded})


def _parse(text: str, server: Server) -> tuple[DatabaseUrl, list[tuple[str, str]]]:
    """Split a URL, with its parameters as they are spelled.

    Raises ValueError wherever a character of a password may have been taken for a separator.
    """
    _, separator, rest = text.partition("://")
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    separators = "#" in rest or rest.count("@") != authority.count("@") or authority.count("@") > 1
    if not separator or separators or CONTROL.search(text) or BROKEN_ESCAPE.search(rest):
        raise ValueError
    parts = urlsplit(text)
    pairs = (part.partition("=") for part in parts.query.split("&"))
    given = [(key, _decoded(value)) for key, _, value in pairs if key]
    query = dict(given)
    account, _, places = parts.netloc.rpartition("@")
    user, _, password = account.partition(":")
    (host, port), *others = _places(places, query, server.port)
    user = _decoded(user) or query.get("user", "")
    name = _decoded(parts.path.removeprefix("/")) or query.get("dbname", "") or user
    if "/" in parts.path.removeprefix("/") or not name:
        raise ValueError
    url = DatabaseUrl(
        server.kind,
        host=host,
        port=port,
        name=name,
        user=user,
        password=_decoded(password) or query.get("password", ""),
        schema=query.get("schema") or None,
        parameters={key: value for key, value in query.items() if key in server.parameters},
        driver=query.get("driver") or None,
        others=tuple(others),
    )
    return url, given


def _places(text: str, query: Mapping[str, str], default: int) -> list[tuple[str, int]]:
    """Return hosts and ports; the parameters `host` and `port` replace those of the URL, each by itself."""
    pairs = [_place(each) for each in text.split(",")]
    hosts = query["host"].split(",") if query.get("host") else [host for host, _ in pairs]
    ports = query["port"].split(",") if query.get("port") else [port for _, port in pairs]
    pairs = list(zip(hosts, ports * len(hosts) if len(ports) == 1 else ports, strict=True))
    found = [(host, int(port) if port else default) for host, port in pairs]
    if not all(0 < port < 65536 for _, port in found):
        raise ValueError
    return found


def _place(text: str) -> tuple[str, str]:
    found = HOST.fullmatch(text)
    if found is None:
        raise ValueError
    return _decoded(found[1].removeprefix("[").removesuffix("]")), found[2] or ""


def _decoded(text: str) -> str:
    """Percent-decode a text; raises ValueError where the result is not valid text or contains a null character."""
    decoded = unquote(text, errors="strict")
    decoded.encode()
    if "\0" in decoded:
        raise ValueError
    return decoded
