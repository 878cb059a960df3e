"""recon migrate."""

from __future__ import annotations

import os
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

import recon
from recon.cli import CONTEXT, say
from recon.cli.interrupts import end_typing_at_interrupts, is_ending
from recon.cli.options import PATH, offered
from recon.cli.run import places
from recon.database.secrets import without_secrets
from recon.errors import UsageError
from recon.report.assessment.console import AssessmentConsole
from recon.report.console import RULE, Console
from recon.report.github import inert, on_github
from recon.report.migration.console import timeline_lines
from recon.report.migration.status import COLOURING
from recon.report.progress_line import LINE
from recon.report.text import printable
from recon.rules.acceptance import DEFAULT_FILE
from recon.runs.folder import CHOICES, expected_folder
from recon.runs.migration.advice import advice
from recon.runs.migration.opening import in_its_directory, the_open_migration
from recon.runs.migration.options import CAN_BE_PASSED, CAN_BE_REDONE, FATES, PROOFS
from recon.verification.advice import DEFAULT_FILE as ADVICE_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from recon.model.migration import Migration, MigrationStep
    from recon.runs.migration.flow import MigrationResult
    from recon.runs.run import Run

T = TypeVar("T")
GIVEN = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
PLACES = ("backup", "backups", "pg_bin", "wa_key_file")
STATED = ("by", "execute", "importer", "redo")


@click.command("migrate", context_settings=CONTEXT)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@click.option("--resume", is_flag=False, flag_value="", metavar="[FOLDER]", help="Go on with an open migration.")
@click.option(
    "--abandon", is_flag=False, flag_value="", metavar="[FOLDER]", help="Close an open migration without finishing it."
)
@offered("database")
@offered("profile")
@click.option(
    "--expect", "expected", metavar="NAME", help="The environment that is meant: localhost, staging, production."
)
@click.option("--exports", type=PATH, metavar="FOLDER", help="The exports that the importer reads.  [default: the API]")
@click.option("--config", type=PATH, metavar="FILE", help="The migration-config.json of the migration.")
@offered("expectations")
@offered("policies")
@offered("accept")
@offered("advice")
@click.option("--backup", type=PATH, metavar="PATH", help="A backup that exists.  [default: one is made]")
@click.option(
    "--backups", type=PATH, metavar="FOLDER", default="backups", show_default=True, help="The folder of backups."
)
@click.option(
    "--proof",
    type=click.Choice(PROOFS),
    default="test",
    show_default=True,
    help="How the backup is proven: restored into a scratch database, or only read to its end.",
)
@click.option(
    "--scratch-database", metavar="DATABASE", help="Restore on the server of this database.  [default: --database]"
)
@click.option(
    "--pg-bin", type=PATH, metavar="FOLDER", help="The folder of pg_dump and pg_restore.  [default: the PATH]"
)
@click.option(
    "--max-age",
    "max_age_h",
    type=click.FloatRange(0, min_open=True),
    metavar="HOURS",
    default=24.0,
    show_default=True,
    help="How old backup and dry run may be.",
)
@offered("timeout_s")
@click.option("--wa-key-file", type=PATH, metavar="FILE", help="As of recon preflight.  [default: WA_API_KEY]")
@click.option("--wa-account", metavar="ID", help="As of recon preflight.  [default: WA_ACCOUNT_ID]")
@click.option("--wa-api-url", metavar="URL", help="As of recon preflight.  [default: WA_API_URL, or Wild Apricot's]")
@click.option("--wa-oauth-url", metavar="URL", help="As of recon preflight.  [default: WA_OAUTH_URL]")
@click.option(
    "--wa-timeout",
    "wa_timeout_s",
    type=click.FloatRange(0, min_open=True),
    default=120.0,
    show_default=True,
    metavar="SECONDS",
    help="How long one question to the API may take.",
)
@click.option(
    "--outputs", type=PATH, default="outputs", show_default=True, metavar="FOLDER", help="The folder of runs."
)
@click.option("--skip", type=click.Choice(CHOICES), multiple=True, help="Do not make this part of the verified run.")
@click.option("--by", metavar="NAME", help="Who migrates.  [default: the name of your account]")
@click.option("--execute", metavar="NAME", help="The name of the database to import into, in the place of typing it.")
@click.option(
    "--despite",
    type=(click.Choice(CAN_BE_PASSED), str),
    multiple=True,
    metavar="STEP REASON",
    help=f"Pass the gate of a step although it does not hold, and why: {', '.join(CAN_BE_PASSED)}.",
)
@click.option(
    "--importer",
    type=click.Choice(FATES),
    help="What to do with an importer that failed, or of which nobody knows how it ended: start it again, or go on "
    "with what it left.",
)
@click.option("--redo", type=click.Choice(CAN_BE_REDONE), help="Take this step again, and all after it.")
@click.option("--reason", default="", metavar="TEXT", help="Why it is abandoned.")
@click.option("-v", "--verbose", is_flag=True, help="Verbose output of gates and verification.")
def command(
    command: tuple[str, ...],
    resume: str | None,
    abandon: str | None,
    skip: tuple[str, ...],
    verbose: bool,
    **given: Any,
) -> int:
    """Migrate: every step of the runbook around your importer, from preflight to verdict.

    COMMAND is the importer, with {mode} where it takes --dry-run, and {bundle} where it takes the folder of its bundle;
    or the profile names it under [importer]. Stops at the first gate that does not hold, and says what goes on.

    Exit codes: 0 verified and passed, 1 a gate or the verification failed, 2 a question is open, or an error, 130 left
    by Ctrl-C.
    """
    if resume is not None and abandon is not None:
        raise UsageError("A migration is resumed or abandoned", where="--resume, --abandon", expected="one of them")
    outputs = Path(given["outputs"])
    despite, reason = dict(given.pop("despite")), given.pop("reason")
    statements = recon.Statements(**{name: given.pop(name) for name in STATED}, despite=despite)
    console = MigrationConsole(verbose=verbose)
    if abandon is not None:
        folder = _named(abandon, outputs)
        closed = recon.abandon_migration(folder, reason, statements.by)
        click.echo(f"Abandoned: {printable(str(folder))}, by {printable(closed.reason)}")
        return 0
    parts = tuple(part for part in CHOICES if part not in skip)
    if resume is not None:
        again = _stated(given | {"parts": parts}) | ({"command": command} if command else {})
        folder = in_its_directory(_named(resume, outputs))
        result = recon.resume_migration(folder, statements, Terminal(), console, again)
    else:
        for name, file in (("accept", DEFAULT_FILE), ("advice", ADVICE_FILE)):
            if given[name] is None and os.path.lexists(file):
                given[name] = file
        options = recon.MigrateOptions(command=command, parts=parts, **given)
        result = recon.migrate(options, statements, Terminal(), console)
    console.finished(result)
    return result.exit_code


def _stated(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, of which paths count from the working folder."""
    context = click.get_current_context()
    stated = {
        name: value
        for name, value in given.items()
        if name != "outputs" and context.get_parameter_source("skip" if name == "parts" else name) in GIVEN
    }
    # What is given as empty is as if it had never been given.
    return {
        name: str(Path(value).absolute()) if name in PLACES and value else value or None
        for name, value in stated.items()
    }


def _named(folder: str, outputs: Path) -> Path:
    """The migration that is meant: a folder, its name in the folder of runs, or the only one that is open."""
    if not folder:
        return the_open_migration(outputs)
    return outputs / folder if not Path(folder).exists() and (outputs / folder).exists() else Path(folder)


class Terminal:
    """Asks on the terminal, on standard error."""

    @property
    def can_ask(self) -> bool:
        """Whether standard input is a terminal, and the process was not told to end."""
        return not is_ending() and sys.stdin is not None and sys.stdin.isatty()

    def confirm(self, question: str) -> bool:
        """Ask for yes or no; no is the default."""
        return self._asked(lambda: click.confirm(question, default=False, err=True))

    def typed(self, question: str) -> str:
        """Ask for a text."""
        return self._asked(lambda: str(click.prompt(question, err=True)))

    def choose(self, question: str, choices: Mapping[str, str]) -> str:
        """Ask for one of the choices, the first of which is the default."""
        say(question)
        for name, words in choices.items():
            say(f"  {name}: {words}")
        kind = click.Choice(list(choices))
        return self._asked(lambda: str(click.prompt("Choose", type=kind, default=next(iter(choices)), err=True)))

    @staticmethod
    def _asked(ask: Callable[[], T]) -> T:
        LINE.wipe()
        end_typing_at_interrupts()
        try:
            return ask()
        except click.Abort:
            # One that no part of an assessment takes for an error of its own.
            raise KeyboardInterrupt from None


class GateConsole(AssessmentConsole):
    """Prints what a gate finds, without the header of an assessment of its own."""

    def assessment_starting(self, title: str, started_at: datetime) -> None:
        """Print nothing: the step is announced."""

    def part_starting(self, number: int, total: int, title: str) -> None:
        """Print nothing: its checks say what they are."""
        self._do(f"{title} ({number} of {total})")


class MigrationConsole:
    """Prints a migration as it goes on."""

    def __init__(self, *, verbose: bool = False) -> None:
        self._verbose = verbose
        self.gates = GateConsole(verbose=verbose)
        self._console: Console | None = None
        self._start = Path.cwd()
        self._step = ""
        self._on_github = on_github(os.environ)

    def _print(self, text: str = "") -> None:
        LINE.wipe()
        # What an importer writes must not steer a workflow's runner.
        click.echo(inert(text) if self._on_github else text)

    def verification(self, folder: Path) -> Console:
        """Return the console of the verification, the runbook's block."""
        self._print()
        self._console = Console(verbose=self._verbose, kept_in=partial(expected_folder, folder))
        return self._console

    def verified(self, run: Run) -> None:
        """Print where everything is, what to do, and the verdict."""
        if self._console is not None:
            self._console.finished(run.verification, *places(run))
        for name, reason in run.failed.items():
            self.note(f"{name} could not be made: {reason}")

    def beginning(self, migration: Migration, folder: Path) -> None:
        """Print the header."""
        self._print(f"{RULE}\n  Migration into {printable(migration.database)} ({printable(migration.environment)})")
        self._print(f"  Started: {migration.started_at:%Y-%m-%dT%H:%M:%SZ} by {printable(migration.by)}")
        self._print(f"  Folder: {printable(str(folder))}\n{RULE}")

    def step_starting(self, number: int, total: int, step: MigrationStep) -> None:
        """Announce a step."""
        self._print(f"\n[{number}/{total}] {step.title}...")
        self._step = f"{step.title} ({number} of {total})"
        LINE.show(self._step)

    def line(self, text: str) -> None:
        """Print a line of the importer, without colours and secrets."""
        self._print(f"  | {printable(without_secrets(COLOURING.sub('', text)))}")
        LINE.show(self._step)

    def note(self, text: str) -> None:
        """Print what else is to be known."""
        self._print(f"  - {printable(text)}")

    def finished(self, result: MigrationResult) -> None:
        """Print where the migration stands, and what to do now."""
        migration = result.migration
        self._print(f"\n{RULE}")
        for line in timeline_lines(migration):
            self._print(line)
        self._print(RULE)
        if result.stopped:
            self._print(f"Stopped: {printable(result.stopped)}")
            for action in result.actions:
                self._print(f"  - {printable(action)}")
            if result.commands and Path.cwd() != self._start:
                # Their paths count from there.
                self._print(f"  cd {printable(shlex.quote(str(Path.cwd())))}")
            for command in result.commands:
                self._print(f"  {printable(command)}")
        for line in advice(result.folder, migration):
            self._print(f"  {printable(line)}")
        self._print(f"Timeline: {printable(os.path.relpath(result.folder / 'index.html', self._start))}")
