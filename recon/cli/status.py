"""recon status."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from recon.cli import CONTEXT
from recon.cli.options import PATH
from recon.database.secrets import without_secrets
from recon.report.migration.status import status_lines
from recon.report.text import printable
from recon.runs.evidence.record import broken_record
from recon.runs.migration.advice import advice
from recon.runs.migration.importing import IS_RUNNING, NOT_KNOWN
from recon.runs.migration.opening import newest_importer, open_migrations
from recon.runs.migrations import MigrationFolder, migration_folders

LAST_LINES = 5


@click.command("status", context_settings=CONTEXT)
@click.argument("folder", required=False, type=PATH, metavar="[FOLDER]")
@click.option(
    "--outputs", type=PATH, default="outputs", show_default=True, metavar="FOLDER", help="The folder of runs."
)
def command(folder: str | None, outputs: str) -> int:
    """Show where open migrations stand, and the command that goes on.

    FOLDER is that of one migration, open or not. Exit codes: 0 shown, 2 error.
    """
    found = [MigrationFolder(Path(folder))] if folder else open_migrations(Path(outputs))
    if not found:
        last = migration_folders(Path(outputs))[:1]
        click.echo(f"No migration is open in {outputs}." + (" The last one:" if last else ""))
        found = last
    for number, each in enumerate(found):
        if number:
            click.echo()
        for line in _lines(each):
            click.echo(line)
    broken = broken_record(Path(outputs))
    if broken:
        click.echo(printable(broken.words), err=True)
    return 0


def _lines(folder: MigrationFolder) -> list[str]:
    migration = folder.load()
    run = newest_importer(folder, migration)
    state = run.state() if run else ""
    alive = None if state == NOT_KNOWN else state == IS_RUNNING
    found = run.last_lines(LAST_LINES) if run and alive is not False else []
    shown = [without_secrets(line) for line in found]
    lines = status_lines(str(folder.path), migration, datetime.now(UTC), alive, shown)
    return [*lines, *(printable(line) for line in advice(folder.path, migration))]
