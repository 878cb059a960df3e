"""The manifest of a backup: what the database held at its instant, and what its files are."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from errno import ENOENT
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec

from recon.backup.contents import TableContent
from recon.errors import BackupError

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "manifest.json"
VERSION = "1.0"
CHUNK_BYTES = 1 << 20
SHA256 = re.compile(r"[0-9a-f]{64}")
PATH = re.compile(r"[/\\]|^\.\.?$|^$")
ANOTHER = "Make another backup: recon backup create"
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
T = TypeVar("T", "BackupManifest", "StatedBackup")


class FileContent(msgspec.Struct, frozen=True, rename="camel"):
    """The length of a file and the SHA-256 digest of its bytes."""

    bytes: int
    sha256: str


class SequenceRange(msgspec.Struct, frozen=True, rename="camel"):
    """A sequence, which no snapshot holds still: its last value just before the dump and just after it."""

    before: int
    after: int


class BackupManifest(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What a backup says about itself.

    Attributes:
        kind: "postgresql", "mysql", "sqlite" or "duckdb".
        database: Its location and name, without user and password.
        identity: What distinguishes this database from others, e.g. its server's system identifier; the keys depend on
            `kind`.
        snapshot_at: The instant that the backup shows, by the clock of the server (of this machine for a file).
        created_at: When the backup was begun, by the clock of this machine.
        server, tool: Name and version of the server, and of the program that wrote the backup.
        guarantee: How backup and manifest show the same instant, one sentence.
        tables: Rows, digest and columns by table, with its schema where the database has schemas.
        sequences: By sequence with its schema.
        large_objects: Their number and digest; None: the database cannot have any, or they could not be read.
        objects: Number of objects of the schema by kind, e.g. {"index": 12}.
        left_out: Table or kind of object → why its contents are not in `tables`.
        settings: What a new database needs to take the backup, e.g. its encoding.
        files: Length and digest of each file of the backup, by name.
    """

    kind: str
    database: str
    identity: dict[str, str]
    snapshot_at: Instant
    created_at: Instant
    server: str
    tool: str
    guarantee: str
    tables: dict[str, TableContent]
    files: dict[str, FileContent]
    sequences: dict[str, SequenceRange] = {}
    large_objects: TableContent | None = None
    objects: dict[str, int] = {}
    left_out: dict[str, str] = {}
    settings: dict[str, str] = {}
    schema_version: str = VERSION

    @property
    def rows(self) -> int:
        """The number of rows in all tables."""
        return sum(content.rows for content in self.tables.values())

    @property
    def clock_difference(self) -> timedelta:
        """How far the server's clock is ahead of this machine's, as far as the beginning of the backup shows it."""
        return self.snapshot_at - self.created_at


class SignedManifest(msgspec.Struct, frozen=True, rename="camel"):
    """A manifest with the SHA-256 digest of its canonical form, so that an edit shows."""

    manifest: msgspec.Raw
    sha256: str


class StatedBackup(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What a person states about a snapshot that a provider keeps; recon has not seen it.

    Attributes:
        provider: Who keeps it, e.g. "AWS RDS".
        snapshot: Its name there.
        taken_at: The instant that it shows.
        stated_at: When it was stated.
        note: What else was said; empty: nothing.
    """

    provider: str
    snapshot: str
    taken_at: Instant
    stated_at: Instant
    note: str = ""
    schema_version: str = VERSION


def write_manifest(folder: Path, manifest: BackupManifest) -> None:
    """Write the manifest with its digest, readable by the owner alone."""
    text = msgspec.json.encode(manifest, order="sorted")
    _write(folder / MANIFEST, SignedManifest(msgspec.Raw(text), sha256(text).hexdigest()))


def write_statement(file: Path, stated: StatedBackup) -> None:
    """Write a statement with its digest, readable by the owner alone."""
    text = msgspec.json.encode(stated, order="sorted")
    _write(file, SignedManifest(msgspec.Raw(text), sha256(text).hexdigest()))


def _write(file: Path, signed: SignedManifest) -> None:
    file.touch(mode=0o600, exist_ok=False)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(signed), indent=1) + b"\n")


def read_manifest(folder: Path) -> BackupManifest:
    """Return the manifest of a backup.

    Raises:
        BackupError: It cannot be read, is of another version, or was edited.
    """
    manifest = _read(folder / MANIFEST, BackupManifest)
    is_whole = all(content.digest and SHA256.fullmatch(content.digest) for content in manifest.tables.values())
    if not is_whole or any(PATH.search(name) for name in manifest.files):
        raise BackupError(
            "The manifest is no manifest of a backup",
            where=str(folder / MANIFEST)[:300],
            expected="a digest of every table, and names of files without folders",
            next_step=ANOTHER,
        )
    return manifest


def read_statement(file: Path) -> StatedBackup:
    """Return a statement; raises as `read_manifest`."""
    return _read(file, StatedBackup)


def _read(file: Path, kind: type[T]) -> T:
    try:
        if not file.is_file():
            raise FileNotFoundError(ENOENT, "it is no file")
        signed = msgspec.json.decode(file.read_bytes(), type=SignedManifest)
        text = msgspec.json.encode(msgspec.json.decode(signed.manifest), order="sorted")
        version = msgspec.json.decode(text, type=dict).get("schemaVersion")
        is_intact = sha256(text).hexdigest() == signed.sha256
        manifest = msgspec.json.decode(text, type=kind) if version == VERSION else None
    except OSError as error:
        raise BackupError("The manifest cannot be read", where=str(file)[:300], found=error.strerror) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, AttributeError, RecursionError) as error:
        raise BackupError(
            "The manifest is no manifest of a backup", where=str(file)[:300], found=str(error)[:200], next_step=ANOTHER
        ) from None
    if not is_intact:
        raise BackupError(
            "The manifest was edited after it was written",
            where=str(file)[:300],
            expected=f"the digest {signed.sha256[:16]}",
            found="another one",
            next_step=ANOTHER,
        )
    if manifest is None:
        raise BackupError(
            "The manifest is of another version of recon",
            where=str(file)[:300],
            expected=VERSION,
            found=str(version)[:20],
            next_step="Use the version of recon that wrote it",
        )
    return manifest


def file_content(path: Path) -> FileContent:
    """Read a file to its end."""
    digest, length = sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            length += len(chunk)
    return FileContent(length, digest.hexdigest())


def now() -> datetime:
    """This instant by the clock of this machine."""
    return datetime.now(UTC)
