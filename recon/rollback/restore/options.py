"""Which backup to restore, and what to rehearse."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from recon.backup.contents import Tools
from recon.database import resolve_database
from recon.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recon.database import DatabaseUrl


@dataclass(frozen=True)
class RestoreOptions:
    """Which backup is to take the place of what a database holds.

    Attributes:
        backup: The folder of a backup of recon's own.
        database: The name of an environment variable, a file, or a URL without password; None: DATABASE_URL.
        swap: Restore into a new database, which takes the name of the present one.
        profile: The profile whose environments say what production is; None: the built-in one.
        outputs: The folder of runs, in which the plan gets a folder of its own.
        by: Who makes the plan; None: the account.
        pg_bin: The folder of PostgreSQL's programs; None: the PATH and the usual folders.
        timeout_s: Seconds that a program may take; None: an hour.
        environment: Environment variables by name.
    """

    backup: Path | str
    database: str | None = field(default=None, repr=False)
    swap: bool = False
    profile: Path | str | None = None
    outputs: Path | str = "outputs"
    by: str | None = None
    pg_bin: Path | str | None = None
    timeout_s: float | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)


@dataclass(frozen=True)
class RehearsalOptions:
    """What to rehearse, and on which server.

    Attributes:
        backup: The folder of a backup of recon's own; to play Level 1, one from after the run.
        bundle, run_id: The run that Level 1 undoes, as of RollbackOptions; without either, it is not played.
        database: As of RestoreOptions.
        profile: The TOML file that maps tables and columns of the application; None: the built-in profile.
        scratch_database: As `database`, the server on which the scratch database is made; None: that of `database`.
        outputs: The folder of runs, in which the rehearsal is kept.
        pg_bin, timeout_s, environment: As of RestoreOptions.
    """

    backup: Path | str
    bundle: Path | str | None = None
    run_id: str | None = None
    database: str | None = field(default=None, repr=False)
    scratch_database: str | None = field(default=None, repr=False)
    profile: Path | str | None = None
    outputs: Path | str = "outputs"
    pg_bin: Path | str | None = None
    timeout_s: float | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)


def tools_of(pg_bin: Path | str | None, timeout_s: float | None) -> Tools:
    """With what a backup is read and restored."""
    return Tools(Path(pg_bin) if pg_bin else None, timeout_s)


def scratch_server(url: DatabaseUrl, named: str | None, environment: Mapping[str, str]) -> DatabaseUrl:
    """The server on which a scratch database is made: that of `named`, else that of `url`.

    Raises:
        UsageError: It is of another kind than the backup.
    """
    server = resolve_database(named, environment) if named else url
    if server.kind != url.kind:
        raise UsageError(
            "The scratch database would be of another kind",
            where="--scratch-database",
            expected=url.kind,
            found=server.kind,
            next_step="Name a database on a server of the same kind",
        )
    return server
