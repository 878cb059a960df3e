"""The first draft of a profile, from a live catalogue."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

from recon.database import open_source, resolve_database
from recon.profile.draft.writing import draft_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["draft_profile"]


def draft_profile(database: str | None = None, *, environment: Mapping[str, str] | None = None) -> str:
    """Draft a profile in TOML from the names of tables and columns; only the catalogue is read, never a row.

    Args:
        database: The name of an environment variable, a file, or a URL without password; None: DATABASE_URL.
        environment: Environment variables by name; None: those of this process.

    Raises:
        DatabaseError: The database cannot be reached.
    """
    url = resolve_database(database, os.environ if environment is None else environment)
    with closing(open_source(url)) as source:
        name = url.name or (url.path.stem if url.path else "")
        return "\n".join([*draft_lines(name or "draft", source.label, source.catalogue()), ""])
