"""The folders of guided migrations, beside those of the runs: what is recorded of one, whole at every moment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from recon.errors import OutputError, StepError
from recon.model.migration import Migration
from recon.runs.folder import FOLDER_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

RECORD = "migration.json"
KNOWN_VERSION = "1"


@dataclass(frozen=True)
class MigrationFolder:
    """The folder of one migration: its record, and a folder for each attempt at a step."""

    path: Path

    @property
    def record(self) -> Path:
        """The file of the record."""
        return self.path / RECORD

    def load(self) -> Migration:
        """Read the record.

        Raises:
            StepError: It cannot be read, or is none.
        """
        try:
            found = msgspec.json.decode(self.record.read_bytes(), type=Migration)
            _require_usable(found)
        except (OSError, ValueError) as error:
            raise StepError(
                "The record of the migration cannot be read",
                where=str(self.record)[:300],
                found=getattr(error, "strerror", None) or str(error),
                next_step="Name the folder of a migration: recon status lists them",
            ) from error
        return found

    def save(self, migration: Migration) -> None:
        """Write the record, on disk when this returns; a reader sees the old one or the new one, never a part.

        Raises:
            OutputError: It cannot be written; the old one is still there.
        """
        text = msgspec.json.format(msgspec.json.encode(migration), indent=2) + b"\n"
        try:
            write_whole(self.record, text)
        except OSError as error:
            raise OutputError(
                "The record of the migration cannot be written",
                where=str(self.record)[:300],
                found=error.strerror,
                next_step="Make room there, then go on with recon migrate --resume",
            ) from error


def _require_usable(migration: Migration) -> None:
    """Require what no type says.

    Raises:
        ValueError: A later version wrote it, a moment has no time zone, or a folder is outside the migration's.
    """
    if migration.schema_version.partition(".")[0] != KNOWN_VERSION:
        raise ValueError(f"version {migration.schema_version}: a newer recon wrote it; use that one")
    moments = (migration.started_at, migration.closed_at, *(step.started_at for step in migration.steps))
    if any(moment is not None and moment.tzinfo is None for moment in moments):
        raise ValueError("a moment without time zone")
    for step in migration.steps:
        parts = PurePosixPath(step.folder).parts
        if not parts or ".." in parts or step.folder.startswith("/") or "\0" in step.folder:
            raise ValueError(f"a step whose folder is {step.folder[:100]!r}")


def write_whole(file: Path, content: bytes) -> None:
    """Replace a file in one step, readable by its owner and on disk when this returns.

    Raises:
        OSError: It cannot be written; what was there before still is.
    """
    working = file.with_name(f".{file.name}-{os.getpid()}")
    descriptor = os.open(working, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        working.replace(file)
    except BaseException:
        working.unlink(missing_ok=True)
        raise
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on disk."""
    opened = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def target_digest(identity: Mapping[str, str]) -> str:
    """Return the digest of what distinguishes a database from others, by which migrations name their target."""
    return sha256(msgspec.json.encode(identity, order="deterministic")).hexdigest()


def migration_folders(outputs: Path) -> list[MigrationFolder]:
    """The migrations in a folder of runs, the newest first; anything that is not one is ignored."""
    if not outputs.is_dir():
        return []
    named = sorted((path for path in outputs.iterdir() if FOLDER_NAME.fullmatch(path.name)), reverse=True)
    return [MigrationFolder(path) for path in named if (path / RECORD).is_file()]
