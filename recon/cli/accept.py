"""recon accept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from recon.answers.accepting import AcceptOptions, accept_run
from recon.cli import CONTEXT
from recon.cli.options import PATH
from recon.report.text import plural, printable
from recon.rules.acceptance import DEFAULT_FILE

if TYPE_CHECKING:
    from datetime import datetime


@click.command("accept", context_settings=CONTEXT)
@click.argument("run", type=PATH, metavar="RUN")
@click.option("--check", "checks", multiple=True, metavar="ID", help="Findings of this check; may be repeated.")
@click.option("--cause", "causes", multiple=True, metavar="NAME", help="Findings of this cause; may be repeated.")
@click.option("--entity", "entities", multiple=True, metavar="NAME", help="Findings of this entity; may be repeated.")
@click.option("--key", "keys", multiple=True, metavar="ID", help="Findings about this id; may be repeated.")
@click.option("--all", is_flag=True, help="Every finding.")
@click.option("--renew", is_flag=True, help="Also those that are accepted already.")
@click.option("--wide", is_flag=True, help="Accept their number, whichever they are, not each by its values.")
@click.option("--reason", required=True, metavar="TEXT", help="Why they are right, or bearable.")
@click.option("--owner", required=True, metavar="NAME", help="Who answers for it.")
@click.option(
    "--expires",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="The last day, by UTC, on which they are accepted; at most a year from now.",
)
@click.option("--approved-by", metavar="NAME", help="Who else approved it; failures of integrity need that.")
@click.option(
    "-o", "--output", "file", type=PATH, default=DEFAULT_FILE, show_default=True, metavar="FILE", help="The file."
)
def command(expires: datetime, **given: Any) -> int:
    """Accept findings of a run for a time: they no longer fail a verification.

    Writes an entry for each finding into a file that recon verify and recon run read. An entry counts until its date,
    and as long as the values are those that were accepted. RUN is a folder that recon run wrote.

    Exit codes: 0 written, 2 error.
    """
    options = AcceptOptions(expires=expires.date(), **given)
    done = accept_run(options)
    click.echo(printable(f"Accepted until {options.expires}: {plural(sum(done.findings.values()), 'finding')}"))
    for check, number in done.findings.items():
        click.echo(printable(f"  {check}: {number:,}"))
    click.echo(printable(f"{options.file}: {done.written.new:,} new entries, {done.written.replaced:,} replaced"))
    return 0
