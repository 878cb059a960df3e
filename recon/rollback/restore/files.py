"""The plan of a restore as a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recon.rollback.files import read_sealed, version_of
from recon.rollback.restore.plan import VERSION, RestorePlan

if TYPE_CHECKING:
    from pathlib import Path

NEWER = "newer.sql"
"""The statements of the schema that the backup does not have, for putting back by hand what is still wanted."""
BEFORE, REVERTED, DAMAGED = "before", "before-revert", "before-damaged"
"""What the database held before the plan was applied, and before it was reverted: folders of backups."""


@dataclass(frozen=True)
class StoredRestore:
    """A plan that was read back, with the folder that it is in."""

    plan: RestorePlan
    sha256: str
    folder: Path


def is_restore(path: Path | str) -> bool:
    """Whether a plan is one of a restore, as far as it can be read."""
    return version_of(path) == VERSION


def read_restore(path: Path | str) -> StoredRestore:
    """Read a plan: its folder, or the file in it; raises as `read_plan`."""
    return StoredRestore(*read_sealed(path, RestorePlan, VERSION))
