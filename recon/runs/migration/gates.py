"""The gates of the steps in which no importer runs: each asks what the single command asks."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from recon.backup.kinds import identity_of
from recon.bundle import open_bundle
from recon.bundle.exports import recognise
from recon.bundle.formats import CONFIG, ImportConfig
from recon.bundle.jsonfile import convert, read_json
from recon.database import resolve_database
from recon.errors import MigrationError, ReconError
from recon.model import ENTITIES, Assessment, Fact, Probe
from recon.preflight.assessing import Step, assess
from recon.preflight.backups import BackupOptions, check_backup, create_backup, test_backup
from recon.preflight.dry_run import DryRunOptions, ask_dry_run
from recon.preflight.dry_run.bundle import bundle_digest
from recon.preflight.parts import PARTS, PreflightOptions
from recon.preflight.people import PeopleOptions, ask_people, review_of
from recon.preflight.reviewing import ReviewOptions, review
from recon.preflight.wording import utc_text
from recon.runs.evidence.manifest import digest_of
from recon.runs.migration.command import has_placeholder
from recon.runs.migration.foreign_backup import ask_foreign
from recon.runs.migration.redacting import redacted, shown
from recon.runs.migration.verbs import SOURCE, verb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.model import Check
    from recon.runs.migration.session import Session

PROGRAM = Probe(
    "importer_program",
    "Importer",
    "importer",
    "The importer's program is there.",
    "The migration would stop at its dry run",
    "Install it, or correct the command",
)
VARIABLES = Probe(
    "importer_environment",
    "Importer's Environment",
    "importer",
    "Every environment variable that the importer needs is set.",
    "The importer would stop, or connect to something else",
    "Set the variables that are named, and go on",
)
TARGET = Probe(
    "importer_database",
    "Importer's Database",
    "importer",
    "The importer writes to the database that is verified.",
    "Another database would be written to than the one that is backed up and verified",
    "Name the variable in which the importer looks: database under [importer], or {database} in its command",
)
EXPORTS = Probe(
    "source_exports",
    "Exports",
    "source",
    "There is one export of members, of events and of registrations, with the headers of Wild Apricot.",
    "The importer would not find what it is to import",
    "Export them again, and name their folder with --exports",
)


class UnansweredError(Exception):
    """A question that nobody is there to answer.

    Attributes:
        question: What would have been asked.
        commands: What answers it and goes on, in order.
    """

    def __init__(self, question: str, *commands: str) -> None:
        super().__init__(question)
        self.question, self.commands = question, commands


@dataclass(frozen=True)
class Passage:
    """What came of a gate.

    Attributes:
        assessment: What it found.
        kept: What was made beside the step's folder.
        by: Who answered.
        despite: Why it is passed although it does not hold.
    """

    assessment: Assessment
    kept: str | None = None
    by: str | None = None
    despite: str | None = None


def merged(title: str, *assessments: Assessment) -> Assessment:
    """Return one assessment that holds the parts of several."""
    first = assessments[0]
    steps = tuple(dict.fromkeys(step for each in assessments for step in each.next_steps))
    parts = tuple(part for each in assessments for part in each.parts)
    return Assessment(
        "migration-step", title, first.started_at, sum(each.duration_ms for each in assessments), parts, steps
    )


def preflight_options(session: Session, bundle: Path | None = None) -> PreflightOptions:
    """What the parts of a preflight are asked with."""
    given = session.options
    return PreflightOptions(
        database=given.database,
        bundle=bundle,
        config=given.config,
        exports=given.exports,
        profile=given.profile,
        expectations=given.expectations,
        expected=given.expected,
        backups=given.backups,
        pg_bin=given.pg_bin,
        max_age_h=given.max_age_h,
        timeout_s=given.timeout_s,
        outputs=given.outputs,
        wa_key_file=given.wa_key_file,
        wa_account=given.wa_account,
        wa_api_url=given.wa_api_url,
        wa_oauth_url=given.wa_oauth_url,
        wa_timeout_s=given.wa_timeout_s,
        environment=given.environment,
    )


def environment_gate(session: Session) -> Passage:
    """Ask whether the database is the one that is meant, and ready; and whether the importer can run."""
    options = preflight_options(session)
    steps = [
        Step("environment", PARTS["environment"].title, lambda: PARTS["environment"].ask(options, {})),
        Step("importer", "Importer", partial(ask_importer, session)),
    ]
    return Passage(assess("migration-step", "Environment", steps, session.listener.gates))


def importer_gate(session: Session) -> Passage:
    """Ask once more whether the importer can run: its environment is that of this process."""
    step = Step("importer", "Importer", partial(ask_importer, session))
    return Passage(assess("migration-step", "Importer", [step]))


def ask_importer(session: Session) -> Iterator[Fact | Check]:
    """Ask whether the program and its variables are there, and whether it writes to the target."""
    recipe, environment = session.recipe, session.options.environment
    yield Fact("Command", shown(redacted(recipe.command)))
    program = recipe.command[0]
    found = shutil.which(program, path=environment.get("PATH"))
    yield PROGRAM.passed(found) if found else PROGRAM.failed(f"There is no program {program}")
    missing = [name for name in recipe.environment if not environment.get(name, "").strip()]
    if missing:
        yield VARIABLES.failed(f"Not set: {', '.join(missing)}")
    elif recipe.environment:
        yield VARIABLES.passed(", ".join(recipe.environment))
    yield _target(session)


def _target(session: Session) -> Check:
    recipe, environment = session.recipe, session.options.environment
    if recipe.database is None and has_placeholder(recipe, "database"):
        return TARGET.passed("named in its command")
    variable = recipe.database or "DATABASE_URL"
    if recipe.database is None and not environment.get(variable, "").strip():
        return TARGET.warned("It is not known which database the importer writes to")
    if not environment.get(variable, "").strip():
        return TARGET.failed(f"{variable} is not set")
    try:
        url = resolve_database(variable, environment)
        is_same = identity_of(url) == identity_of(session.url)
    except ReconError as error:
        return TARGET.not_evaluated(error.message)
    if is_same:
        return TARGET.passed(f"{variable}: {session.url.label}")
    words = f"{variable} names {url.label}, and {session.url.label} is verified"
    return TARGET.failed(words) if recipe.database else TARGET.warned(words)


def source_gate(session: Session) -> Passage:
    """Ask whether what the importer reads is there: exports where they are named, else the source's API."""
    steps = []
    if session.options.exports is not None:
        steps.append(Step("exports", "Exports", partial(_exports, session)))
    if session.options.exports is None or session.options.wa_key_file is not None:
        options = preflight_options(session)
        steps.append(Step("source", PARTS["source"].title, lambda: PARTS["source"].ask(options, {})))
    return Passage(assess("migration-step", "Source", steps, session.listener.gates))


def _exports(session: Session) -> Iterator[Fact | Check]:
    folder = Path(session.options.exports or "")
    config = _import_config(session)
    found: dict[str, list[str]] = {entity: [] for entity in ENTITIES}
    for name, digest in export_digests(folder).items():
        export = recognise(folder / name, config) if name.lower().endswith((".csv", ".tsv", ".txt")) else None
        if export is not None and export.entity in found:
            found[export.entity].append(name)
            yield Fact(export.entity.capitalize(), f"{name}, SHA-256 {digest[:16]}")
    missing = [entity for entity, names in found.items() if not names]
    several = {entity: names for entity, names in found.items() if len(names) > 1}
    if missing:
        yield EXPORTS.failed(f"No export of {' and '.join(missing)} in {folder}")
    elif several:
        words = "; ".join(f"{entity}: {', '.join(names)}" for entity, names in several.items())
        yield EXPORTS.failed(f"Several exports of one kind in {folder}: {words}")
    else:
        yield EXPORTS.passed(f"one of each in {folder}")


def _import_config(session: Session) -> ImportConfig:
    if session.options.config is None:
        return convert({}, ImportConfig, file=Path(CONFIG))
    path = Path(session.options.config)
    file = path / CONFIG if path.is_dir() else path
    return convert(read_json(file, {}), ImportConfig, file=file)


def export_digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a folder of exports, by name.

    Raises:
        MigrationError: It cannot be read.
    """
    try:
        files = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
        return {path.name: digest_of(path) for path in files}
    except OSError as error:
        raise MigrationError(
            "The folder of exports cannot be read",
            where=str(error.filename or folder)[:300],
            found=error.strerror,
            next_step="Name the folder that the importer reads: --exports FOLDER",
        ) from error


def people_gate(session: Session) -> Passage:
    """Ask who was notified, and for the hours."""
    options = PeopleOptions(session.options.outputs, is_before_dry_run=True)
    steps = [Step("people", PARTS["people"].title, lambda: ask_people(options))]
    return Passage(assess("migration-step", "People", steps, session.listener.gates))


def review_gate(session: Session) -> Passage:
    """Ask for the policies of the dry run's bundle and for the dry run itself, and for whoever reviews it.

    Raises:
        UnansweredError: Nobody reviewed it, and nobody is there to ask.
    """
    bundle = session.bundle_of("dry-run")
    options = preflight_options(session, bundle)
    step = Step("policies", PARTS["policies"].title, lambda: PARTS["policies"].ask(options, {}))
    policies = assess("migration-step", "Review", [step], session.listener.gates)
    given, despite = session.options, session.statements.despite.get("review")
    if policies.verdict != "PASSED" and not despite:
        return Passage(policies)
    dry_run = DryRunOptions(
        bundle,
        given.database,
        given.config,
        given.exports,
        given.profile,
        given.max_age_h,
        given.timeout_s,
        environment=given.environment,
    )
    with open_bundle(bundle) as opened:
        decision = review_of(given.outputs, bundle_digest(opened))
    if decision is None and session.dialogue.can_ask:
        asked = ReviewOptions(dry_run, given.outputs, session.statements.by, despite)
        judged = merged("Review", policies, review(asked, session.dialogue.confirm, session.listener.gates))
        is_despite = judged.verdict != "PASSED" and despite
        with open_bundle(bundle) as opened:
            decision = review_of(given.outputs, bundle_digest(opened))
        return Passage(
            judged, by=decision.by if decision else None, despite=despite if is_despite and decision else None
        )
    asking = Step("dry-run", PARTS["dry-run"].title, partial(ask_dry_run, dry_run))
    whole = merged("Review", policies, assess("migration-step", "Review", [asking], session.listener.gates))
    if decision is None and whole.verdict == "PASSED":
        command = verb(given, ("review", str(bundle)), REVIEWING)
        raise UnansweredError("Dry run PASSED. Reviewed?", f"{command} --yes --by NAME", session.going_on())
    if decision is None:
        return Passage(whole)
    session.listener.note(f"Reviewed by {decision.by} at {utc_text(decision.at)}")
    return Passage(whole, by=decision.by, despite=despite or decision.answers.get("despite"))


REVIEWING = ("database", "config", "exports", "profile", "timeout_s", "max_age_h", "outputs")


def backup_gate(session: Session) -> Passage:
    """Make a backup, unless one is named, and prove it."""
    given = session.options
    options = BackupOptions(
        path=given.backup,
        backups=given.backups,
        database=given.database,
        max_age_hours=given.max_age_h,
        pg_bin=given.pg_bin,
        scratch_database=given.scratch_database,
        environment=given.environment,
    )
    made: list[Path] = []
    parts = []
    if given.backup is None:
        step = Step("create", "Create", lambda: _created(options, made))
        parts.append(assess("migration-step", "Backup", [step], session.listener.gates))
        if not made:
            return Passage(parts[0])
        options = replace(options, path=made[0])
    proven = (test_backup if given.proof == "test" else check_backup)(options, session.listener.gates)
    if given.backup is not None and proven.verdict == "PASSED":
        step = Step("target", "Target", lambda: ask_foreign(options, session.url))
        parts.append(assess("migration-step", "Backup", [step], session.listener.gates))
    return Passage(merged("Backup", *parts, proven), kept=str(options.path))


MADE = Probe(
    "backup_made",
    "Backup Made",
    "backup",
    "A backup was made, with a manifest of the same instant.",
    "There would be nothing to restore",
    "Do what the message says, and go on",
)


def _created(options: BackupOptions, made: list[Path]) -> Iterator[Fact | Check]:
    created = create_backup(options)
    made.append(created.folder)
    manifest = created.manifest
    yield MADE.passed(f"{created.folder}: {manifest.rows:,} rows in {len(manifest.tables)} tables, by {manifest.tool}")


def commands_of(session: Session, step: str) -> tuple[str, ...]:
    """Return the single commands that ask what the gate of a step asks."""
    given = session.options
    if step == "environment":
        return (verb(given, ("preflight", "environment"), ("database", "profile", "expected", "timeout_s")),)
    if step == "source" and given.exports is None:
        return (verb(given, ("preflight", "source"), SOURCE),)
    if step == "people":
        return (verb(given, ("preflight", "people"), ("outputs",)),)
    if step == "review":
        bundle = str(session.bundle_of("dry-run"))
        return (
            verb(given, ("preflight", "policies", "--bundle", bundle), ("expectations",)),
            verb(given, ("review", bundle), REVIEWING),
        )
    if step == "backup":
        return tuple(_backup_commands(session))
    return ()


def _backup_commands(session: Session) -> Iterator[str]:
    given = session.options
    if given.backup is None:
        yield verb(given, ("backup", "create"), ("database", "backups", "pg_bin"))
    path = () if given.backup is None else (str(given.backup),)
    names = ("database", "backups", "max_age_h", "pg_bin")
    scratch = ("scratch_database",) if given.proof == "test" else ()
    yield verb(given, ("backup", given.proof, *path), (*names, *scratch))
