"""Restores as folders beside those of the runs: the plan, what was done, what was there before; and rehearsals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recon.report.rollback.restore import render_restore
from recon.rollback.approval import statement_of
from recon.rollback.figures import write_figures
from recon.rollback.files import DIGEST, MARKDOWN, write_plan, write_private
from recon.rollback.restore.applying import apply_restore_plan, revert_restore_plan
from recon.rollback.restore.files import NEWER
from recon.rollback.restore.planning import make_restore_plan
from recon.rollback.restore.rehearsing import play_rehearsal
from recon.runs.assessments import keep_assessment
from recon.runs.evidence.manifest import FolderInputs
from recon.runs.evidence.record import seal_folder
from recon.runs.folder import folder_name, new_run_folder, publish
from recon.runs.rollback import Unreported, facts_of, keep_applied

if TYPE_CHECKING:
    from recon.model import Assessment
    from recon.preflight.assessing import AssessmentListener
    from recon.rollback.exactness import RollbackListener
    from recon.rollback.options import ApplyOptions
    from recon.rollback.restore.applying import AppliedRestore
    from recon.rollback.restore.options import RehearsalOptions, RestoreOptions
    from recon.rollback.restore.plan import RestorePlan

RESTORE = "restore"


@dataclass(frozen=True)
class PlannedRestore:
    """A plan that was written.

    Attributes:
        sha256: The plan's digest, which an approval signs.
        folder: Its folder: plan.md for people, plan.json to apply, newer.sql.
    """

    plan: RestorePlan
    sha256: str
    folder: Path


@dataclass(frozen=True)
class PlayedRehearsal:
    """A rehearsal that was kept: what was found, and its folder beside the runs."""

    assessment: Assessment
    folder: Path


def plan_restore(options: RestoreOptions) -> PlannedRestore:
    """Plan to put a backup in the place of what a database holds (Level 2); the database is only read.

    Args:
        options: Which backup, and of which database.

    Returns:
        The plan, in a folder of its own in the folder of runs.

    Raises:
        ReconError: It cannot be restored, with the reason.
    """
    plan = make_restore_plan(options)
    with new_run_folder(Path(options.outputs)) as working:
        digest = write_plan(working.path, plan)
        write_private(working.path / DIGEST, statement_of(digest))
        newer = "".join(f"{statement}\n\n" for statement in plan.survey.newer_sql)
        write_private(working.path / NEWER, newer.encode(errors="backslashreplace"))
        # The present state comes into it, which holds personal data.
        folder = publish(working, folder_name(plan.made_at, f"restore-{plan.name}"), is_private=True).path
        write_private(folder / MARKDOWN, render_restore(plan, digest, str(folder)).encode())
    seal_folder(folder, facts_of(f"{RESTORE}-plan", "PLANNED", None, options.by, FolderInputs()))
    return PlannedRestore(plan, digest, folder)


def apply_restore(
    options: ApplyOptions, progress: RollbackListener | None = None, listener: AssessmentListener | None = None
) -> AppliedRestore:
    """Put a backup in the place of what a database holds, as its plan says, and verify that against the manifest.

    Args:
        options: Which plan, and the database's name as a person gives it.
        progress: Receives each step; None: nobody does.
        listener: Receives the verification as it goes on; None: nobody does.

    Raises:
        ReconError: It was not applied, with the reason, and with what is known about the database.
    """
    applied = apply_restore_plan(options, progress or Unreported(), listener)
    keep_applied(applied, RESTORE, None)
    return applied


def revert_restore(
    options: ApplyOptions, progress: RollbackListener | None = None, listener: AssessmentListener | None = None
) -> AppliedRestore:
    """Bring back what was there before a restore, under the same guards; arguments and errors as of `apply_restore`."""
    applied = revert_restore_plan(options, progress or Unreported(), listener)
    keep_applied(applied, RESTORE, None)
    return applied


def rehearse_rollback(options: RehearsalOptions, listener: AssessmentListener | None = None) -> PlayedRehearsal:
    """Play both levels of rollback on a scratch database, which is dropped, and keep how long they took.

    Args:
        options: Which backup, and which run.
        listener: Receives what is found as it is found; None: nobody does.

    Returns:
        What was found; plans that are made after it name its figures, with their age.

    Raises:
        ReconError: No database is named, its kind is not restored, or the folder cannot be written.
    """
    played = play_rehearsal(options, listener)
    folder = keep_assessment(Path(options.outputs), played.assessment)
    if played.figures:
        write_figures(folder, played.figures)
    return PlayedRehearsal(played.assessment, folder)
