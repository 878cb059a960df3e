"""What to do where a migration did not end as it should: the runbook's situations (4.1), commands filled in."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from recon.model import Escalation
from recon.runs.migration.importing import ImporterRun
from recon.runs.migration.verbs import FLAGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.model.migration import Migration, MigrationStep


VERDICT = "verification.json"


class JudgedRun(msgspec.Struct, frozen=True):
    """What of a run's judgement decides about the answer."""

    escalation: Escalation


def advice(folder: Path, migration: Migration) -> tuple[str, ...]:
    """Return what to do now, one line each; empty: nothing, or to go on."""
    verify, execute = migration.last("verify"), migration.last("execute")
    if migration.verdict == "FAILED" and verify is not None and verify.kept is not None:
        return tuple(_after_verdict(migration, verify))
    if execute is not None and execute.gate not in (None, "PASSED") and ImporterRun(folder / execute.folder).host:
        return tuple(_after_failure(migration, execute))
    return ()


def _after_verdict(migration: Migration, verify: MigrationStep) -> Iterator[str]:
    run = verify.kept or ""
    again = f"Re-run after correction (4.1): {_line(migration, 'show', run, '--to-fix', database=False)}"
    undo = f"Level 1, undo exactly this run (4.1): {_line(migration, 'rollback', 'plan', run)}"
    restore = f"Level 2, restore the backup (4.1): {_backup(migration)}"
    # What the runbook answers to this verdict comes first.
    by_level = {0: (again, undo, restore), 1: (undo, again, restore), 2: (restore, undo, again)}
    yield from by_level[_level(Path(run))]


def _level(run: Path) -> int:
    """The level of the rollback that the runbook answers to the verdict of a run; 0: none, or it cannot be read."""
    try:
        return msgspec.json.decode((run / VERDICT).read_bytes(), type=JudgedRun).escalation.rollback
    except (OSError, msgspec.MsgspecError):
        return 0


def _after_failure(migration: Migration, execute: MigrationStep) -> Iterator[str]:
    if execute.bundle:
        yield f"Level 1, undo what it wrote (4.1): {_line(migration, 'rollback', 'plan', execute.bundle)}"
    else:
        run_id = execute.run_id or "RUN_ID"
        words = ("rollback", "plan", "--run-id", run_id, "--started-at", f"{execute.started_at:%Y-%m-%dT%H:%M:%SZ}")
        yield f"Level 1, undo what it wrote (4.1): {_line(migration, *words)}"
    yield f"Level 2, restore the backup (4.1): {_backup(migration)}"


def _backup(migration: Migration) -> str:
    backup = migration.last("backup")
    kept = backup.kept if backup else None
    return _line(migration, "rollback", "restore", kept) if kept else "no backup is known"


def _line(migration: Migration, *words: str, database: bool = True) -> str:
    names = ("database", "profile", "timeout_s", "outputs") if database else ()
    found = ["recon", *words]
    for name in names:
        if name in migration.settings:
            found += [FLAGS[name], str(migration.settings[name])]
    return shlex.join(found)
