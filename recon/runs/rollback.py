"""Rollbacks as folders beside those of the runs: the plan, the reverse SQL, what was done, and how to put it back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from recon.errors import EvidenceError, OutputError
from recon.preflight.decisions import account_name
from recon.profile import BUILT_IN
from recon.report.assessment.output import assessment_text
from recon.report.rollback.markdown import render
from recon.report.text import timestamp
from recon.rollback.applying import apply_plan, revert_plan
from recon.rollback.approval import statement_of
from recon.rollback.files import DIGEST, MARKDOWN, write_plan, write_private
from recon.rollback.planning import make_plan
from recon.runs.assessments import FILES
from recon.runs.evidence.inputs import named_inputs
from recon.runs.evidence.manifest import FolderFacts, FolderInputs
from recon.runs.evidence.record import seal_folder
from recon.runs.folder import FOLDER_NAME, RunFolder, folder_name, new_run_folder, publish
from recon.runs.site import build_site

if TYPE_CHECKING:
    from recon.preflight.assessing import AssessmentListener
    from recon.rollback.applying import AppliedPlan
    from recon.rollback.exactness import RollbackListener
    from recon.rollback.options import ApplyOptions, RollbackOptions
    from recon.rollback.plan import RollbackPlan
    from recon.rollback.restore.applying import AppliedRestore

DONE, ROLLBACK = "done.jsonl", "rollback"


@dataclass(frozen=True)
class PlannedRollback:
    """A plan that was written.

    Attributes:
        sha256: The plan's digest, which an approval signs.
        folder: Its folder: plan.md for people, plan.json for `apply`, plan.sql, reverse.sql with personal data.
    """

    plan: RollbackPlan
    sha256: str
    folder: Path


class Unreported:
    """A progress that nobody follows."""

    def step(self, title: str) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Do nothing."""


def plan_rollback(options: RollbackOptions) -> PlannedRollback:
    """Plan the rollback of a run (Level 1); the database is only read.

    Args:
        options: Which run, and where.

    Returns:
        The plan, in a folder of its own in the folder of runs.

    Raises:
        ReconError: The run cannot be undone, with the reason.
    """
    outputs = Path(options.outputs)
    with new_run_folder(outputs) as working:
        plan = make_plan(options, working.path)
        digest = write_plan(working.path, plan)
        name = folder_name(plan.made_at, f"rollback-{plan.run_id}")
        write_private(working.path / DIGEST, statement_of(digest))
        # It holds personal data.
        folder = publish(working, name, is_private=True).path
        # Only now is the folder's name known, which the commands in it have to name.
        write_private(folder / MARKDOWN, render(plan, digest, str(folder)).encode())
    inputs = named_inputs(_bundle_of(options), (), (options.profile or BUILT_IN,))
    seal_folder(folder, facts_of("rollback-plan", "PLANNED", plan.run_id, options.by, inputs))
    return PlannedRollback(plan, digest, folder)


def apply_rollback(
    options: ApplyOptions, progress: RollbackListener | None = None, listener: AssessmentListener | None = None
) -> AppliedPlan:
    """Do what a plan says, in one transaction, and verify it against the plan.

    Args:
        options: Which plan, and the run id as a person gives it.
        progress: Receives each step; None: nobody does.
        listener: Receives the verification as it goes on; None: nobody does.

    Raises:
        ReconError: It was not applied, with the reason, and with what is known about the database.
    """
    applied = apply_plan(options, progress or Unreported(), listener)
    keep_applied(applied, ROLLBACK, applied.stored.plan.run_id)
    return applied


def revert_rollback(
    options: ApplyOptions, progress: RollbackListener | None = None, listener: AssessmentListener | None = None
) -> AppliedPlan:
    """Put back what a plan deleted, under the same guards; arguments and errors as of `apply_rollback`."""
    applied = revert_plan(options, progress or Unreported(), listener)
    keep_applied(applied, ROLLBACK, applied.stored.plan.run_id)
    return applied


def keep_applied(applied: AppliedPlan | AppliedRestore, kind: str, run_id: str | None) -> None:
    """Write what was done into the plan's folder, and rebuild the site that it is on.

    Args:
        applied: What was done.
        kind: "rollback" or "restore".
        run_id: The run that was undone; None: it is not about one.

    Raises:
        OutputError: It cannot be written; the message says how the rollback ended.
    """
    folder = applied.stored.folder
    line = {
        "at": timestamp(applied.at),
        "by": applied.by,
        "approvedBy": applied.approved_by,
        "outcome": applied.words,
        "foundDone": applied.was_done,
        "rows": applied.stored.plan.rows,
    }
    try:
        with (folder / DONE).open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")
        (folder / DONE).chmod(0o600)
        for format_name, name in FILES.items():
            (folder / name).write_text(assessment_text(applied.assessment, format_name), encoding="utf-8")
            (folder / name).chmod(0o600)
    except OSError as error:
        raise OutputError(
            f"The rollback ended as {applied.words}, but its report cannot be written",
            where=str(folder)[:300],
            found=error.strerror,
            next_step="Make room, and give the same command again: it does nothing twice",
        ) from error
    if FOLDER_NAME.fullmatch(folder.name):
        _record(applied, kind, run_id)
        build_site(folder.parent)


def _record(applied: AppliedPlan | AppliedRestore, kind: str, run_id: str | None) -> None:
    done = f"{kind}-revert" if applied.is_reverted else kind
    facts = facts_of(done, applied.words, run_id, applied.by, FolderInputs())
    try:
        seal_folder(applied.stored.folder, facts, (DONE, *FILES.values()))
    except (EvidenceError, OutputError) as error:
        raise OutputError(
            f"The rollback ended as {applied.words}, but it is not recorded",
            where=str(applied.stored.folder)[:300],
            found=error.message,
            next_step="Give the same command again once that is mended: it does nothing twice",
        ) from error


def facts_of(kind: str, outcome: str, run_id: str | None, by: str | None, inputs: FolderInputs) -> FolderFacts:
    """What was done, and by whom: the account, and the name that was given in its place."""
    names = dict.fromkeys(name for name in (account_name(), by) if name)
    return FolderFacts(kind, outcome, run_id, tuple(names), inputs)


def _bundle_of(options: RollbackOptions) -> Path | None:
    """The bundle that was named, unless the folder of a run is, which says itself what it was reached from."""
    named = Path(options.bundle) if options.bundle else None
    return None if named is None or RunFolder(named).verification.is_file() else named
