"""Backups before an import: made, checked, and tested by restoring one where nothing else is."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from recon.backup.contents import Tools
from recon.backup.folder import STATEMENT, backup_folders, folder_name, new_folder, publish
from recon.backup.kinds import kind_of_database
from recon.backup.manifest import BackupManifest, StatedBackup, now, write_manifest, write_statement
from recon.database import DatabaseUrl, resolve_database
from recon.errors import BackupError, UsageError, lack_of_resources
from recon.model import Fact
from recon.preflight import backup_probes as ask
from recon.preflight.assessing import Step, assess
from recon.preflight.backup_checks import (
    FILES,
    Subject,
    check_age,
    check_database,
    check_files,
    check_plausible,
    check_private,
    check_reading,
    check_restored,
    check_statement,
    clock_of,
    find_subject,
    instant_of,
    left_unfinished,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recon.model import Assessment, Check
    from recon.preflight.assessing import AssessmentListener

DEFAULT_VARIABLE = "DATABASE_URL"


@dataclass(frozen=True)
class BackupOptions:
    """Which backup, of which database, and with what it is made and read.

    Attributes:
        path: A file or folder; None: the newest in `backups`.
        backups: The folder of backups.
        database: The name of an environment variable, a file, or a URL without password; None: DATABASE_URL. To check
            a backup, none need be named; it is then not compared with any.
        max_age_hours: How old a backup may be.
        pg_bin: The folder of PostgreSQL's programs; None: the PATH and the usual folders.
        timeout_s: Seconds that a program may take; None: an hour.
        scratch_database: As `database`: the server to restore on; None: that of `database`.
        environment: Environment variables by name.
    """

    path: Path | str | None = None
    backups: Path | str = "backups"
    database: str | None = field(default=None, repr=False)
    max_age_hours: float = 24.0
    pg_bin: Path | str | None = None
    timeout_s: float | None = None
    scratch_database: str | None = field(default=None, repr=False)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    @property
    def folder(self) -> Path:
        """The folder of backups."""
        return Path(self.backups)

    @property
    def tools(self) -> Tools:
        """With what a backup is made and read."""
        return Tools(Path(self.pg_bin) if self.pg_bin else None, self.timeout_s)

    @property
    def url(self) -> DatabaseUrl | None:
        """The database that is named; None where none is.

        Raises:
            ReconError: The name cannot be resolved.
        """
        is_named = self.database is not None or self.environment.get(DEFAULT_VARIABLE, "").strip()
        return resolve_database(self.database, self.environment) if is_named else None


class CreatedBackup(Struct, frozen=True):
    """A backup that was made: its folder and its manifest."""

    folder: Path
    manifest: BackupManifest


def create_backup(options: BackupOptions) -> CreatedBackup:
    """Back a database up; the folder appears complete or not at all.

    Args:
        options: The database, and the folder of backups; `path` and `max_age_hours` have no meaning here.

    Raises:
        BackupError: The backup cannot be made; nothing is left of it.
        DatabaseError: The database cannot be reached.
        ResourceError: There is no room left on the disk.
        UsageError: No database is named.
    """
    url = resolve_database(options.database, options.environment)
    kind = kind_of_database(url.kind)
    if kind is None:
        raise BackupError(
            f"Databases of this kind are not backed up by recon: {url.kind}",
            where=url.label,
            next_step="Make one with the server's own program, restore that to another name, and record it by "
            "recon backup record",
        )
    with new_folder(options.folder) as working:
        manifest = kind.create(url, working, options.tools)
        write_manifest(working, manifest)
        folder = publish(working, folder_name(manifest.snapshot_at, url.name or Path(url.label).stem))
    return CreatedBackup(folder, manifest)


def record_backup(provider: str, snapshot: str, taken_at: datetime, note: str, backups: Path | str) -> Path:
    """Record that a provider keeps a snapshot; recon cannot look at it, so it is never more than a warning.

    Raises:
        BackupError: The folder of backups cannot be written to.
        UsageError: The snapshot is from the future.
    """
    stated_at = now()
    if (taken_at - stated_at).total_seconds() > ask.CLOCK_TOLERANCE_S:
        raise UsageError(
            "The snapshot is from the future",
            where="--taken-at",
            expected=f"an instant before {stated_at:%Y-%m-%d %H:%M} UTC",
            found=f"{taken_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
            next_step="Give the instant with its offset, e.g. 2024-01-15T14:30:00Z",
        )
    stated = StatedBackup(provider=provider, snapshot=snapshot, taken_at=taken_at, stated_at=stated_at, note=note)
    with new_folder(Path(backups)) as working:
        write_statement(working / STATEMENT, stated)
        return publish(working, folder_name(taken_at, f"{provider}-{snapshot}"))


def newest_backup(backups: Path | str) -> Path | None:
    """The newest backup in a folder, or what was recorded if that is newer; None: there is none.

    Raises:
        BackupError: The folder cannot be read.
    """
    return next(iter(backup_folders(Path(backups))), None)


def check_backup(options: BackupOptions, listener: AssessmentListener | None = None) -> Assessment:
    """Read a backup to its end and compare it with its manifest.

    Args:
        options: The backup; a database that it should be of, if one is named.
        listener: Receives what is found as it is found; None: nobody does.
    """
    return assess("backup-check", "Backup Check", [Step("backup", "Backup", lambda: ask_backup(options))], listener)


def test_backup(options: BackupOptions, listener: AssessmentListener | None = None) -> Assessment:  # noqa: PT028 - no test
    """Check a backup, then restore it into a scratch database that is dropped again, and compare what arrived there.

    Args:
        options: The backup; the server to restore on is that of `scratch_database`, or else of `database`.
        listener: Receives what is found as it is found; None: nobody does.
    """
    subject = Subject(Path())
    steps = [
        Step("backup", "Backup", lambda: _asked(options, subject)),
        Step("restore", "Restore", lambda: _restored(options, subject)),
    ]
    return assess("backup-test", "Backup Test", steps, listener)


def ask_backup(options: BackupOptions, *, restores: bool = False) -> Iterator[Fact | Check]:
    """Yield what is found about the backup: facts, and checks of whether a restore could rely on it.

    Args:
        options: Which backup, of which database.
        restores: Also restore it into a scratch database, and compare what arrives.

    Raises:
        ReconError: The backup or the database cannot be read.
    """
    subject = Subject(Path())
    yield from _asked(options, subject)
    if restores:
        yield from _restored(options, subject)


def _asked(options: BackupOptions, subject: Subject) -> Iterator[Fact | Check]:
    path = Path(options.path) if options.path is not None else newest_backup(options.folder)
    yield from left_unfinished(options.folder)
    subject.is_sound = False
    if path is None:
        yield ask.FOUND.failed(f"No backup was found in {options.folder}")
        return
    if not _is_there(path):
        yield ask.FOUND.failed(f"No backup was found: there is no {path}")
        return
    subject.path, subject.is_sound = path, True
    yield Fact("Backup", str(path))
    with _readable(path):
        yield from find_subject(subject)
        if subject.kind == "statement":
            subject.is_sound = False
            yield from check_statement(path, options.max_age_hours)
        elif subject.is_sound:
            yield from _judged(options, subject)


def _is_there(path: Path) -> bool:
    """Whether there is anything at `path`, even if it cannot be followed; a folder that is closed does not say so."""
    with _readable(path):
        try:
            path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
    return True


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """What the system says about a file that cannot be read, as an error of the backup."""
    try:
        yield
    except OSError as error:
        raise lack_of_resources(error) or BackupError(
            "The backup cannot be read to its end",
            where=str(error.filename or path)[:300],
            found=error.strerror or str(error),
            next_step="Check its rights and its disk, and take another copy of it",
        ) from error


def _judged(options: BackupOptions, subject: Subject) -> Iterator[Fact | Check]:
    manifest, data = subject.manifest, subject.data
    if manifest:
        yield from clock_of(manifest)
        yield from check_files(subject, manifest)
    # A file that was changed is not handed to programs; what it still holds says nothing.
    if subject.is_sound and data is None:
        yield subject.judged(ask.READ.failed("There is no dump of the manifest's kind in it"))
    elif subject.is_sound and data:
        yield from check_reading(subject, data, options.tools)
        yield from check_plausible(subject, options.folder)
    yield check_age(*instant_of(subject), options.max_age_hours)
    yield check_private(subject.path)
    url = options.url
    if url is None:
        yield Fact("Database of the backup", "not compared: no database was named")
    else:
        yield check_database(manifest, url)


def _restored(options: BackupOptions, subject: Subject) -> Iterator[Fact | Check]:
    data = subject.data
    kind = kind_of_database(subject.kind)
    if not subject.is_sound or data is None or kind is None:
        yield ask.RESTORED.not_evaluated("Nothing was restored: the backup itself did not pass")
        return
    server = DatabaseUrl(subject.kind, path=data) if subject.kind in FILES else _server(options)
    if server.kind != subject.kind:
        yield ask.RESTORED.not_evaluated(f"A backup of {subject.kind} cannot be restored on {server.label}")
        return
    with _readable(data):
        restored = kind.restore(data, subject.form, options.tools, server, subject.manifest)
    yield from check_restored(subject.manifest, subject.reading, restored)


def _server(options: BackupOptions) -> DatabaseUrl:
    named = options.scratch_database or options.database
    return resolve_database(named, options.environment)
