"""recon backup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

import recon
from recon.cli import CONTEXT
from recon.cli.assessing import reporting_options
from recon.cli.instants import instant
from recon.cli.options import PATH, offered
from recon.report.progress_line import working

if TYPE_CHECKING:
    from recon.cli.assessing import Assessing
    from recon.model import Assessment
    from recon.preflight.assessing import AssessmentListener

backups_option = click.option(
    "--backups", type=PATH, metavar="FOLDER", default="backups", show_default=True, help="The folder of backups."
)
pg_bin_option = click.option(
    "--pg-bin",
    type=PATH,
    metavar="FOLDER",
    help="The folder of the database's programs: pg_dump, pg_restore.  [default: the PATH, then the usual folders]",
)
limit_option = click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="How long a program of the database may take.  [default: an hour]",
)
age_option = click.option(
    "--max-age",
    "max_age_hours",
    type=click.FloatRange(0, min_open=True),
    metavar="HOURS",
    default=24.0,
    show_default=True,
    help="How old a backup may be.",
)
path_argument = click.argument("path", required=False, type=PATH, metavar="[BACKUP]")


@click.group("backup", context_settings=CONTEXT)
def command() -> None:
    """Make a backup, read it to its end, or restore it where nothing else is."""


@command.command("create", context_settings=CONTEXT)
@offered("database")
@backups_option
@pg_bin_option
@limit_option
def create(**given: Any) -> int:
    """Make a backup, with a manifest of the same instant.

    Reads the database, and writes a folder of its own that appears complete or not at all.
    Exit codes: 0 made, 2 error, 130 interrupted.
    """
    with working("making the backup"):
        created = recon.create_backup(recon.BackupOptions(**given))
    manifest = created.manifest
    click.echo(f"Made a backup: {created.folder}")
    click.echo(f"  - {manifest.database}, {manifest.snapshot_at:%Y-%m-%d %H:%M:%S} UTC")
    click.echo(f"  - {manifest.rows:,} rows in {len(manifest.tables)} tables, by {manifest.tool}")
    for what, why in manifest.left_out.items():
        click.echo(f"  - not compared: {what}: {why}")
    click.echo(f"It holds personal data. To prove it: recon backup test {created.folder}")
    return 0


@command.command("check", context_settings=CONTEXT)
@path_argument
@offered("database")
@backups_option
@age_option
@pg_bin_option
@limit_option
@reporting_options("./backup-report", "Backup Check")
def check(**given: Any) -> Assessing:
    """Read a backup to its end, and compare it with its manifest.

    Without BACKUP, the newest in --backups.
    Exit codes: 0 all checks passed, 1 one or more checks failed, 2 error or incomplete, 130 interrupted.
    """
    options = recon.BackupOptions(**given)
    return lambda listener: recon.check_backup(options, listener)


@command.command("test", context_settings=CONTEXT)
@path_argument
@offered("database")
@click.option(
    "--scratch-database",
    metavar="DATABASE",
    help="Restore on the server of this database, into a database of its own.  [default: the server of --database]",
)
@backups_option
@age_option
@pg_bin_option
@limit_option
@reporting_options("./backup-report", "Backup Test")
def test(**given: Any) -> Assessing:
    """Restore a backup into a scratch database, and compare what arrives.

    The scratch database is made for this, and dropped at the end. A restore runs the SQL that is in the backup: test
    only backups whose origin you trust.
    Exit codes: 0 all checks passed, 1 one or more checks failed, 2 error or incomplete, 130 interrupted.
    """
    options = recon.BackupOptions(**given)
    return lambda listener: _tested(options, listener)


def _tested(options: recon.BackupOptions, listener: AssessmentListener) -> Assessment:
    return recon.test_backup(options, listener)


@command.command("record", context_settings=CONTEXT)
@click.option("--provider", required=True, metavar="NAME", help="Who keeps the snapshot.")
@click.option("--snapshot", required=True, metavar="ID", help="Its name there.")
@click.option("--taken-at", required=True, metavar="TIME", help="The instant that it shows, e.g. 2024-01-15T14:30:00Z.")
@click.option("--note", default="", metavar="TEXT", help="What else is to be known about it.")
@backups_option
def record(provider: str, snapshot: str, taken_at: str, note: str, backups: str) -> int:
    """Record that a provider keeps a snapshot.

    It is reported as recorded, not proven. Exit codes: 0 recorded, 2 error.
    """
    folder = recon.record_backup(provider, snapshot, instant(taken_at, "--taken-at"), note, backups)
    click.echo(f"Recorded, not proven: {folder}")
    return 0
