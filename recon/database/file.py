"""Databases that are files: the checks before one is opened."""

from __future__ import annotations

from errno import ENAMETOOLONG
from typing import TYPE_CHECKING

from recon.errors import DatabaseError

if TYPE_CHECKING:
    from pathlib import Path


def require_file(path: Path, kind: str, scheme: str) -> None:
    """Require `path` to be a non-empty file, before a driver would create a missing one.

    Raises:
        DatabaseError: The path does not exist, is a folder, is empty, or is not accessible.
    """
    try:
        found = "nothing" if not path.exists() else "a folder" if path.is_dir() else None
        if found is None and path.stat().st_size == 0:
            found = "an empty file"
    except OSError as error:
        found = "nothing" if error.errno == ENAMETOOLONG else f"{error.strerror}: it is not readable by you"
    if found:
        raise DatabaseError(
            "The database was not found" if found == "nothing" else f"This is not a {kind} database",
            where=str(path)[:300],
            expected=f"a {kind} file",
            found=found,
            next_step=f"Check the path ({scheme}:///x is relative, {scheme}:////x absolute), "
            "or name an environment variable that holds the URL",
        )
