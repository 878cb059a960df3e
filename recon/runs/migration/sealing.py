"""The evidence of a migration that has ended: its folder's manifest, and its line in the record of runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from recon.preflight.decisions import account_name
from recon.profile import BUILT_IN
from recon.runs.evidence.inputs import named_inputs
from recon.runs.evidence.manifest import FolderFacts
from recon.runs.evidence.record import seal_folder

if TYPE_CHECKING:
    from recon.model.migration import Migration
    from recon.runs.migrations import MigrationFolder

KIND = "migration"


def seal_migration(folder: MigrationFolder, migration: Migration, by: str) -> None:
    """Write the manifest of the folder of a migration that has ended, and record it.

    Raises:
        EvidenceError: The record of runs is not as it was written.
        OutputError: The manifest or the line cannot be written.
    """
    execute = migration.last("execute")
    settings = migration.settings
    inputs = named_inputs(
        execute.bundle if execute else None,
        [Path(each) for each in settings.get("expectations", ())],
        (
            settings.get("profile") or BUILT_IN,
            settings.get("config"),
            settings.get("policies"),
            settings.get("accept"),
            settings.get("advice"),
        ),
    )
    names = dict.fromkeys(name for name in (account_name(), by) if name)
    outcome = migration.verdict or migration.outcome.upper()
    seal_folder(folder.path, FolderFacts(KIND, outcome, execute.run_id if execute else None, tuple(names), inputs))
