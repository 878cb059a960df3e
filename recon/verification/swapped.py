"""Recognises a database in the bundle's place, and a bundle in the database's, without repeating secrets."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from recon.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

# A path loses one of the two slashes; a scheme of one letter is a drive.
URL = re.compile(r"\s*[\"']?([A-Za-z][\w+.-]+):/|\s*[\"']?(?:sqlite|duckdb|file|jdbc):", re.ASCII)
DSN = re.compile(r"\b(?:password|passfile|dbname)\s*=", re.IGNORECASE)
MAGICS = ((0, b"SQLite format 3\0"), (8, b"DUCK"))
REPORT = "migration-report.json"
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".json", ".json.gz")
ELSEWHERE = ("http", "https", "ftp", "sftp", "s3", "gs", "az", "ssh")
RIGHT = "Name the bundle with --bundle, and the database with --database"
A_BUNDLE = f"the folder or archive that holds {REPORT}"


def require_in_place(bundle: Path | str, database: Path | str | None, environment: Mapping[str, str]) -> None:
    """Refuse a bundle that is a database, and a database that is a bundle.

    Raises:
        UsageError: One is in the place of the other; a URL is never repeated.
    """
    is_swapped = database is not None and str(database) not in environment and _is_bundle(Path(database))
    wrong = _database_in(bundle)
    if wrong:
        import_module("recon.database.secrets").remember(str(bundle))
        raise UsageError(
            "Bundle and database are in each other's place" if is_swapped else "The bundle is a database",
            where="--bundle",
            expected=A_BUNDLE,
            found=wrong,
            next_step=f"{RIGHT}: a URL with a password in an environment variable, such as DATABASE_URL",
        )
    if is_swapped:
        raise UsageError(
            "The database is a migration bundle",
            where="--database",
            expected="an environment variable that holds the URL, a file, or a URL without password",
            found=str(database)[:300],
            next_step=RIGHT,
        )


def _database_in(bundle: Path | str) -> str | None:
    """What the bundle is instead, in words that hold no secret; None where it may be one."""
    given, path = str(bundle), Path(bundle)
    try:
        if path.is_file():
            return _database_file(path)
        if path.exists():
            return None
    except (OSError, ValueError):
        # A text that cannot be a path may still be a URL.
        pass
    scheme = URL.match(given)
    if scheme and (scheme[1] or "").lower() in ELSEWHERE:
        raise UsageError(
            "The bundle is an address elsewhere",
            where="--bundle",
            expected=A_BUNDLE,
            found=f"a URL of the scheme {scheme[1].lower()!r} (not shown: it may hold a password)",
            next_step="Copy it to this machine, and name the copy",
        )
    if scheme or DSN.search(given):
        return "a database URL (not shown: it may hold a password)"
    return None


def _database_file(path: Path) -> str | None:
    with path.open("rb") as file:
        head = file.read(16)
    is_database = any(head[at:].startswith(magic) for at, magic in MAGICS)
    return f"the database file {str(path)[:300]}" if is_database else None


def _is_bundle(path: Path) -> bool:
    try:
        if path.is_dir():
            return (path / REPORT).exists()
        return path.name.lower().endswith(ARCHIVES) and path.is_file()
    except (OSError, ValueError):
        return False
