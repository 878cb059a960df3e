"""The bundle that a run folder is about: a plan may be asked for by naming either."""

from __future__ import annotations

from pathlib import Path

import msgspec

from recon.bundle.formats import REPORT
from recon.errors import RollbackError

VERIFICATION = "verification.json"


class VerifiedBundle(msgspec.Struct, frozen=True, rename="camel"):
    """What a run folder's verification.json says about the bundle."""

    run_id: str
    bundle_path: str


def bundle_of(path: Path) -> Path:
    """Return the bundle: `path` itself, or the one that the verification in a run folder was of.

    Raises:
        RollbackError: It is a run folder whose bundle cannot be found.
    """
    judged = path / VERIFICATION
    if (path / REPORT).exists() or not judged.is_file():
        return path
    try:
        found = msgspec.json.decode(judged.read_bytes(), type=VerifiedBundle)
    except (OSError, msgspec.DecodeError) as error:
        raise RollbackError(
            "The run folder does not say which bundle it is about",
            where=str(judged)[:300],
            found=str(error)[:200],
            next_step="Name the bundle itself: --bundle FOLDER",
        ) from error
    bundle = Path(found.bundle_path)
    if not bundle.exists():
        raise RollbackError(
            "The bundle of this run folder is not where it was",
            where=str(judged)[:300],
            expected=f"the bundle of {found.run_id}",
            found=f"nothing at {found.bundle_path[:300]}",
            next_step="Go to the folder in which the verification was started, or name the bundle itself",
        )
    return bundle
