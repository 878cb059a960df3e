"""The plan as a file: JSON with the digest of its canonical form, so that an edit shows."""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import msgspec

from recon.errors import OutputError, RollbackError
from recon.rollback.plan import VERSION, RollbackPlan

PLAN, DIGEST, MARKDOWN, STATEMENTS = "plan.json", "plan.sha256", "plan.md", "plan.sql"
AGAIN = "Make the plan again: recon rollback plan"
# The versions of plans that restore a backup begin with it.
RESTORING = "restore-"
P = TypeVar("P", bound=msgspec.Struct)


class SealedPlan(msgspec.Struct, frozen=True):
    """A plan with the SHA-256 of its canonical form."""

    plan: msgspec.Raw
    sha256: str


class VersionedPlan(msgspec.Struct, frozen=True, rename="camel"):
    """What every version of a plan says."""

    schema_version: str | None = None


@dataclass(frozen=True)
class StoredPlan:
    """A plan that was read back, with the folder that it is in."""

    plan: RollbackPlan
    sha256: str
    folder: Path


def write_plan(folder: Path, plan: msgspec.Struct) -> str:
    """Write the plan, readable by its owner alone, and return its digest.

    Raises:
        OutputError: It cannot be written.
    """
    text = msgspec.json.encode(plan, order="sorted")
    digest = sha256(text).hexdigest()
    # As SealedPlan is encoded, without copying the text, which is large.
    write_private(folder / PLAN, b'{"plan":', text, b',"sha256":', msgspec.json.encode(digest), b"}\n")
    return digest


def write_private(path: Path, *parts: bytes) -> None:
    """Write a new file, of these parts in order, that its owner alone can read.

    Raises:
        OutputError: It cannot be written.
    """
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.writelines(parts)
    except OSError as error:
        raise OutputError(
            "A file of the rollback cannot be written", where=str(path)[:300], found=error.strerror
        ) from error


def read_plan(path: Path | str) -> StoredPlan:
    """Read a plan: its folder, or the file in it.

    Raises:
        RollbackError: It cannot be read, is none, is of another version of recon, or was edited.
    """
    return StoredPlan(*read_sealed(path, RollbackPlan, VERSION))


def version_of(path: Path | str) -> str | None:
    """The version that a plan says it is of; None where that cannot be read."""
    try:
        sealed = msgspec.json.decode(_file(path).read_bytes(), type=SealedPlan)
        return msgspec.json.decode(sealed.plan, type=VersionedPlan).schema_version
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _file(path: Path | str) -> Path:
    return Path(path) / PLAN if Path(path).is_dir() else Path(path)


def read_sealed(path: Path | str, kind: type[P], wanted: str) -> tuple[P, str, Path]:
    """Read a plan of that kind and version; returns it with its digest and its folder; raises as `read_plan`."""
    file = _file(path)
    try:
        sealed = msgspec.json.decode(file.read_bytes(), type=SealedPlan)
        text = bytes(sealed.plan)
        if sha256(text).hexdigest() != sealed.sha256:
            # It may have been formatted anew, which changes nothing.
            text = msgspec.json.encode(msgspec.json.decode(text), order="sorted")
        version = msgspec.json.decode(text, type=VersionedPlan).schema_version
        plan = msgspec.json.decode(text, type=kind) if version == wanted else None
    except OSError as error:
        raise RollbackError(
            "The plan cannot be read",
            where=str(file)[:300],
            expected=f"the folder of a plan, or its {PLAN}",
            found=error.strerror,
            next_step=AGAIN,
        ) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, AttributeError, RecursionError) as error:
        raise RollbackError(
            "The file is no plan of a rollback", where=str(file)[:300], found=str(error)[:200], next_step=AGAIN
        ) from None
    if sha256(text).hexdigest() != sealed.sha256:
        raise RollbackError(
            "The plan was edited after it was made",
            where=str(file)[:300],
            expected=f"the SHA-256 {sealed.sha256[:16]}…",
            found=f"{sha256(text).hexdigest()[:16]}…",
            next_step=AGAIN,
        )
    if plan is None:
        raise _other_version(file, wanted, str(version))
    return plan, sealed.sha256, file.parent


def _other_version(file: Path, wanted: str, version: str) -> RollbackError:
    """The error for a plan of the other level, which has functions of its own, or of another version."""
    level, is_restore = (2 if version.startswith(RESTORING) else 1), wanted.startswith(RESTORING)
    if level == (2 if is_restore else 1):
        return RollbackError(
            "The plan is of another version of recon",
            where=str(file)[:300],
            expected=wanted,
            found=version[:20],
            next_step=AGAIN,
        )
    what = "undoes a run", "restores a backup"
    verb = "restore" if level == 2 else "rollback"
    return RollbackError(
        f"That is a plan of Level {level}, which {what[level - 1]}",
        where=str(file)[:300],
        expected=f"a plan of Level {3 - level}, which {what[2 - level]}",
        found=f"the version {version[:20]}",
        next_step=f"From Python, apply it with recon.apply_{verb}, and revert it with recon.revert_{verb}",
    )
