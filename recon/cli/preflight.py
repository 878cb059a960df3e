"""recon preflight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

import recon
from recon.cli import CONTEXT
from recon.cli.assessing import reporting_options
from recon.cli.options import PATH, offered
from recon.preflight.parts import PARTS

if TYPE_CHECKING:
    from recon.cli.assessing import Assessing


@click.command("preflight", context_settings=CONTEXT)
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)), metavar="[PART]...")
@click.option("-b", "--bundle", type=PATH, metavar="PATH", help="The bundle that the importer's dry run left.")
@offered("database")
@offered("profile")
@click.option(
    "--expect", "expected", metavar="NAME", help="The environment that is meant: localhost, staging, production."
)
@click.option(
    "--config",
    type=PATH,
    metavar="FILE",
    help="The migration-config.json of the run to come; the dry run is to have had the same.  [default: not compared]",
)
@click.option(
    "--exports", type=PATH, metavar="FOLDER", help="The exports that the importer reads.  [default: in the bundle]"
)
@offered("expectations")
@click.option("--backup", type=PATH, metavar="PATH", help="The backup.  [default: the newest in --backups]")
@click.option(
    "--backups", type=PATH, metavar="FOLDER", default="backups", show_default=True, help="The folder of backups."
)
@click.option("--test-backup", is_flag=True, help="Also restore the backup into a scratch database.")
@click.option(
    "--pg-bin",
    type=PATH,
    metavar="FOLDER",
    help="The folder of pg_dump and pg_restore.  [default: the PATH, then the usual folders]",
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
@click.option(
    "--wa-key-file", type=PATH, metavar="FILE", help="A file that holds Wild Apricot's API key.  [default: WA_API_KEY]"
)
@click.option("--wa-account", metavar="ID", help="The club's account at Wild Apricot.  [default: WA_ACCOUNT_ID]")
@click.option("--wa-api-url", metavar="URL", help="Address of the API.  [default: WA_API_URL, or Wild Apricot's]")
@click.option(
    "--wa-oauth-url", metavar="URL", help="Where tokens come from.  [default: WA_OAUTH_URL, or Wild Apricot's]"
)
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
    "--outputs",
    type=PATH,
    default="outputs",
    show_default=True,
    metavar="FOLDER",
    help="The folder of runs: the preflight is kept there for the site; decisions.jsonl says what people decided.",
)
@reporting_options("./preflight-report", "Preflight", keeps=True)
def command(**given: Any) -> Assessing:
    """Check, before an import, what it depends on.

    PART: environment, source, dry-run, policies, backup, people. Without one: all of them.

    Exit codes: 0 all checks passed, 1 one or more checks failed, 2 error or incomplete, 130 interrupted.
    """
    options = recon.PreflightOptions(**given)
    return lambda listener: recon.run_preflight(options, listener)
