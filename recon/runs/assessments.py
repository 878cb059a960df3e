"""Assessments as folders beside those of the runs, so that the site lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.preflight.decisions import account_name
from recon.report.assessment.output import assessment_text
from recon.runs.evidence.manifest import FolderFacts, FolderInputs, write_manifest
from recon.runs.evidence.record import record_folder
from recon.runs.folder import ASSESSMENT, folder_name, new_run_folder, publish
from recon.runs.site import build_site

if TYPE_CHECKING:
    from pathlib import Path

    from recon.model import Assessment

FILES = {"json": ASSESSMENT, "markdown": "assessment.md", "html": "report.html"}
"""The files of an assessment's folder, by their format."""


def keep_assessment(outputs: Path, assessment: Assessment, inputs: FolderInputs | None = None) -> Path:
    """Write an assessment as a folder of its own in the folder of runs, record it, and rebuild the site.

    Args:
        outputs: The folder of runs; it is made if it is not there.
        assessment: What to keep.
        inputs: What it was reached from; None: it is not known.

    Returns:
        The folder, named by time and kind, e.g. 20240115T143000Z-preflight.

    Raises:
        OutputError: It cannot be written.
        EvidenceError: It is written, but the record of runs is not as it was written, so that it cannot follow there.
    """
    who = account_name()
    by = (who,) if who else ()
    facts = FolderFacts(assessment.kind, str(assessment.verdict), by=by, inputs=inputs or FolderInputs())
    with new_run_folder(outputs) as working:
        for format_name, file in FILES.items():
            (working.path / file).write_text(assessment_text(assessment, format_name), encoding="utf-8")
        write_manifest(working.path, facts)
        folder = publish(working, folder_name(assessment.started_at, assessment.kind))
    build_site(outputs)
    record_folder(folder.path)
    return folder.path
