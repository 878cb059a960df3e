"""A run that ended without a verdict, as a folder among the others, so that the site lists it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.preflight.decisions import account_name
from recon.report.failure import RENDERERS
from recon.report.text import timestamp
from recon.runs.evidence.manifest import FolderFacts, write_manifest
from recon.runs.evidence.record import record_folder
from recon.runs.folder import PARTS, Manifest, RunPart, folder_name, new_run_folder, publish
from recon.runs.site import build_site

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from recon.report.failure import Failure

NAME = "error"
FORMATS = {"report": "markdown", "junit": "junit", "html": "html"}


def keep_failed_run(outputs: Path, failure: Failure, parts: Collection[str]) -> Path:
    """Write the error as a run, in the formats of its parts that are reports, and rebuild the site if asked for.

    Args:
        outputs: The folder of runs.
        failure: Why there is no verdict.
        parts: The parts of a run that were asked for.

    Returns:
        The run's folder.

    Raises:
        OutputError, OSError: It cannot be written.
        EvidenceError: It is written, but the record of runs is not as it was written, so that it cannot follow there.
    """
    who = account_name()
    made = {part: format_name for part, format_name in FORMATS.items() if part in parts}
    with new_run_folder(outputs) as working:
        working.verification.write_text(RENDERERS["json"](failure), encoding="utf-8")
        for part, format_name in made.items():
            working.part(part).write_text(RENDERERS[format_name](failure), encoding="utf-8")
        working.write_manifest(
            Manifest(NAME, timestamp(failure.occurred_at), {part: RunPart(PARTS[part]) for part in made})
        )
        write_manifest(working.path, FolderFacts(NAME, "ERROR", by=(who,) if who else ()))
        folder = publish(working, folder_name(failure.occurred_at, NAME))
    if "site" in parts:
        build_site(outputs)
    record_folder(folder.path)
    return folder.path
