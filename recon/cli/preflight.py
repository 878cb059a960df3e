"""recon preflight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

import recon
from recon.cli import CONTEXT
from recon.cli.assessing import reporting_options
from recon.cli.options import PATH, offered
from recon.preflight.parts import PARTS, PreflightOptions

if TYPE_CHECKING:
    from recon.cli.assessing import Assessing


@click.command("preflight", context_settings=CONTEXT)
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)), metavar="[PART]...")
@offered("database")
@offered("profile")
@offered("timeout_s")
@click.option("--expect", metavar="NAME", help="The environment that is meant: localhost, staging or production.")
@click.option("--wa-key-file", type=PATH, metavar="FILE", help="A file that holds the API key.  [default: WA_API_KEY]")
@click.option("--wa-account", metavar="ID", help="The club's account at Wild Apricot.  [default: WA_ACCOUNT_ID]")
@click.option("--wa-api-url", metavar="URL", help="Address of the API.  [default: WA_API_URL, or Wild Apricot's]")
@click.option(
    "--wa-oauth-url", metavar="URL", help="Address of its tokens.  [default: WA_OAUTH_URL, or Wild Apricot's]"
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
    help="The folder of runs: where the preflight is kept for the site, and what people decided is found.",
)
@reporting_options("./preflight-report", keeps=True)
def command(parts: tuple[str, ...], expect: str | None, outputs: str, **given: Any) -> Assessing:
    """Check, before an import, what it depends on.

    Without a PART, all of them: environment.

    Exit codes: 0 all checks passed, 1 one or more checks failed, 2 error or incomplete, 130 interrupted.
    """
    options = PreflightOptions(expected=expect, parts=parts or tuple(PARTS), outputs=outputs, **given)
    return lambda listener: recon.run_preflight(options, listener)
