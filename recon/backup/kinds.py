"""The kinds of databases that can be backed up: each module makes, reads and restores its own, and is loaded for it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

from recon.errors import BackupError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from recon.backup.contents import BackupReading, DatabaseContents, Restored, RestoredCopy, Tools
    from recon.backup.manifest import BackupManifest
    from recon.database import DatabaseUrl

MODULES = {
    "postgresql": "recon.backup.postgresql",
    "mysql": "recon.backup.mysql",
    "sqlite": "recon.backup.sqlite_copy",
    "duckdb": "recon.backup.duckdb_copy",
}
# What has to agree for two databases to be the same one.
IDENTIFYING = {
    "postgresql": ("system_identifier", "database_oid", "database"),
    "mysql": ("server", "database"),
    "sqlite": ("path",),
    "duckdb": ("path",),
}


class KindOfBackup(Protocol):
    """What each of the modules offers."""

    def identity(self, url: DatabaseUrl) -> dict[str, str]:
        """What distinguishes a database from others."""

    def contents(self, url: DatabaseUrl) -> DatabaseContents:
        """Read what a database holds at one instant, and change nothing."""

    def create(self, url: DatabaseUrl, folder: Path, tools: Tools) -> BackupManifest:
        """Write a backup into `folder`, and return its manifest."""

    def read(self, path: Path, form: str, tools: Tools, manifest: BackupManifest | None) -> BackupReading:
        """Read a backup to its end."""

    def restored(
        self, path: Path, form: str, tools: Tools, server: DatabaseUrl, manifest: BackupManifest | None
    ) -> AbstractContextManager[RestoredCopy]:
        """Restore a backup where nothing else is; the copy is removed at the end, and nothing else ever is."""

    def restore(
        self, path: Path, form: str, tools: Tools, server: DatabaseUrl, manifest: BackupManifest | None
    ) -> Restored:
        """Restore a backup where nothing else is, and read what arrived there."""


@runtime_checkable
class KindWithDamage(Protocol):
    """What a kind offers as well that can read the other tables where one is damaged."""

    def readable(self, url: DatabaseUrl) -> DatabaseContents:
        """Read what can be read of what a database holds, and change nothing."""


def kind_of_database(name: str) -> KindOfBackup | None:
    """The module of a kind; None where this kind is not supported."""
    return cast("KindOfBackup", import_module(MODULES[name])) if name in MODULES else None


def contents_of(url: DatabaseUrl) -> DatabaseContents:
    """Read what a database holds at one instant: rows and digest of each table; nothing is changed.

    Raises:
        BackupError: It cannot be read to its end, or is of a kind that recon cannot digest.
        DatabaseError: It cannot be reached.
        ResourceError: There is no room left on the disk.
    """
    kind = kind_of_database(url.kind)
    if kind is None:
        raise BackupError("The contents of databases of this kind cannot be digested", where=url.label, found=url.kind)
    return kind.contents(url)


def readable_contents_of(url: DatabaseUrl) -> DatabaseContents:
    """As `contents_of`, but a damaged table is named in the place of being an error, where this kind tells them apart.

    Raises:
        BackupError, DatabaseError, ResourceError: As `contents_of`.
    """
    kind = kind_of_database(url.kind)
    return kind.readable(url) if isinstance(kind, KindWithDamage) else contents_of(url)


def identity_of(url: DatabaseUrl) -> dict[str, str]:
    """What distinguishes a database from others, however its address is spelled.

    Raises:
        BackupError, DatabaseError: It cannot be reached.
    """
    kind = kind_of_database(url.kind)
    found = kind.identity(url) if kind else {"label": url.label}
    return {"kind": url.kind, **{key: found[key] for key in IDENTIFYING.get(url.kind, found) if key in found}}
