"""A guided migration as its folder records it: its steps in the order in which they were tried, and where it stands."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from recon.model.outcomes import Verdict

STEPS = {
    "environment": "Environment",
    "source": "Source",
    "people": "People",
    "dry-run": "Dry Run",
    "review": "Review",
    "backup": "Backup",
    "execute": "Execute",
    "verify": "Verify",
}
"""The steps of a migration in their order, by name, with their titles."""
BY_IMPORTER = ("dry-run", "execute")
"""The steps in which the importer runs."""


class MigrationStep(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One attempt at a step; a step that was tried again has several.

    Attributes:
        name: One of `STEPS`.
        folder: Its folder, relative to the migration's: `assessment.json`, the importer's `output.log`, digests.
        started_at: When it was begun.
        duration_ms: How long it took; None: it has not ended, or nobody knows when it did.
        gate: The gate's verdict; None: it has not been reached.
        message: Where it stands or how it ended, one sentence; personal data is masked.
        commands: What asks the same by itself, or the importer's command; without secrets.
        exit_code: The importer's exit code; negative: the signal that ended it; None: not known, or no importer.
        bundle: The bundle that the importer left, relative to the migration's folder if it is in it.
        run_id: That bundle's run.
        kept: What the step made beside its folder: a backup, or the folder of a run.
        by: Who answered its question.
        despite: Why its gate was passed although it did not hold.
    """

    name: str
    folder: str
    started_at: datetime
    duration_ms: int | None = None
    gate: Verdict | None = None
    message: str = ""
    commands: tuple[str, ...] = ()
    exit_code: int | None = None
    bundle: str | None = None
    run_id: str | None = None
    kept: str | None = None
    by: str | None = None
    despite: str | None = None

    @property
    def title(self) -> str:
        """Its heading."""
        return STEPS.get(self.name, self.name)

    @property
    def has_passed(self) -> bool:
        """Whether the next step may begin."""
        return self.gate == "PASSED" or bool(self.gate and self.despite)


class Migration(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A guided migration.

    Attributes:
        database: The target without user and password.
        target: Digest of what distinguishes the target from others; no two open migrations have the same.
        environment: The environment that the target belongs to, e.g. "production".
        name: The name of the database that is typed before the import.
        by: Who began it.
        settings: What was asked for, by option, as far as it is no secret.
        importer: The importer's command and what belongs to it, without secrets.
        steps: The attempts, in order.
        closed_at: When it ended; None: it is open.
        outcome: How it ended: "verified" with a verdict, or "abandoned"; empty: it is open.
        verdict: The verdict of the verification; None: there is none.
        reason: Why it was abandoned.
    """

    database: str
    target: str
    environment: str
    name: str
    by: str
    started_at: datetime
    settings: dict[str, Any]
    importer: dict[str, Any]
    steps: tuple[MigrationStep, ...] = ()
    closed_at: datetime | None = None
    outcome: str = ""
    verdict: Verdict | None = None
    reason: str = ""
    schema_version: str = "1.0"

    @property
    def is_open(self) -> bool:
        """Whether it has neither been verified nor abandoned."""
        return self.closed_at is None

    def last(self, name: str) -> MigrationStep | None:
        """The newest attempt at a step; None: there is none."""
        return next((step for step in reversed(self.steps) if step.name == name), None)

    @property
    def next_step(self) -> str | None:
        """The first step that has not passed since those before it; None: all have."""
        latest = -1
        for name in STEPS:
            at = next((i for i, step in reversed([*enumerate(self.steps)]) if step.name == name), None)
            if at is None or at < latest or not self.steps[at].has_passed:
                return name
            latest = at
        return None
