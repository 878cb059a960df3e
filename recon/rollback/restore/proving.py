"""The backup that is to be restored, proven as far as it can be without restoring it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from recon.errors import RollbackError, lack_of_resources
from recon.model import Check, Outcome
from recon.preflight.backup_checks import Subject, check_database, check_files, check_reading, find_subject

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recon.backup.contents import Tools
    from recon.backup.manifest import BackupManifest
    from recon.database import DatabaseUrl
    from recon.model import Fact

ANOTHER = "Name another backup: recon backup check FOLDER says of each what it is worth"


@dataclass(frozen=True)
class ProvenBackup:
    """A backup that is whole, and of the database.

    Attributes:
        data: The file that is restored.
        sha256: Of its manifest.
        proof: What was found, one sentence each.
    """

    path: Path
    data: Path
    form: str
    manifest: BackupManifest
    sha256: str
    proof: tuple[str, ...]


def proven_backup(path: Path, url: DatabaseUrl, tools: Tools) -> ProvenBackup:
    """Read a backup to its end, compare it with its manifest, and with the database that it is to be restored to.

    Raises:
        RollbackError: It is damaged, edited, of another database, or not of recon's own.
        BackupError, DatabaseError: It cannot be read, or the database cannot be reached.
    """
    if not path.exists():
        raise RollbackError("There is no such backup", where=str(path)[:300], next_step=ANOTHER)
    try:
        return _proven(path, url, tools)
    except OSError as error:
        raise lack_of_resources(error) or RollbackError(
            "The backup cannot be read to its end",
            where=str(error.filename or path)[:300],
            found=error.strerror or str(error),
            next_step=ANOTHER,
        ) from error


def _proven(path: Path, url: DatabaseUrl, tools: Tools) -> ProvenBackup:
    subject = Subject(path)
    proof = list(_sound(find_subject(subject), path))
    manifest = subject.manifest
    if manifest is None:
        raise RollbackError(
            "Nothing says what this backup should bring back",
            where=str(path)[:300],
            expected="a folder of recon backup create, with its manifest",
            found="a snapshot that a provider keeps" if subject.kind == "statement" else f"{subject.form} without one",
            next_step="Have the DBA restore it by hand",
        )
    proof += _sound(check_files(subject, manifest), path)
    if subject.data is None:
        raise RollbackError("The backup holds no file that can be restored", where=str(path)[:300], next_step=ANOTHER)
    proof += _sound([check_database(manifest, url)], path)
    proof += _sound(check_reading(subject, subject.data, tools), path)
    digest = sha256(msgspec.json.encode(manifest, order="sorted")).hexdigest()
    return ProvenBackup(path, subject.data, subject.form, manifest, digest, tuple(proof))


def _sound(found: Iterator[Fact | Check] | list[Check], path: Path) -> Iterator[str]:
    for each in found:
        if not isinstance(each, Check):
            continue
        if each.outcome not in {Outcome.PASS, Outcome.WARN}:
            raise RollbackError(
                "The backup cannot be relied on, so nothing is restored",
                where=str(path)[:300],
                expected=each.description[:1].lower() + each.description[1:].rstrip("."),
                found=each.message,
                next_step=ANOTHER,
            )
        yield each.message
