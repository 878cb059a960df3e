"""What has to hold at the moment of the execution, beside what the steps before it have shown."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from recon.backup.contents import DatabaseContents
from recon.backup.kinds import contents_of
from recon.backup.manifest import MANIFEST, read_manifest
from recon.errors import BackupError, UsageError
from recon.model import Fact, Outcome, Probe
from recon.preflight.assessing import Step, assess
from recon.preflight.environment_names import PRODUCTION
from recon.preflight.people import PeopleOptions, ask_hours, ask_people
from recon.runs.migration.digests import change_words
from recon.runs.migration.gates import Passage, UnansweredError, ask_importer, export_digests
from recon.runs.migration.importer_steps import EXPORTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.model import Check
    from recon.runs.migration.session import Session

UNCHANGED = Probe(
    "exports_unchanged",
    "Exports Unchanged",
    "execution",
    "The exports are those that the dry run read.",
    "What would be imported is not what was reviewed",
    "Begin anew: recon migrate --abandon, then recon migrate",
)
THERE = Probe(
    "backup_there",
    "Backup Still There",
    "execution",
    "The backup that was proven is still there, with the files of its manifest.",
    "There would be nothing to restore",
    "Make it anew: go on with --redo backup",
)
CURRENT = Probe(
    "backup_current",
    "Backup Current",
    "execution",
    "The database still holds what the backup holds.",
    "A restore would lose what was written since",
    "Close the application to its users, and make another backup",
)


def execution_gate(session: Session) -> Passage:
    """Ask whether the import may be executed now."""
    given = session.options
    people = PeopleOptions(given.outputs, session.bundle_of("dry-run"), _judged(session))
    steps = [
        Step("people", "People", lambda: ask_people(people)),
        Step("importer", "Importer", partial(ask_importer, session)),
        Step("execution", "Execution", partial(_ask, session)),
    ]
    return Passage(assess("migration-step", "Execute", steps, session.listener.gates))


def still_executable(session: Session) -> Passage:
    """Ask again what may have become otherwise while a person thought: the hours, and the exports."""
    steps = [Step("execution", "Execution", partial(_timely, session))]
    return Passage(assess("migration-step", "Execute", steps))


def _judged(session: Session) -> dict[str, Outcome]:
    """What the steps before found, for the runbook's checklist."""
    passed = {name for name in ("backup", "review") if (step := session.migration.last(name)) and step.gate == "PASSED"}
    names = {"backup": "backup", "policies": "review"}
    return {name: Outcome.PASS if step in passed else Outcome.WARN for name, step in names.items()}


def _ask(session: Session) -> Iterator[Fact | Check]:
    yield from _timely(session)
    yield from _current(session)


def _timely(session: Session) -> Iterator[Check]:
    yield ask_hours(session.options.outputs, is_production=session.migration.environment == PRODUCTION)
    if session.options.exports is not None:
        yield _unchanged(session)


def _unchanged(session: Session) -> Check:
    step = session.migration.last("dry-run")
    kept = session.path(step) / EXPORTS if step else None
    if kept is None or not kept.is_file():
        return UNCHANGED.not_evaluated("What the dry run read is not known")
    before = json.loads(kept.read_text(encoding="utf-8"))
    now = export_digests(Path(session.options.exports or ""))
    changed = sorted(name for name in {**before, **now} if before.get(name) != now.get(name))
    if changed:
        return UNCHANGED.failed(f"Not as the dry run read them: {', '.join(changed)}")
    return UNCHANGED.passed(f"{len(now)} files, the same digests as at the dry run")


def _current(session: Session) -> Iterator[Fact | Check]:
    step = session.migration.last("backup")
    if step is None or step.kept is None or step.gate != "PASSED":
        yield Fact("Backup", "none that was proven: its gate was passed with a reason")
        return
    path = Path(step.kept)
    if session.options.backup is not None and path.exists() and not (path / MANIFEST).exists():
        yield THERE.passed(str(path))
        yield Fact("Backup", "not compared with the database: it was not made by recon")
        return
    try:
        manifest = read_manifest(path)
    except BackupError as error:
        yield THERE.failed(f"The backup that was proven cannot be read any more: {error.message}")
        return
    lost = [name for name, content in manifest.files.items() if _size(path / name) != content.bytes]
    if lost:
        yield THERE.failed(f"The backup that was proven is no longer whole: {path}: {', '.join(lost)}")
        return
    yield THERE.passed(str(path))
    now = contents_of(session.url)
    words = change_words(DatabaseContents(dict(manifest.tables)), DatabaseContents(now.tables))
    if words:
        yield CURRENT.warned(f"Since the backup the database has changed: {words}")
    else:
        yield CURRENT.passed(f"nothing has changed since {manifest.snapshot_at:%Y-%m-%d %H:%M:%S} UTC")


def _size(file: Path) -> int | None:
    """The length of a file; None: it cannot be read."""
    try:
        return file.stat().st_size
    except OSError:
        return None


def confirm_execution(session: Session) -> None:
    """Have a person say that the import is to be executed: by typing the database's name.

    Raises:
        UnansweredError: Nobody is there to ask, or the answer is no.
        UsageError: Another name was typed, or stated.
    """
    migration = session.migration
    name, stated = migration.name, session.statements.execute
    if stated is None and not session.dialogue.can_ask:
        raise UnansweredError(_question(session), session.going_on("--execute", name))
    if stated is None and migration.environment != PRODUCTION:
        if session.dialogue.confirm(f"Execute the import into {migration.database} ({migration.environment})?"):
            return
        raise UnansweredError(_question(session), session.going_on())
    typed = session.dialogue.typed(_question(session)).strip() if stated is None else stated
    if typed != name:
        raise UsageError(
            "This is not the name of the database, so nothing is executed",
            where="--execute" if stated is not None else None,
            expected=name,
            found=repr(typed)[:100],
            next_step=session.going_on(),
        )


def _question(session: Session) -> str:
    migration = session.migration
    return f"Execute the import into {migration.database} ({migration.environment})? Type {migration.name} to go on"
