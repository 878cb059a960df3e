"""One process's work on a migration: what is asked for, whom it asks, and the record, which is always on disk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from recon.backup.manifest import MANIFEST
from recon.errors import MigrationError, ReconError
from recon.model.migration import STEPS, MigrationStep
from recon.report.assessment.output import assessment_text
from recon.runs.assessments import FILES
from recon.runs.migration.verbs import going_on
from recon.runs.migrations import write_whole
from recon.runs.site import build_site

if TYPE_CHECKING:
    from recon.database import DatabaseUrl
    from recon.model import Assessment, Verdict
    from recon.model.migration import Migration
    from recon.profile.model import ImporterRecipe
    from recon.runs.migration.options import Dialogue, MigrateOptions, MigrationListener, Statements
    from recon.runs.migrations import MigrationFolder

ATTEMPTS = "steps"
NAMES = tuple(STEPS)


@dataclass
class Session:
    """One process's work on a migration.

    Attributes:
        by: Who goes on with it, as decisions record it.
        url: The target.
        migration: The record as it is on disk.
    """

    folder: MigrationFolder
    options: MigrateOptions
    statements: Statements
    dialogue: Dialogue
    listener: MigrationListener
    by: str
    url: DatabaseUrl
    recipe: ImporterRecipe
    migration: Migration

    def going_on(self, *words: str) -> str:
        """Return the command that goes on with this migration."""
        return going_on(self.folder.path, *words)

    def path(self, step: MigrationStep) -> Path:
        """The folder of an attempt."""
        return self.folder.path / step.folder

    def bundle_of(self, name: str) -> Path:
        """The bundle that the importer left in a step.

        Raises:
            MigrationError: There is none.
        """
        found = self.migration.last(name)
        if found is None or found.bundle is None:
            raise MigrationError("The importer left no bundle", where=str(self.folder.path)[:300], found=name)
        return Path(found.bundle)

    @property
    def baseline(self) -> tuple[str, ...]:
        """The backup that was made before the import, where recon made it and its manifest says what it holds."""
        found = self.migration.last("backup")
        kept = found.kept if found else None
        return (kept,) if kept and (Path(kept) / MANIFEST).is_file() else ()

    def begin(self, name: str, **known: Any) -> MigrationStep:
        """Record a new attempt at a step, with a folder of its own."""
        number = len(self.migration.steps) + 1
        folder = f"{ATTEMPTS}/{number:02}-{name}"
        (self.folder.path / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        step = MigrationStep(name=name, folder=folder, started_at=datetime.now(UTC), **known)
        self._save(replace(self.migration, steps=(*self.migration.steps, step)))
        self.listener.step_starting(NAMES.index(name) + 1, len(NAMES), step)
        return step

    def note(self, step: MigrationStep, **known: Any) -> MigrationStep:
        """Record what is now known of an attempt."""
        changed = replace(step, **known)
        self._save(self._with(changed))
        return changed

    def keep(self, step: MigrationStep, assessment: Assessment) -> None:
        """Write what a gate found into the attempt's folder."""
        for format_name, file in FILES.items():
            write_whole(self.path(step) / file, assessment_text(assessment, format_name).encode())

    def publish(self) -> None:
        """Bring what people look at up to the record."""
        try:
            build_site(Path(self.options.outputs))
        except ReconError as error:
            self.listener.note(f"The site is not up to date: {error.message}")

    def close(self, step: MigrationStep, outcome: str, verdict: Verdict, **known: Any) -> MigrationStep:
        """Record that the migration has ended with an attempt, and what is now known of that."""
        changed = replace(step, **known)
        now = datetime.now(UTC)
        self._save(replace(self._with(changed), closed_at=now, outcome=outcome, verdict=verdict))
        return changed

    def _with(self, changed: MigrationStep) -> Migration:
        steps = (changed if step.folder == changed.folder else step for step in self.migration.steps)
        return replace(self.migration, steps=tuple(steps))

    def _save(self, migration: Migration) -> None:
        self.folder.save(migration)
        self.migration = migration
