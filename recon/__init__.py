"""recon verifies a data migration: bundle and database in, verdict out.

The names below are loaded on first use, so that importing recon is cheap.
"""

from __future__ import annotations

# Nothing is imported here, so that hardly an interrupt can arrive before the command line expects one.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from recon.answers.answers import Answers
    from recon.answers.entity_answer import EntityAnswer
    from recon.answers.opening import open_run
    from recon.answers.verifying import verify
    from recon.comparison import Comparison, Field, compare
    from recon.demo import FAULTS, DemoPaths, write_demo, write_demo_to
    from recon.errors import ReconError
    from recon.model import Assessment, Check, Outcome, Verdict, Verification
    from recon.model.changes import RunComparison
    from recon.preflight.backups import (
        BackupOptions,
        CreatedBackup,
        check_backup,
        create_backup,
        newest_backup,
        record_backup,
        test_backup,
    )
    from recon.preflight.coverage import Coverage, check_profile
    from recon.preflight.parts import PreflightOptions, run_preflight
    from recon.profile.draft import draft_profile
    from recon.report import FORMATS, write_report
    from recon.report.reading import load_verification
    from recon.rollback.applying import AppliedPlan
    from recon.rollback.options import ApplyOptions, RollbackOptions
    from recon.rollback.plan import RollbackPlan
    from recon.rollback.restore.applying import AppliedRestore
    from recon.rollback.restore.options import RehearsalOptions, RestoreOptions
    from recon.rollback.restore.plan import RestorePlan
    from recon.rules import Rule
    from recon.rules.testing.trials import load_checks, rehearse
    from recon.runs.comparing.comparing import diff_last_runs, diff_runs
    from recon.runs.comparing.listing import KeptRun, list_runs
    from recon.runs.evidence.signing import SignedFolder, SignOptions, sign_evidence
    from recon.runs.evidence.verifying import EvidenceOptions, verify_evidence
    from recon.runs.migration.flow import MigrationResult
    from recon.runs.migration.opening import abandon_migration, migrate, resume_migration
    from recon.runs.migration.options import MigrateOptions, Statements
    from recon.runs.restore import (
        PlannedRestore,
        PlayedRehearsal,
        apply_restore,
        plan_restore,
        rehearse_rollback,
        revert_restore,
    )
    from recon.runs.rollback import PlannedRollback, apply_rollback, plan_rollback, revert_rollback
    from recon.runs.run import Run, RunOptions, run
    from recon.runs.site import build_site
    from recon.verification.options import VerifyOptions

__all__ = [
    "FAULTS",
    "FORMATS",
    "Answers",
    "AppliedPlan",
    "AppliedRestore",
    "ApplyOptions",
    "Assessment",
    "BackupOptions",
    "Check",
    "Comparison",
    "Coverage",
    "CreatedBackup",
    "DemoPaths",
    "EntityAnswer",
    "EvidenceOptions",
    "Field",
    "KeptRun",
    "MigrateOptions",
    "MigrationResult",
    "Outcome",
    "PlannedRestore",
    "PlannedRollback",
    "PlayedRehearsal",
    "PreflightOptions",
    "ReconError",
    "RehearsalOptions",
    "RestoreOptions",
    "RestorePlan",
    "RollbackOptions",
    "RollbackPlan",
    "Rule",
    "Run",
    "RunComparison",
    "RunOptions",
    "SignOptions",
    "SignedFolder",
    "Statements",
    "Verdict",
    "Verification",
    "VerifyOptions",
    "abandon_migration",
    "apply_restore",
    "apply_rollback",
    "build_site",
    "check_backup",
    "check_profile",
    "compare",
    "create_backup",
    "diff_last_runs",
    "diff_runs",
    "draft_profile",
    "list_runs",
    "load_checks",
    "load_verification",
    "migrate",
    "newest_backup",
    "open_run",
    "plan_restore",
    "plan_rollback",
    "record_backup",
    "rehearse",
    "rehearse_rollback",
    "resume_migration",
    "revert_restore",
    "revert_rollback",
    "run",
    "run_preflight",
    "sign_evidence",
    "test_backup",
    "verify",
    "verify_evidence",
    "write_demo",
    "write_demo_to",
    "write_report",
]

_HOMES = {
    "AppliedRestore": "recon.rollback.restore.applying",
    "RehearsalOptions": "recon.rollback.restore.options",
    "RestoreOptions": "recon.rollback.restore.options",
    "RestorePlan": "recon.rollback.restore.plan",
    "PlannedRestore": "recon.runs.restore",
    "PlayedRehearsal": "recon.runs.restore",
    "apply_restore": "recon.runs.restore",
    "plan_restore": "recon.runs.restore",
    "rehearse_rollback": "recon.runs.restore",
    "revert_restore": "recon.runs.restore",
    "MigrateOptions": "recon.runs.migration.options",
    "Statements": "recon.runs.migration.options",
    "MigrationResult": "recon.runs.migration.flow",
    "migrate": "recon.runs.migration.opening",
    "resume_migration": "recon.runs.migration.opening",
    "abandon_migration": "recon.runs.migration.opening",
    "FAULTS": "recon.demo",
    "FORMATS": "recon.report",
    "Assessment": "recon.model",
    "Check": "recon.model",
    "Comparison": "recon.comparison",
    "Coverage": "recon.preflight.coverage",
    "DemoPaths": "recon.demo",
    "Field": "recon.comparison",
    "Outcome": "recon.model",
    "ReconError": "recon.errors",
    "Rule": "recon.rules",
    "Run": "recon.runs.run",
    "RunOptions": "recon.runs.run",
    "Verdict": "recon.model",
    "Verification": "recon.model",
    "VerifyOptions": "recon.verification.options",
    "RunComparison": "recon.model.changes",
    "KeptRun": "recon.runs.comparing.listing",
    "list_runs": "recon.runs.comparing.listing",
    "diff_runs": "recon.runs.comparing.comparing",
    "diff_last_runs": "recon.runs.comparing.comparing",
    "build_site": "recon.runs.site",
    "load_checks": "recon.rules.testing.trials",
    "load_verification": "recon.report.reading",
    "rehearse": "recon.rules.testing.trials",
    "run": "recon.runs.run",
    "check_profile": "recon.preflight.coverage",
    "PreflightOptions": "recon.preflight.parts",
    "run_preflight": "recon.preflight.parts",
    "compare": "recon.comparison",
    "draft_profile": "recon.profile.draft",
    "verify": "recon.answers.verifying",
    "write_demo": "recon.demo",
    "write_demo_to": "recon.demo",
    "BackupOptions": "recon.preflight.backups",
    "CreatedBackup": "recon.preflight.backups",
    "check_backup": "recon.preflight.backups",
    "create_backup": "recon.preflight.backups",
    "newest_backup": "recon.preflight.backups",
    "record_backup": "recon.preflight.backups",
    "test_backup": "recon.preflight.backups",
    "write_report": "recon.report",
    "Answers": "recon.answers.answers",
    "EntityAnswer": "recon.answers.entity_answer",
    "open_run": "recon.answers.opening",
    "AppliedPlan": "recon.rollback.applying",
    "ApplyOptions": "recon.rollback.options",
    "RollbackOptions": "recon.rollback.options",
    "RollbackPlan": "recon.rollback.plan",
    "EvidenceOptions": "recon.runs.evidence.verifying",
    "verify_evidence": "recon.runs.evidence.verifying",
    "SignOptions": "recon.runs.evidence.signing",
    "SignedFolder": "recon.runs.evidence.signing",
    "sign_evidence": "recon.runs.evidence.signing",
    "PlannedRollback": "recon.runs.rollback",
    "apply_rollback": "recon.runs.rollback",
    "plan_rollback": "recon.runs.rollback",
    "revert_rollback": "recon.runs.rollback",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module  # noqa: PLC0415 - see above

    from recon.background import held_interrupts  # noqa: PLC0415 - as above

    if name != "display" and name not in _HOMES:
        raise AttributeError(f"module 'recon' has no attribute {name!r}")
    # Interrupted while it is loaded, a native library may end the process.
    with held_interrupts():
        module = import_module(_HOMES.get(name, "recon.notebook"))
    return module if name == "display" else getattr(module, name)


def __dir__() -> list[str]:
    return sorted(__all__)
