"""Where the database is: parses what the user gave without ever repeating a secret."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from recon.errors import DatabaseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_VARIABLE = "DATABASE_URL"
POSTGRESQL_SCHEMES = ("postgresql", "postgres")
SQLITE_MAGIC = b"SQLite format 3\0"
FORMS = "postgresql://user@host:5432/name, sqlite:///relative.db, sqlite:////absolute.db, file:./dev.db or a file"
ENCODE = "In a user name or password the characters # @ / : ? % must be percent-encoded: %23 %40 %2F %3A %3F %25"
LOOKS_SECRET = re.compile(r"@|password", re.IGNORECASE)
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Parameters that libpq understands and that an application's URL may carry; Prisma's own ones are dropped.
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
    """A database by its parts; the password stays out of `repr`.

    Attributes:
        kind: "postgresql" or "sqlite".
        path: The file, for SQLite; None otherwise.
        schema: The schema that the URL names; None: the server's default.
        parameters: What libpq is to be told beside host, port, name, user and password.
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

    @property
    def label(self) -> str:
        """Place and name, fit for people: neither user nor password."""
        if self.path is not None:
            return str(self.path)
        return f"database {self.name!r} on {self.host or 'the local socket'}:{self.port}"

    def redact(self, text: str) -> str:
        """`text` without the password, should a driver have put it there.

        One that may be a word of the message would show by what is blotted out. Drivers get the parts of the URL, not
        its text, so that their words hold no password to begin with.
        """
        is_a_word = self.password.isalpha() and len(self.password) < 12
        return text if is_a_word or len(self.password) < 8 else text.replace(self.password, "***")


def resolve_database(option: str | None, environment: Mapping[str, str]) -> DatabaseUrl:
    """The database that `--database` names, or that DATABASE_URL holds when it is not given.

    Args:
        option: The name of an environment variable, a SQLite file, a file that holds a URL, or a URL without
            password; None for the default variable.
        environment: Environment variables by name.

    Raises:
        UsageError: Nothing is named, or a password stands on the command line.
        DatabaseError: What is named cannot be parsed.
    """
    if option is None:
        return _from_variable(DEFAULT_VARIABLE, environment)
    if option in environment:
        return _from_variable(option, environment)
    if _is_url(option):
        url = parse_url(option, "--database")
        if url.password:
            raise UsageError(
                "A password does not belong on the command line: the process list and the shell's history keep it",
                where="--database",
                next_step="Put the URL into an environment variable and give its name: --database DATABASE_URL",
            )
        return url
    if VARIABLE_NAME.fullmatch(option) and option.isupper() and not Path(option).exists():
        return _from_variable(option, environment)
    return _from_file(Path(option), "--database")


def parse_url(text: str, source: str) -> DatabaseUrl:
    """Parse a database URL; `source` (a variable's name, say) stands for it in errors.

    Raises:
        DatabaseError: The URL is of no supported form; its text is never repeated.
    """
    text = _bare(text)
    scheme = text.partition(":")[0].lower()
    if scheme in POSTGRESQL_SCHEMES:
        return _postgresql(text, source)
    if scheme in ("sqlite", "file"):
        return _sqlite(text)
    if _is_url(text):
        raise DatabaseError(
            "This kind of database is not supported",
            where=source,
            expected=FORMS,
            found=f"the scheme {scheme!r}",
        )
    return _from_file(Path(text), source)


def _is_url(text: str) -> bool:
    return "://" in text or text.startswith(("file:", "sqlite:"))


def _from_variable(name: str, environment: Mapping[str, str]) -> DatabaseUrl:
    value = environment.get(name, "").strip()
    if not value:
        raise UsageError(
            "No database is named",
            where=f"environment variable {name}",
            expected=FORMS,
            found="nothing" if name not in environment else "an empty value",
            next_step=f"Set {name}, or use --database with a variable's name or a file",
        )
    return parse_url(value, f"environment variable {name}")


def _from_file(path: Path, source: str) -> DatabaseUrl:
    """A SQLite file, or a text file whose one line is a URL (a secret mounted as a file)."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except (OSError, ValueError) as error:
        if LOOKS_SECRET.search(str(path)):
            raise DatabaseError(
                "The database is neither a URL nor a file that can be opened",
                where=source,
                expected=FORMS,
                found="something else (not shown: it may hold a password)",
                next_step="Check that the URL is whole, with its scheme",
            ) from error
        return DatabaseUrl("sqlite", path=path)
    text = _bare(head.decode("utf-8-sig", errors="replace"))
    if not head.startswith(SQLITE_MAGIC) and _is_url(text) and not CONTROL.search(text):
        return parse_url(text, f"file {path}")
    return DatabaseUrl("sqlite", path=path)


def _bare(text: str) -> str:
    return text.strip().strip("\"'")


def _sqlite(text: str) -> DatabaseUrl:
    scheme, _, rest = text.partition(":")
    rest = rest.partition("?")[0]
    if rest.startswith("//"):
        # sqlite:///x is relative and sqlite:////x absolute; file:///x is absolute, its host being empty.
        rest = rest[2:].removeprefix("/") if scheme.lower() == "sqlite" else rest[2:]
    path = unquote(rest)
    if not path:
        raise DatabaseError("The SQLite URL names no file", expected=FORMS)
    return DatabaseUrl("sqlite", path=Path(path))


def _postgresql(text: str, source: str) -> DatabaseUrl:
    try:
        return _parse_postgresql(text)
    except ValueError:
        # Not chained: the cause may quote the URL.
        raise DatabaseError(
            "The PostgreSQL URL cannot be parsed",
            where=source,
            expected="postgresql://user:password@host:5432/name",
            found="something else (not shown: it may hold a password)",
            next_step=ENCODE,
        ) from None


def _parse_postgresql(text: str) -> DatabaseUrl:
    """The parts of a URL; a ValueError wherever a character of a password may have been taken for a separator."""
    rest = text.partition("://")[2]
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    separators = "#" in rest or rest.count("@") != authority.count("@") or authority.count("@") > 1
    if separators or CONTROL.search(text) or BROKEN_ESCAPE.search(rest):
        raise ValueError
    parts = urlsplit(text)
    query = {key: _decoded(value) for key, _, value in (p.partition("=") for p in parts.query.split("&")) if key}
    port = int(query["port"]) if "port" in query else 5432 if parts.port is None else parts.port
    user = _decoded(parts.username or "") or query.get("user", "")
    name = _decoded(parts.path.removeprefix("/")) or query.get("dbname", "") or user
    if not 0 < port < 65536 or "/" in parts.path.removeprefix("/") or not name:
        raise ValueError
    return DatabaseUrl(
        "postgresql",
        host=query.get("host") or _decoded(parts.hostname or ""),
        port=port,
        name=name,
        user=user,
        password=_decoded(parts.password or "") or query.get("password", ""),
        schema=query.get("schema") or None,
        parameters={key: value for key, value in query.items() if key in LIBPQ_PARAMETERS},
    )


def _decoded(text: str) -> str:
    """Percent-decoded text; a ValueError where that is no text, or none that a server takes."""
    decoded = unquote(text, errors="strict")
    decoded.encode()
    if "\0" in decoded:
        raise ValueError
    return decoded
