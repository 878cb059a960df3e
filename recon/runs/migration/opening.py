"""Begins a migration, finds an open one, and keeps two from working on one target at a time."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from recon.backup.kinds import identity_of
from recon.database import resolve_database
from recon.database.secrets import HIDDEN
from recon.errors import MigrationError, OutputError, ReconError, UsageError
from recon.model.migration import BY_IMPORTER, Migration
from recon.preflight.decisions import decider
from recon.preflight.environment import named_check
from recon.profile import load_profile
from recon.profile.model import ImporterRecipe
from recon.runs.folder import folder_name, new_run_folder, publish
from recon.runs.migration.command import recipe_of, require_given
from recon.runs.migration.flow import Flow, MigrationResult
from recon.runs.migration.importing import IS_RUNNING, ImporterRun
from recon.runs.migration.options import CAN_CHANGE, MigrateOptions, Statements
from recon.runs.migration.redacting import has_secret, redacted, remember_variables, shown
from recon.runs.migration.sealing import seal_migration
from recon.runs.migration.session import Session
from recon.runs.migration.verbs import FLAGS, going_on
from recon.runs.migrations import MigrationFolder, migration_folders, target_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from recon.database import DatabaseUrl
    from recon.runs.migration.options import Dialogue, MigrationListener

WORKING = ".lock"
SECRET_VARIABLES = ("WA_API_KEY", "PGPASSWORD", "MYSQL_PWD")
SETTINGS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("timeout_s", "max_age_h", "wa_timeout_s"), (int, float)),
    **dict.fromkeys(("expectations", "parts"), list),
}
"""The kinds of settings in a record that are no texts."""
REGISTRY = ("recon", "migrations")


def migrate(
    options: MigrateOptions, statements: Statements, dialogue: Dialogue, listener: MigrationListener
) -> MigrationResult:
    """Begin a migration, and go on with it until it ends, a gate does not hold, or nobody answers a question.

    Args:
        options: What is migrated.
        statements: What a person has stated beforehand.
        dialogue: Whom to ask.
        listener: Receives what happens as it happens.

    Raises:
        ReconError: It cannot begin, or a step cannot be taken at all.
    """
    profile = load_profile(options.profile)
    recipe = recipe_of(options.command, profile.importer, options.profile)
    require_given(recipe, options)
    url = resolve_database(options.database, options.environment)
    _require_recordable(options)
    remember_variables((*recipe.environment, *SECRET_VARIABLES), options.environment)
    target = _digest_of(url)
    by, _ = decider(statements.by)
    migration = Migration(
        database=url.label,
        target=target,
        environment=str(named_check(url, profile).actual),
        name=url.name or Path(url.label).stem,
        by=by,
        started_at=datetime.now(UTC),
        settings=options.settings | {"directory": str(Path.cwd())},
        importer=msgspec.to_builtins(_recorded(recipe)),
    )
    folder = _begun(Path(options.outputs), migration)
    with _working_on(folder):
        session = Session(folder, options, statements, dialogue, listener, by, url, recipe, migration)
        return _go(session)


def resume_migration(
    path: Path,
    statements: Statements,
    dialogue: Dialogue,
    listener: MigrationListener,
    given: Mapping[str, Any] | None = None,
) -> MigrationResult:
    """Go on with a migration from where its record says that it stands.

    Args:
        path: Its folder.
        statements: What a person has stated beforehand.
        dialogue: Whom to ask.
        listener: Receives what happens as it happens.
        given: Options of `MigrateOptions` that are given again, by name: the importer's command where it holds a
            secret, which is written nowhere; others than `CAN_CHANGE` as they were.

    Raises:
        ReconError: It is closed, another process works on it, the target is another now, an option is another that
            may not be, or a step cannot be taken.
    """
    environment = os.environ
    folder = MigrationFolder(path)
    with _working_on(folder):
        migration = folder.load()
        if not migration.is_open:
            raise MigrationError(
                "The migration has ended",
                where=str(path)[:300],
                found=f"{migration.outcome} {migration.verdict or ''}".strip(),
                next_step="Begin another: recon migrate",
            )
        migration = _changed(migration, given or {})
        options = _options_of(folder, migration, (given or {}).get("command", ()))
        _require_recordable(options)
        url = resolve_database(options.database, environment)
        if _digest_of(url) != migration.target:
            raise MigrationError(
                "The target is not the one that this migration was begun with",
                where=str(path)[:300],
                expected=migration.database,
                found=url.label,
                next_step="Let --database or its variable name the same database as then",
            )
        by, _ = decider(statements.by)
        recipe = _recipe_again(folder, migration, options)
        remember_variables((*recipe.environment, *SECRET_VARIABLES), environment)
        session = Session(folder, options, statements, dialogue, listener, by, url, recipe, migration)
        return _go(session)


def abandon_migration(path: Path, reason: str = "", by: str | None = None) -> Migration:
    """Close an open migration without finishing it; what it did stays as it is.

    Raises:
        MigrationError: It has ended, its importer is running, or another process works on it.
        EvidenceError, OutputError: It is closed, and not recorded.
    """
    folder = MigrationFolder(path)
    with _working_on(folder):
        migration = folder.load()
        if not migration.is_open:
            raise MigrationError("The migration has ended", where=str(path)[:300], found=migration.outcome)
        run = newest_importer(folder, migration)
        if run and (run.settled() == IS_RUNNING or run.group is not None):
            raise MigrationError(
                "The importer is running",
                where=str(path)[:300],
                next_step=f"Wait for it, or end it by Ctrl-C: {going_on(path)}",
            )
        who = decider(by)[0]
        words = " ".join(reason.split())[:500]
        closed = replace(
            migration,
            closed_at=datetime.now(UTC),
            outcome="abandoned",
            reason=f"{words}, {who}" if words else who,
        )
        folder.save(closed)
        seal_migration(folder, closed, who)
    return closed


def open_migrations(outputs: Path) -> list[MigrationFolder]:
    """The open migrations in a folder of runs, the newest first; those whose record cannot be read are not in it."""
    return [folder for folder, migration in _readable(outputs) if migration.is_open]


def newest_importer(folder: MigrationFolder, migration: Migration) -> ImporterRun | None:
    """The importer's run of the newest attempt; None: that attempt is at a step without one."""
    last = migration.steps[-1] if migration.steps else None
    return ImporterRun(folder.path / last.folder) if last and last.name in BY_IMPORTER else None


def in_its_directory(path: Path) -> Path:
    """Go to the folder in which a migration was begun, from which its paths count; returns the migration's.

    Raises:
        MigrationError: The working folder is no more.
    """
    folder, start = path.absolute(), Path.cwd()
    directory = MigrationFolder(folder).load().settings.get("directory")
    if directory is not None:
        try:
            os.chdir(directory)
        except OSError as error:
            raise MigrationError(
                "The folder in which the migration was begun cannot be entered",
                where=str(directory)[:300],
                found=error.strerror,
                next_step="Its paths count from there: put it back, or begin anew",
            ) from error
    # From elsewhere, a path is printed that holds there, too.
    return folder.relative_to(start) if Path.cwd() == start and folder.is_relative_to(start) else folder


def the_open_migration(outputs: Path) -> Path:
    """The only open migration in a folder of runs.

    Raises:
        UsageError: There is none, or there are several.
    """
    found = open_migrations(outputs)
    if len(found) == 1:
        return found[0].path
    unreadable = [folder.path.name for folder in migration_folders(outputs) if not _can_be_read(folder)]
    raise UsageError(
        "No migration is open" if not found else "Several migrations are open",
        where=str(outputs)[:300],
        expected="the folder of one",
        found=", ".join(folder.path.name for folder in found[:5]) or f"none{_whose_record(unreadable[:5])}",
        next_step=f"Name one: {going_on(found[0].path)}"
        if found
        else "Put that record back, or move its folder away"
        if unreadable
        else "Begin one with recon migrate",
    )


def _whose_record(unreadable: Sequence[str]) -> str:
    return f", and a record that cannot be read: {', '.join(unreadable)}" if unreadable else ""


def _can_be_read(folder: MigrationFolder) -> bool:
    try:
        folder.load()
    except ReconError:
        return False
    return True


def _go(session: Session) -> MigrationResult:
    session.listener.beginning(session.migration, session.folder.path)
    try:
        return Flow(session).go()
    except ReconError as error:
        going_on_again = session.going_on()
        if going_on_again not in error.message:
            session.listener.note(f"To go on: {going_on_again}")
        raise
    finally:
        # What people look at follows the record, also where this process ends by an error.
        session.publish()


def _begun(outputs: Path, migration: Migration) -> MigrationFolder:
    """Make the folder of a new migration, unless one of the same target is open."""
    with _alone(outputs), _registered(migration.target) as known:
        candidates = [folder for folder, _ in _readable(outputs)]
        for folder in candidates:
            _refuse_second(folder, migration)
        for folder in known.folders():
            _require_readable(folder)
            _refuse_second(folder, migration)
        with new_run_folder(outputs) as working:
            MigrationFolder(working.path).save(migration)
            name = folder_name(migration.started_at, f"migration-{migration.name}")
            made = publish(working, name, is_private=True)
        known.write(str(made.path.resolve()))
    return MigrationFolder(made.path)


def _refuse_second(folder: MigrationFolder, migration: Migration) -> None:
    try:
        other = folder.load()
    except ReconError:
        return
    if other.is_open and other.target == migration.target:
        raise MigrationError(
            "A migration of this database is open",
            where=str(folder.path)[:300],
            expected="one at a time",
            found=f"begun by {other.by} at {other.started_at:%Y-%m-%d %H:%M} UTC, at step {other.next_step}",
            next_step=f"Go on with it: {going_on(folder.path)}; or close it: {going_on(folder.path, verb='--abandon')}",
        )


def _require_readable(folder: MigrationFolder) -> None:
    """Require that what was begun on this target last can be read, where it is still there: its importer may run."""
    if not folder.record.exists():
        return
    try:
        folder.load()
    except ReconError as error:
        raise MigrationError(
            "A migration of this database was begun, and whether it is open cannot be read",
            where=str(folder.record)[:300],
            found=error.found,
            next_step="Put its record back and go on with it; or, if its importer is not running, move its folder away",
        ) from error


def _readable(outputs: Path) -> list[tuple[MigrationFolder, Migration]]:
    found = []
    for folder in migration_folders(outputs):
        try:
            found.append((folder, folder.load()))
        except ReconError:
            continue
    return found


class _Registration:
    """Which migration of a target this user began last, wherever its folder is."""

    def __init__(self, file: int | None) -> None:
        self._file = file

    def folders(self) -> list[MigrationFolder]:
        """The migration's folder; none where none is known."""
        name = os.fsdecode(os.pread(self._file, 1 << 16, 0)).strip() if self._file is not None else ""
        return [MigrationFolder(Path(name))] if name and "\0" not in name else []

    def write(self, folder: str) -> None:
        """Record another."""
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, os.fsencode(folder), 0)
            os.fsync(self._file)


@contextmanager
def _alone(outputs: Path) -> Iterator[None]:
    """Let no other process begin a migration in this folder of runs, for where there is no place for a registration.

    Raises:
        OutputError: The folder cannot be made.
    """
    try:
        outputs.mkdir(parents=True, exist_ok=True)
        folder = os.open(outputs, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise OutputError(
            "The folder of runs cannot be made",
            where=str(outputs)[:300],
            found=error.strerror,
            next_step="Name another with --outputs",
        ) from error
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


@contextmanager
def _registered(target: str) -> Iterator[_Registration]:
    """The registration of a target, held by this process; without a place for it, only the folder of runs counts."""
    try:
        home = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser()
        place = (home if home.is_absolute() else Path("~/.local/state").expanduser()).joinpath(*REGISTRY)
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(place / target, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except (OSError, RuntimeError):
        yield _Registration(None)
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield _Registration(file)
    finally:
        os.close(file)


@contextmanager
def _working_on(folder: MigrationFolder) -> Iterator[None]:
    """Let no other process work on this migration.

    Raises:
        MigrationError: It is no migration's folder, or another process works on it.
    """
    try:
        folder.record.stat()
        file = os.open(folder.path / WORKING, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise MigrationError(
            "There is no such migration",
            where=str(folder.path)[:300],
            found=error.strerror,
            next_step="recon status lists them",
        ) from error
    try:
        _lock(file, folder)
        yield
    finally:
        os.close(file)


def _lock(file: int, folder: MigrationFolder) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise MigrationError(
            "Another recon works on this migration",
            where=str(folder.path)[:300],
            next_step="Wait for it, or look with recon status",
        ) from None


def _digest_of(url: DatabaseUrl) -> str:
    return target_digest(identity_of(url))


def _changed(migration: Migration, given: Mapping[str, Any]) -> Migration:
    """The record with other settings; it is written with the next step.

    Raises:
        UsageError: A setting is another that says what is migrated.
    """
    settings = MigrateOptions(**given).settings
    for name in given:
        if name not in (*CAN_CHANGE, "command") and settings.get(name) != migration.settings.get(name):
            raise UsageError(
                "This is not changed in an open migration",
                where=FLAGS.get(name, name),
                expected=str(migration.settings.get(name, "what it was begun with, the default"))[:300],
                found=str(settings.get(name, "the default"))[:300],
                next_step="Leave it out; or begin anew: recon migrate --abandon, then recon migrate",
            )
    kept = {name: value for name, value in migration.settings.items() if name not in given}
    return replace(migration, settings=kept | settings)


def _options_of(folder: MigrationFolder, migration: Migration, command: Sequence[str]) -> MigrateOptions:
    known = {each.name for each in fields(MigrateOptions)}
    settings: dict[str, Any] = {name: value for name, value in migration.settings.items() if name in known}
    for name, value in settings.items():
        if not _is_setting(value, SETTINGS.get(name, str)):
            raise _damaged(folder, f"settings.{name}", value)
    try:
        return MigrateOptions(command=tuple(command), environment=os.environ, **settings)
    except UsageError as error:
        raise _damaged(folder, "settings", error.found) from error


def _is_setting(value: object, kinds: type | tuple[type, ...]) -> bool:
    """Whether a value is as JSON has it: a text, a number, or a list of texts."""
    return isinstance(value, kinds) and not (isinstance(value, list) and any(not isinstance(one, str) for one in value))


def _damaged(folder: MigrationFolder, place: str, found: object) -> MigrationError:
    return MigrationError(
        "The record of the migration is damaged",
        where=f"{folder.record}, {place}"[:300],
        found=repr(found)[:100],
        next_step="Put back what was there, or begin anew: recon migrate --abandon, then recon migrate",
    )


def _require_recordable(options: MigrateOptions) -> None:
    """Options are recorded and printed, so that none may hold a password, or what is no text.

    Raises:
        UsageError: One does.
    """
    texts = {name: repr(value) for name, value in options.settings.items() if "\\udc" in repr(value)}
    if any("\\udc" in repr(word) for word in (*options.command, str(Path.cwd()))):
        texts["command or working folder"] = "a name that is not UTF-8"
    for name, found in texts.items():
        raise UsageError(
            "What is asked for is recorded, and this cannot be",
            where=FLAGS.get(name, name),
            expected="names in UTF-8",
            found=found[:300],
            next_step="Rename it, or name it by a link whose name is in UTF-8",
        )
    if options.scratch_database is not None:
        resolve_database(options.scratch_database, options.environment)
    for name, value in options.settings.items():
        if isinstance(value, str) and has_secret(value):
            raise UsageError(
                "An option of a migration is recorded, and this one holds a secret",
                where=FLAGS.get(name, name),
                expected="none: secrets come from the environment or a file",
                found=shown(redacted([value]))[:300],
            )


def _recorded(recipe: ImporterRecipe) -> ImporterRecipe:
    """The importer as it is recorded: without the secrets of its arguments."""
    dry_run = None if recipe.dry_run is None else tuple(redacted(recipe.dry_run))
    command, execute = tuple(redacted(recipe.command)), tuple(redacted(recipe.execute))
    return replace(recipe, command=command, dry_run=dry_run, execute=execute)


def _recipe_again(folder: MigrationFolder, migration: Migration, options: MigrateOptions) -> ImporterRecipe:
    """The importer as it was recorded; from the command line or the profile again where that holds a secret.

    Raises:
        UsageError: The command is needed and not given, or is another.
    """
    try:
        recorded = msgspec.convert(migration.importer, ImporterRecipe)
    except msgspec.ValidationError as error:
        raise _damaged(folder, "importer", str(error)) from error
    if not recorded.command:
        raise _damaged(folder, "importer.command", recorded.command)
    command = options.command
    if command and redacted(command) != list(recorded.command):
        raise UsageError(
            "The importer's command is not the one that this migration was begun with",
            where="behind --",
            expected=shown(recorded.command)[:300],
            found=shown(redacted(command))[:300],
        )
    if not any(HIDDEN in word for word in (*recorded.command, *(recorded.dry_run or ()), *recorded.execute)):
        return recorded
    with suppress(ReconError):
        again = recipe_of(command, load_profile(options.profile).importer, options.profile)
        if _recorded(again) == recorded:
            return again
    raise UsageError(
        "The importer's command holds a secret, which is written nowhere",
        where="behind --",
        expected=f"recon migrate --resume … -- {shown(recorded.command)[:300]}",
        found="another profile" if command else "no command",
        next_step="Give the command again; better, let the importer read its secret from the environment",
    )
