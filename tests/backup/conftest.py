"""One backup of the club in PostgreSQL for all tests of backups, which copy it before they damage it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING

import pytest

from recon.preflight.backups import BackupOptions, create_backup

if TYPE_CHECKING:
    from postgres import Cluster

    from recon.backup.manifest import BackupManifest


@dataclass(frozen=True)
class MadeBackup:
    """A backup of the club: no test may damage it, nor write to its database."""

    folder: Path
    manifest: BackupManifest
    url: str
    binaries: Path

    def copied(self, backups: Path) -> Path:
        """A copy of the folder, in a folder of backups."""
        return Path(copytree(self.folder, backups / self.folder.name))

    def options(self, backups: Path, path: Path | None = None, **others: object) -> BackupOptions:
        return BackupOptions(path, backups, pg_bin=self.binaries, environment={}, **others)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def made(cluster: Cluster, templates: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> MadeBackup:
    url = cluster.url(templates["newer"])
    backups = tmp_path_factory.mktemp("made") / "backups"
    created = create_backup(BackupOptions(backups=backups, pg_bin=cluster.binaries, environment={"DATABASE_URL": url}))
    return MadeBackup(created.folder, created.manifest, url, cluster.binaries)
