"""What a guided migration is asked to do, and what a person says while it goes on."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from recon.errors import UsageError
from recon.runs.folder import CHOICES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recon.model.migration import Migration, MigrationStep
    from recon.preflight.assessing import AssessmentListener
    from recon.runs.run import Run
    from recon.verification.progress import Listener

CAN_BE_PASSED = ("source", "review", "backup")
"""The steps whose gate a person may pass although it does not hold, with a reason."""
CAN_BE_REDONE = ("environment", "source", "people", "dry-run", "review", "backup")
CAN_CHANGE = (
    *("backup", "backups", "proof", "scratch_database", "pg_bin", "max_age_h", "timeout_s"),
    *("wa_key_file", "wa_account", "wa_api_url", "wa_oauth_url", "wa_timeout_s", "parts"),
)
"""The options that an open migration may get anew: they do not say what is migrated, or how it is judged."""
PROOFS = ("test", "check")
AGAIN, ENDED = "again", "ended"
FATES = (AGAIN, ENDED)


@dataclass(frozen=True)
class MigrateOptions:
    """What is to be migrated, and what its gates ask; paths count from the working folder.

    Attributes:
        command: The importer's program and arguments, with placeholders; empty: that of the profile.
        database: The name of an environment variable, a file, or a URL without password; None: DATABASE_URL.
        profile, expectations, policies, accept, advice, timeout_s: As of `VerifyOptions`.
        expected: The environment that is meant, e.g. "staging"; None: any.
        exports: The folder of the exports that the importer reads; None: it asks the source's API.
        config: The migration-config.json of the migration, or its folder; None: not compared.
        backup: A backup that exists; None: one is made in `backups`.
        backups: The folder of backups.
        proof: How a backup is proven: "test" restores it into a scratch database, "check" only reads it to its end.
        scratch_database: The server to restore on; None: that of `database`.
        pg_bin: The folder of PostgreSQL's programs; None: the PATH and the usual folders.
        max_age_h: How many hours old backup and dry run may be.
        wa_key_file, wa_account, wa_api_url, wa_oauth_url, wa_timeout_s: As of `PreflightOptions`.
        outputs: The folder of runs, in which the migration's folder and the decisions are.
        parts: Which of the parts of a run to make of the verification.
        environment: Environment variables by name; the importer gets them.
    """

    command: Sequence[str] = field(default=(), repr=False)
    database: str | None = field(default=None, repr=False)
    profile: Path | str | None = None
    expectations: Sequence[Path | str] = ()
    policies: Path | str | None = None
    accept: Path | str | None = None
    advice: Path | str | None = None
    timeout_s: float | None = None
    expected: str | None = None
    exports: Path | str | None = None
    config: Path | str | None = None
    backup: Path | str | None = None
    backups: Path | str = "backups"
    proof: str = "test"
    scratch_database: str | None = field(default=None, repr=False)
    pg_bin: Path | str | None = None
    max_age_h: float = 24.0
    wa_key_file: Path | str | None = None
    wa_account: str | None = None
    wa_api_url: str | None = field(default=None, repr=False)
    wa_oauth_url: str | None = field(default=None, repr=False)
    wa_timeout_s: float = 120.0
    outputs: Path | str = "outputs"
    parts: Sequence[str] = CHOICES
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def __post_init__(self) -> None:
        if self.proof not in PROOFS:
            raise UsageError("A backup is not proven so", expected=" or ".join(PROOFS), found=repr(self.proof)[:100])
        for part in self.parts:
            if part not in CHOICES:
                raise UsageError("A run has no such part", expected=", ".join(CHOICES), found=repr(part)[:100])

    @property
    def settings(self) -> dict[str, Any]:
        """What differs from the defaults, as JSON values; the command and the environment are not in it."""
        found: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name in NOT_KEPT or value == each.default or (each.name == "parts" and value == CHOICES):
                continue
            if isinstance(value, str | int | float | Path):
                found[each.name] = str(value) if isinstance(value, Path) else value
            elif value:
                found[each.name] = [str(one) for one in value]
        return found


NOT_KEPT = ("command", "environment")


@dataclass(frozen=True)
class Statements:
    """What a person has stated beforehand, in the place of being asked.

    Attributes:
        by: Who goes on with the migration; None: the account.
        execute: The name of the database to import into, as it would be typed.
        despite: Why the gate of a step, by its name, is passed although it does not hold.
        importer: What to do with an importer of which nobody knows whether it finished, or that failed: "again" starts
            it once more, "ended" goes on with what it left; None: it is asked.
        redo: A step before the execution that is taken again, and all after it; None: none is.
    """

    by: str | None = None
    execute: str | None = None
    despite: Mapping[str, str] = field(default_factory=dict)
    importer: str | None = None
    redo: str | None = None

    def __post_init__(self) -> None:
        for step, reason in self.despite.items():
            if step not in CAN_BE_PASSED:
                raise UsageError(
                    "The gate of this step is not passed by a reason",
                    where="--despite",
                    expected=", ".join(CAN_BE_PASSED),
                    found=repr(step)[:100],
                )
            if not reason.strip():
                raise UsageError("No reason is given", where=f"--despite {step}", expected="why it is passed")
        if self.redo is not None and self.redo not in CAN_BE_REDONE:
            expected = ", ".join(CAN_BE_REDONE)
            raise UsageError("This step is not taken again", where="--redo", expected=expected, found=self.redo[:100])
        if self.importer not in (None, *FATES):
            raise UsageError(
                "The importer has no such fate", expected=", ".join(FATES), found=repr(self.importer)[:100]
            )


class Dialogue(Protocol):
    """Whom a migration asks."""

    @property
    def can_ask(self) -> bool:
        """Whether there is a terminal; without one nothing is asked, and the migration stops at its first question."""

    def confirm(self, question: str) -> bool:
        """Ask for yes or no."""

    def typed(self, question: str) -> str:
        """Ask for a text."""

    def choose(self, question: str, choices: Mapping[str, str]) -> str:
        """Ask for one of the choices, by its letter; the first is the default."""


class MigrationListener(Protocol):
    """What a migration reports to while it goes on."""

    @property
    def gates(self) -> AssessmentListener:
        """Receives what the gates find."""

    def verification(self, folder: Path) -> Listener:
        """Return what receives the verification, whose run is kept in `folder`."""

    def verified(self, run: Run) -> None:
        """Called with the run that verified the import."""

    def beginning(self, migration: Migration, folder: Path) -> None:
        """Called once, before the first step of this process."""

    def step_starting(self, number: int, total: int, step: MigrationStep) -> None:
        """Called before each attempt at a step; `number` starts at 1."""

    def line(self, text: str) -> None:
        """Called for each line that the importer writes."""

    def note(self, text: str) -> None:
        """Called with what else is to be known, one sentence."""
