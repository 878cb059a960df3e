"""The manifest of a folder: SHA-256 of all that is in it and of what it was made from, versions, who and when."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from errno import EISDIR
from fnmatch import fnmatchcase
from hashlib import file_digest, sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from recon.errors import EvidenceError, OutputError
from recon.runs.migrations import write_whole

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

MANIFEST = "manifest.json"
STATEMENT = "statement.json"
LATER = ("go-no-go.html", "index.html", "plan.sha256.sig", "statement.json", "statement-*.json", "statement*.json.sig")
"""What may appear in a folder after its manifest, by pattern: what is made of it, and signatures."""
PARTS_OF_RECON = ("recon", "duckdb", "polars", "great-expectations")
OLDER = "It was written by a version of recon that kept no manifest: run it again to have one"


class ReadFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file that something was made from.

    Attributes:
        path: Where it lay, absolute; None: nowhere that lasts, because it was unpacked from another of them.
    """

    name: str
    sha256: str
    path: str | None = None


class ReadSnapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """The read of the database that something was made from.

    Attributes:
        id: The SHA-256 of database, instant and rows by table: no two reads of a database share it.
        database: Kind, location and name; never a user, never a password.
        guarantee: The consistency under which it was read, one sentence.
    """

    id: str
    database: str
    guarantee: str
    consistent: bool


class FolderInputs(msgspec.Struct, frozen=True):
    """What a folder was made from.

    Attributes:
        bundle: The bundle's files, of an archive the archive itself too.
        suites: The files of rules, in the order of their layers.
        settings: The profile, and other files that decided.
        sql: Rule → SHA-256 of its query for violations; with ".values" after it: of the one for named values.
        snapshot: The read of the database; None: there was none, or it is not known.
    """

    bundle: tuple[ReadFile, ...] = ()
    suites: tuple[ReadFile, ...] = ()
    settings: tuple[ReadFile, ...] = ()
    sql: Mapping[str, str] = msgspec.field(default_factory=dict)
    snapshot: ReadSnapshot | None = None


class FolderFacts(msgspec.Struct, frozen=True):
    """What a folder is about.

    Attributes:
        kind: What wrote it: "run", "error", "preflight", "rollback-plan", "rollback", "rollback-revert", …
        outcome: The verdict or another outcome, in capitals.
        run_id: The run of the importer; None: it is about none.
        by: The account that the command ran under, and what it was called otherwise; empty: neither is known.
    """

    kind: str
    outcome: str
    run_id: str | None = None
    by: tuple[str, ...] = ()
    inputs: FolderInputs = FolderInputs()


class FolderManifest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What `manifest.json` says; attributes that are not described are as of FolderFacts.

    Attributes:
        by: Of everybody who ran a command that wrote to the folder.
        written_at: When the manifest was written.
        versions: Of recon, of Python, and of the libraries that compute.
        later: Patterns of files that may appear afterwards and are not listed.
        files: Path in the folder → SHA-256.
    """

    schema_version: str = "1.0"
    kind: str
    run_id: str | None
    outcome: str
    by: tuple[str, ...]
    written_at: datetime
    versions: Mapping[str, str]
    inputs: FolderInputs
    later: tuple[str, ...] = LATER
    files: Mapping[str, str]


@dataclass
class FolderDigests:
    """The digests of the files in a folder, each read once as long as it does not change."""

    folder: Path
    _known: dict[str, tuple[tuple[int, ...], str]] = field(default_factory=dict)

    def read(self) -> dict[str, str]:
        """Return path → SHA-256 of every file but the manifest and what comes later, sorted.

        Raises:
            OSError: A file cannot be read.
        """
        return {name: self._digest(name) for name in sorted(files_in(self.folder))}

    def prepare(self) -> None:
        """Read what is there already, so that less is left for later; what cannot be read is passed over."""
        for name in files_in(self.folder):
            with suppress(OSError):
                self._digest(name)

    def _digest(self, name: str) -> str:
        path = self.folder / name
        found = path.stat()
        state = (found.st_ino, found.st_size, found.st_mtime_ns)
        known = self._known.get(name)
        if known is None or known[0] != state:
            known = self._known[name] = (state, digest_of(path))
        return known[1]


def files_in(folder: Path) -> Iterator[str]:
    """Yield the path of everything in a folder that is not a folder: not the manifest, nor what comes later."""
    for root, folders, names in os.walk(folder):
        home = Path(root)
        links = [name for name in folders if (home / name).is_symlink()]
        for name in (*names, *links):
            path = (home / name).relative_to(folder).as_posix()
            if path != MANIFEST and not is_later(path):
                yield path


def later_in(folder: Path) -> list[str]:
    """Return the names of what came to a folder after its manifest, as it may."""
    return sorted(path.name for path in folder.iterdir() if is_later(path.name))


def is_later(path: str) -> bool:
    """Return whether a file may appear in a folder after its manifest."""
    return any(fnmatchcase(path, pattern) for pattern in LATER) and "/" not in path


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises:
        OSError: It is none, or cannot be read.
    """
    if path.exists() and not path.is_file():
        # A pipe would be waited for.
        raise IsADirectoryError(EISDIR, "it is not a file", str(path))
    with path.open("rb") as opened:
        return file_digest(opened, "sha256").hexdigest()


def write_manifest(folder: Path, facts: FolderFacts, digests: FolderDigests | None = None) -> None:
    """Write the manifest of a folder that has none, over all that is in it.

    Args:
        folder: The folder.
        facts: What it is about.
        digests: What is known of its files already.

    Raises:
        OSError: A file cannot be read, or the manifest cannot be written.
    """
    files = (digests or FolderDigests(folder)).read()
    (folder / MANIFEST).write_bytes(_encoded(facts, files, facts.by))


def renew_manifest(folder: Path, facts: FolderFacts, written: Collection[str]) -> None:
    """Write the manifest anew after a command wrote to the folder; what it did not write keeps its former digests.

    A folder without a manifest, of an older version of recon, gets one over what was written now.

    Args:
        folder: The folder.
        facts: What was done; names of those who did something before are kept, and its inputs if there are none now.
        written: The paths of the files that were written.

    Raises:
        EvidenceError: The manifest that is there cannot be read.
        OSError: As of `write_manifest`.
    """
    former = read_manifest(folder)[0] if (folder / MANIFEST).exists() else None
    files = {**(former.files if former else {}), **{name: digest_of(folder / name) for name in written}}
    by = tuple(dict.fromkeys((*(former.by if former else ()), *facts.by)))
    if former and facts.inputs == FolderInputs():
        facts = msgspec.structs.replace(facts, inputs=former.inputs)
    write_whole(folder / MANIFEST, _encoded(facts, dict(sorted(files.items())), by))


def read_manifest(folder: Path) -> tuple[FolderManifest, str]:
    """Read a folder's manifest, and return the SHA-256 of its file with it.

    Raises:
        EvidenceError: There is no such folder, or no manifest in it, or it cannot be read.
    """
    file = folder / MANIFEST
    try:
        content = file.read_bytes()
        return msgspec.json.decode(content, type=FolderManifest), sha256(content).hexdigest()
    except OSError as error:
        there = folder.is_dir()
        raise EvidenceError(
            "The folder has no manifest" if there else "There is no such folder",
            where=str(folder)[:300],
            expected=MANIFEST if there else "the folder of a run, of a preflight or of a rollback",
            found="none" if isinstance(error, FileNotFoundError | NotADirectoryError) else error.strerror,
            next_step=OLDER if there else "recon runs lists them",
        ) from error
    except msgspec.MsgspecError as error:
        raise EvidenceError(
            "The manifest cannot be read",
            where=str(file)[:300],
            expected="a manifest as recon writes it",
            found=str(error)[:200],
            next_step="Take it for changed: compare it with a copy",
        ) from error


def read_file(path: Path, name: str | None = None) -> ReadFile:
    """Describe a file that something is made from; `name`: what to call it, else its own name.

    Raises:
        OSError: It cannot be read.
    """
    return ReadFile(name or path.name, digest_of(path), str(path.resolve()))


def unwritten(folder: Path, error: OSError) -> OutputError:
    """Return the error for a manifest that cannot be written."""
    return OutputError(
        "The manifest of the folder cannot be written",
        where=str(folder)[:300],
        found=error.strerror or str(error),
        next_step="Make room there, and give the same command again",
    )


def _encoded(facts: FolderFacts, files: Mapping[str, str], by: tuple[str, ...]) -> bytes:
    manifest = FolderManifest(
        kind=facts.kind,
        run_id=facts.run_id,
        outcome=facts.outcome,
        by=by,
        written_at=datetime.now(UTC).replace(microsecond=0),
        versions={**{name: version(name) for name in PARTS_OF_RECON}, "python": platform.python_version()},
        inputs=facts.inputs,
        files=files,
    )
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
