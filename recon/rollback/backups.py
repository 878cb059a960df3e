"""The backup that `--backup` names, as a database to read: a copy as it is, or a dump that is restored for a while."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recon.backup.contents import Tools
from recon.backup.kinds import kind_of_database
from recon.database import DatabaseUrl, resolve_database
from recon.errors import RollbackError
from recon.masking import mask_text
from recon.model import Check, Outcome
from recon.preflight.backup_checks import Subject, check_database, check_files, check_reading, find_subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from recon.backup.manifest import BackupManifest
    from recon.model import Fact
    from recon.rollback.options import RollbackOptions

ANOTHER_WAY = "Restore it to another name, and name that database: --backup VARIABLE"
TOOLS = Tools(other_way=ANOTHER_WAY[0].lower() + ANOTHER_WAY[1:])
FILE = ("sqlite", "file")


@dataclass(frozen=True)
class BackupCopy:
    """A database that holds what the target held before the run.

    Attributes:
        source: What it is, for the plan: "the backup backups/…".
        notices: What is not known of it, one sentence each.
    """

    url: DatabaseUrl
    source: str
    notices: tuple[str, ...] = ()


@contextmanager
def backup_copy(
    options: RollbackOptions, target: DatabaseUrl, began_at: datetime | None
) -> Iterator[BackupCopy | None]:
    """Give the backup that is named, if one is: dumps are restored into a scratch database and dropped at the end.

    Args:
        options: Name the backup.
        target: The database that the run wrote to; a dump is restored on its server.
        began_at: When the run began, UTC; None: unknown.

    Raises:
        RollbackError: It is no backup that can be read, of another kind of database, or from after the run's beginning.
        BackupError: It cannot be restored: no right to create a database, no program for it, or it takes too long.
    """
    if options.backup is None:
        yield None
        return
    path, source = Path(options.backup), f"the backup {options.backup}"
    if not _is_there(path):
        url = resolve_database(str(options.backup), options.environment)
        _require_kind(url.kind, target)
        if "://" in str(options.backup):
            source = f"the backup in {url.label}"
        yield BackupCopy(url, source, (_unknown_age(source),))
        return
    subject = Subject(path)
    _require_sound(find_subject(subject), path)
    _require_kind(subject.kind, target)
    if subject.manifest is None and (subject.kind, subject.form) == FILE:
        # A copy may have its log beside it, which is read with it.
        yield BackupCopy(DatabaseUrl("sqlite", path=path), source, (_unknown_age(source),))
        return
    with _read(subject, source, target, began_at) as copy:
        yield copy


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        # It is, for what may look into its folder.
        return True


@contextmanager
def _read(subject: Subject, source: str, target: DatabaseUrl, began_at: datetime | None) -> Iterator[BackupCopy]:
    """Prove the backup as far as it can be, and restore it."""
    notices = _age(subject.manifest, source, began_at)
    if subject.manifest:
        _require_sound(check_files(subject, subject.manifest), subject.path)
        same = check_database(subject.manifest, target)
        notices += () if same.outcome is Outcome.PASS else (f"{source}: {same.message}",)
    kind = kind_of_database(subject.kind)
    if kind is None or subject.data is None:
        raise RollbackError("The backup holds no file that can be restored", where=source, next_step=ANOTHER_WAY)
    _require_sound(check_reading(subject, subject.data, TOOLS), subject.path)
    with kind.restored(subject.data, subject.form, TOOLS, target, subject.manifest) as copy:
        if copy.errors:
            raise RollbackError(
                "The backup was not restored without an error, so it is not known what it held",
                where=source,
                found=mask_text(copy.errors[0]),
                next_step=ANOTHER_WAY,
            )
        yield BackupCopy(copy.url, source, notices)


def _require_sound(found: Iterable[Fact | Check], path: Path) -> None:
    for each in found:
        if isinstance(each, Check) and each.outcome not in {Outcome.PASS, Outcome.WARN}:
            raise RollbackError(
                "The backup cannot be relied on", where=str(path)[:300], found=each.message, next_step=ANOTHER_WAY
            )


def _require_kind(kind: str, target: DatabaseUrl) -> None:
    if kind == "statement":
        raise RollbackError(
            "A snapshot that a provider keeps cannot be read",
            where="--backup",
            next_step="Have it restored, and name that database: --backup VARIABLE",
        )
    if kind != target.kind:
        raise RollbackError(
            "The backup is of another kind of database",
            where="--backup",
            expected=target.kind,
            found=kind,
            next_step="Name a copy of the database from before the run: restore the backup, and name that database",
        )


def _age(manifest: BackupManifest | None, source: str, began_at: datetime | None) -> tuple[str, ...]:
    """Return what is not known of a backup's age.

    Raises:
        RollbackError: It shows the database as it was after the run had begun.
    """
    if manifest is None or began_at is None:
        return (_unknown_age(source),)
    taken_at = manifest.snapshot_at
    if taken_at > began_at:
        raise RollbackError(
            "The backup was taken after the run had begun, so it holds what the run wrote",
            where=source,
            expected=f"an instant before {began_at:%Y-%m-%d %H:%M:%S} UTC",
            found=f"{taken_at:%Y-%m-%d %H:%M:%S} UTC",
            next_step="Name a backup from before the run",
        )
    return ()


def _unknown_age(source: str) -> str:
    return f"Nothing shows whether {source} is from before the run: the reader of this plan has to know"
