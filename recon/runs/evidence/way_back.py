"""What a run's folder keeps of the way back: the last rehearsal of its database, and the backup that is known."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from recon.backup.manifest import read_manifest
from recon.database import resolve_database
from recon.errors import BackupError, ReconError, StepError
from recon.report.go_no_go.way_back import WayBack
from recon.rollback.figures import REHEARSAL, last_figures
from recon.runs.migrations import migration_folders, target_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from recon.model.migration import Migration
    from recon.verification.options import VerifyOptions

FILE = "way_back.json"


def known_way_back(options: VerifyOptions, run_id: str, outputs: Path) -> WayBack | None:
    """Return what the folder of runs knows of the way back from a run; None: nothing.

    Args:
        options: Name the database.
        run_id: The importer's name for the run.
        outputs: The folder of runs, with rehearsals and guided migrations.
    """
    migrations = list(_migrations_of(run_id, outputs))
    has_rehearsals = next(outputs.glob(f"*/{REHEARSAL}"), None) is not None
    identity = _identity(options) if migrations or has_rehearsals else None
    if identity is None:
        return None
    rehearsed = last_figures(outputs, identity)
    own = next((each for each in migrations if each.target == target_digest(identity)), None)
    proven = own.last("backup") if own else None
    backup = proven.kept if proven and proven.has_passed else None
    backup = backup or (rehearsed.backup if rehearsed else None)
    return WayBack(rehearsed=rehearsed, backup=backup, backup_at=_instant(backup)) if backup else None


def keep_way_back(folder: Path, found: WayBack) -> None:
    """Write what is known into a run's folder.

    Raises:
        OSError: It cannot be written.
    """
    text = msgspec.json.format(msgspec.json.encode(found), indent=2)
    (folder / FILE).write_bytes(text + b"\n")


def kept_way_back(folder: Path) -> WayBack | None:
    """Return what a run's folder keeps; None: nothing that can be read."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=WayBack)
    except (OSError, msgspec.MsgspecError):
        return None


def _migrations_of(run_id: str, outputs: Path) -> Iterator[Migration]:
    """The guided migrations in which that run was imported, the newest first."""
    for folder in migration_folders(outputs):
        with suppress(StepError):
            migration = folder.load()
            executed = migration.last("execute")
            if executed and executed.run_id == run_id:
                yield migration


def _identity(options: VerifyOptions) -> Mapping[str, str] | None:
    """What distinguishes the database from others; None: it does not say."""
    with suppress(ReconError):
        # It connects, and is loaded where it is asked for alone.
        kinds = import_module("recon.backup.kinds")
        found: Mapping[str, str] = kinds.identity_of(resolve_database(options.database, options.environment))
        return found
    return None


def _instant(backup: str | None) -> datetime | None:
    if backup is None:
        return None
    with suppress(BackupError):
        return read_manifest(Path(backup)).snapshot_at
    return None
