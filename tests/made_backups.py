"""Backups that tests damage: copies of one that was made of the club in PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from shutil import copytree
from typing import TYPE_CHECKING, Any

import msgspec

import recon
from recon.backup.manifest import MANIFEST, read_manifest, write_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from recon.backup.manifest import BackupManifest
    from recon.model import Assessment, Check


@dataclass(frozen=True)
class MadeBackup:
    """A backup of the club; no test may damage it, nor write to its database."""

    folder: Path
    manifest: BackupManifest
    url: str
    binaries: Path

    def copied(self, backups: Path) -> Path:
        """A copy of the folder, in a folder of backups."""
        return copytree(self.folder, backups / self.folder.name)

    def options(self, backups: Path, path: Path | None = None, **others: Any) -> recon.BackupOptions:
        """Options that name no database unless `others` do."""
        return recon.BackupOptions(path, backups, **{"pg_bin": self.binaries, "environment": {}, **others})

    def check(self, backups: Path, path: Path | None = None, **others: Any) -> Assessment:
        return recon.check_backup(self.options(backups, path, **others))

    def test(self, backups: Path, path: Path | None = None, **others: Any) -> Assessment:
        return recon.test_backup(self.options(backups, path, environment={"DATABASE_URL": self.url}, **others))


def signed_again(folder: Path, **changes: Any) -> None:
    """Edit a manifest in such a way that its own digest does not show it."""
    manifest = msgspec.structs.replace(read_manifest(folder), **changes)
    (folder / MANIFEST).unlink()
    write_manifest(folder, manifest)


def outcomes(assessment: Assessment) -> Mapping[str, str]:
    """Outcome by check."""
    return {check.id: str(check.outcome) for check in assessment.checks}


def found(assessment: Assessment, check_id: str) -> Check:
    return next(check for check in assessment.checks if check.id == check_id)


def flipped(file: Path, bit: int) -> None:
    """Turn one bit of a file over."""
    data = bytearray(file.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    file.write_bytes(data)


def in_place_of(program: str, binaries: Path, folder: Path, script: str) -> Path:
    """A folder with PostgreSQL's programs, one of which is a script that may run the real one as $REAL."""
    folder.mkdir()
    for each in ("pg_dump", "pg_restore", "psql"):
        if each != program:
            (folder / each).symlink_to(binaries / each)
    head = f'#!/bin/sh\nREAL={binaries / program}\n[ "$1" = --version ] && exec $REAL --version\n'
    (folder / program).write_text(head + script, encoding="utf-8")
    (folder / program).chmod(0o755)
    return folder
