"""What to undo, and where: the options of planning, applying and reverting."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path


@dataclass(frozen=True)
class RollbackOptions:
    """Which run to undo.

    Attributes:
        bundle: The run's bundle, or the folder of a run of recon that verified it; None: there is none, and `run_id`
            names the run.
        run_id: The run's id, as the database recorded it; with a bundle: the id that it must have.
        database: The name of an environment variable, a file, or a URL without password; None: DATABASE_URL.
        started_at: When the importer was started, with its offset; only without a bundle.
        include: Tables whose rows go together with the rows that they refer to.
        backup: A backup of the database from before the run, whose values the rows that the run updated get back: a
            folder of recon's own, a dump (restored into a scratch database on the target's server, and dropped), a
            SQLite file, or as `database` a restored one; None: the old values of the audit table, where it has them.
        exports: The folder of exports that replace the bundle's records; None: those in the bundle.
        profile: The TOML file that maps tables and columns of the application; None: the built-in profile.
        outputs: The folder of runs, in which the plan gets a folder of its own.
        by: Who makes the plan; None: the account.
        timeout_s: Seconds to wait for the database to open; None: 5 for its answer, 30 in all.
        environment: Environment variables by name.
    """

    bundle: Path | str | None = None
    run_id: str | None = None
    database: str | None = field(default=None, repr=False)
    started_at: datetime | None = None
    include: Sequence[str] = ()
    backup: Path | str | None = None
    exports: Path | str | None = None
    profile: Path | str | None = None
    outputs: Path | str = "outputs"
    by: str | None = None
    timeout_s: float | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)


@dataclass(frozen=True)
class ApplyOptions:
    """Which plan to apply or to revert.

    Attributes:
        plan: The plan's folder, or its plan.json.
        run_id: The run's id, as the person who applies the plan gives it; of a restore, the database's name.
        database: As of RollbackOptions.
        approval: The signature of another person over the plan's digest; None: approval.sig beside the plan, if it is
            there.
        approvers: The file of those who may approve, as ssh-keygen reads it; required on production.
        max_delete: The greatest number of rows that the plan may delete or put back.
        by: Who applies it; None: the account.
        profile: The profile whose environments say what production is; None: the built-in one.
        timeout_s: As of RollbackOptions.
        pg_bin: Of a restore: the folder of PostgreSQL's programs; None: the PATH and the usual folders.
        without_present_state: Of a restore: go on although what is there now is damaged and cannot be backed up; it
            cannot be brought back then.
        end_sessions: Of a swap of databases: end the sessions of others when the names change.
        scratch_database: Of a restore: as `database`, the server on which the backup is tried out; None: the same.
        environment: Environment variables by name.
    """

    plan: Path | str
    run_id: str
    database: str | None = field(default=None, repr=False)
    approval: Path | str | None = None
    approvers: Path | str | None = None
    max_delete: int = 100_000
    by: str | None = None
    profile: Path | str | None = None
    timeout_s: float | None = None
    pg_bin: Path | str | None = None
    scratch_database: str | None = field(default=None, repr=False)
    without_present_state: bool = False
    end_sessions: bool = False
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
