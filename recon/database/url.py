"""The location of the database: parses the user's input without ever repeating a secret."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from recon.database.address import CONTROL, SERVERS, DatabaseUrl, parse_server
from recon.database.encryption_spelling import concerns_encryption, fold
from recon.database.scheme_hint import scheme_hint
from recon.database.secrets import remember
from recon.errors import DatabaseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_VARIABLE = "DATABASE_URL"
DUCKDB_MAGIC = b"DUCK"
DUCKDB_MAGIC_AT = 8
SQLITE_MAGIC = b"SQLite format 3\0"
DUCKDB_SUFFIXES = (".duckdb", ".ddb")
FORMS = (
    "postgresql://user@host:5432/name, mysql://user@host:3306/name, sqlite:///relative.db, sqlite:////absolute.db, "
    "duckdb:///relative.duckdb, file:./dev.db or a file"
)
# Of a text that is no file: parts of URLs and of the connection strings of many drivers, or a scheme without slashes.
LOOKS_SECRET = re.compile(r"[@=;&]|password|^[A-Za-z][\w+.-]*:(?![\\/])", re.IGNORECASE)
# Of the path of a URL, which may hold a user as those of servers do.
ACCOUNT = re.compile(r"@|password", re.IGNORECASE)
# In a variable, a single word may be a password or a key by itself.
LOOKS_LIKE_PATH = re.compile(r"[/\\]|\.(?:db\w*|sqlite\w*|duckdb|ddb)$", re.IGNORECASE)
OF_VARIABLE = "environment variable"
# Of SQLCipher and other extensions, and of DuckDB, besides the words that server URLs have too.
FILE_KEYS = re.compile(r"key$|^(?:password|passphrase|pass|pwd|kdf.*|hmac.*|legacy|plaintextheadersize)$")
VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def resolve_database(option: str | None, environment: Mapping[str, str]) -> DatabaseUrl:
    """Return the address of the database that `--database` names, or else DATABASE_URL.

    Args:
        option: The name of an environment variable, a SQLite file, a file that holds a URL, or a URL without
            password; None for the default variable.
        environment: Environment variables by name.

    Raises:
        UsageError: No database is named, or the command line contains a password.
        DatabaseError: The URL or file cannot be parsed.
    """
    if option is None:
        return _from_variable(DEFAULT_VARIABLE, environment)
    if option in environment:
        return _from_variable(option, environment)
    remember(option)
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
    """Parse a database URL; errors show `source` (for example a variable's name) in its place.

    Raises:
        DatabaseError: The URL has no supported form; its text is never repeated.
    """
    text = _bare(text)
    remember(text)
    scheme = text.partition(":")[0].lower()
    if scheme in SERVERS:
        url = parse_server(text, SERVERS[scheme], source)
        remember(text, url.password)
        return url
    if scheme in ("sqlite", "file", "duckdb"):
        return _file_url(text, source)
    if _is_url(text):
        raise DatabaseError(
            "This kind of database is not supported",
            where=source,
            expected=FORMS,
            found=f"the scheme {scheme!r}",
            next_step=scheme_hint(text),
        )
    return _from_file(Path(text), source)


def _is_url(text: str) -> bool:
    return "://" in text or text.startswith(("file:", "sqlite:", "duckdb:"))


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
    return parse_url(value, f"{OF_VARIABLE} {name}")


def _from_file(path: Path, source: str) -> DatabaseUrl:
    """Return the address of a SQLite or DuckDB file, or read it from a one-line text file (a mounted secret)."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except (OSError, ValueError):
        if _may_be_secret(path, source):
            # Not chained: the cause quotes the path.
            raise _unusable(source) from None
        return DatabaseUrl(_kind_of_file(path, b""), path=path)
    text = _bare(head.decode("utf-8-sig", errors="replace"))
    if not head.startswith(SQLITE_MAGIC) and _is_url(text) and not CONTROL.search(text):
        return parse_url(text, f"file {path}")
    return DatabaseUrl(_kind_of_file(path, head), path=path)


def _may_be_secret(path: Path, source: str) -> bool:
    """Whether the name of a file that there is not may be a password, or hold one."""
    text = str(path)
    is_word = source.startswith(OF_VARIABLE) and not LOOKS_LIKE_PATH.search(text)
    return is_word or bool(LOOKS_SECRET.search(text))


def _unusable(source: str) -> DatabaseError:
    return DatabaseError(
        "The database is neither a URL nor a file that can be opened",
        where=source,
        expected=FORMS,
        found="something else (not shown: it may hold a password)",
        next_step="Check that the URL is whole, with its scheme",
    )


def _kind_of_file(path: Path, head: bytes) -> str:
    """Determine the kind by the first bytes of the file, or by its name where these are inconclusive."""
    if head.startswith(SQLITE_MAGIC):
        return "sqlite"
    is_duckdb = head[DUCKDB_MAGIC_AT:].startswith(DUCKDB_MAGIC) or path.suffix.lower() in DUCKDB_SUFFIXES
    return "duckdb" if is_duckdb else "sqlite"


def _bare(text: str) -> str:
    return text.strip().strip("\"'")


def _require_no_encryption(query: str) -> None:
    """Require that no parameter of a file's URL concerns encryption: a file that is encrypted is not read.

    Raises:
        DatabaseError: A parameter does; it is named, without its value.
    """
    names = [unquote(part.partition("=")[0]) for part in query.split("&")]
    for name in names:
        if FILE_KEYS.search(fold(name)) or concerns_encryption(name):
            raise DatabaseError(
                "The URL asks for encryption in a way that cannot be honoured",
                where=f"parameter {name}",
                found="an encrypted file is not read",
                next_step="Verify a copy that is not encrypted",
            )


def _file_url(text: str, source: str) -> DatabaseUrl:
    scheme, _, rest = text.partition(":")
    kind = "duckdb" if scheme.lower() == "duckdb" else "sqlite"
    rest, _, query = rest.partition("?")
    _require_no_encryption(query)
    if rest.startswith("//"):
        # sqlite:///x is relative and sqlite:////x absolute; file:///x is absolute, its host being empty.
        rest = rest[2:] if scheme.lower() == "file" else rest[2:].removeprefix("/")
    path = unquote(rest)
    if not path:
        raise DatabaseError(f"The {'DuckDB' if kind == 'duckdb' else 'SQLite'} URL names no file", expected=FORMS)
    if ACCOUNT.search(path) and not _is_there(path):
        raise _unusable(source)
    return DatabaseUrl(kind, path=Path(path))


def _is_there(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False
