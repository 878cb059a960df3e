"""Which environment a database belongs to, by the patterns of the profile."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recon.database import DatabaseUrl
    from recon.profile import Profile

PRODUCTION = "production"
LOCALHOST = "localhost"


def named_environments(url: DatabaseUrl, profile: Profile) -> list[str]:
    """Return the environments whose patterns match a host or the name of the database, in the profile's order.

    A file and the local socket count as the host "localhost"; a file's name is that of the file without its suffix.
    """
    words = [word.casefold() for word in _words(url)]
    return [
        name
        for name, patterns in profile.environments.items()
        if any(fnmatchcase(word, pattern.casefold()) for word in words for pattern in patterns)
    ]


def place_of(url: DatabaseUrl) -> str:
    """Return host and name of the database in words, without user and password."""
    return f"file {url.path}" if url.path is not None else url.label


def _words(url: DatabaseUrl) -> list[str]:
    if url.path is not None:
        return [LOCALHOST, url.path.stem]
    hosts = [url.host, *(host for host, _ in url.others)]
    return [*(LOCALHOST if not host or host.startswith("/") else host for host in hosts), url.name]
