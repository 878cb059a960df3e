"""recon accept."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from recon.answers.accepting import AcceptOptions, accept_run
from recon.cli import CONTEXT
from recon.cli.options import PATH
from recon.errors import UsageError
from recon.report.text import plural, printable
from recon.rules.acceptance import DEFAULT_FILE

if TYPE_CHECKING:
    from datetime import date

    from recon.answers.accepting import AcceptedFindings

NEEDED = ("reason", "owner", "expires")


@click.command("accept", context_settings=CONTEXT)
@click.argument("run", type=PATH, metavar="RUN")
@click.option("--check", "checks", multiple=True, metavar="ID", help="Findings of this check; may be repeated.")
@click.option("--cause", "causes", multiple=True, metavar="NAME", help="Findings of this cause; may be repeated.")
@click.option("--entity", "entities", multiple=True, metavar="NAME", help="Findings of this entity; may be repeated.")
@click.option("--key", "keys", multiple=True, metavar="ID", help="Findings about this id; may be repeated.")
@click.option("--all", is_flag=True, help="Every finding.")
@click.option("--renew", is_flag=True, help="Also those that are accepted already.")
@click.option("--wide", is_flag=True, help="Accept their number, whichever they are, not each by its values.")
@click.option("--reason", metavar="TEXT", help="Why they are right, or bearable.")
@click.option("--owner", metavar="NAME", help="Who answers for it.")
@click.option(
    "--expires",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="The last day, by UTC, on which they are accepted; at most a year from now.",
)
@click.option("--approved-by", metavar="NAME", help="Who else approved it; failures of integrity need that.")
@click.option(
    "--from-xlsx",
    "workbook",
    type=PATH,
    metavar="FILE",
    help="What people decided in a workbook of recon export, in the place of all options but --output.",
)
@click.option(
    "-o", "--output", "file", type=PATH, default=DEFAULT_FILE, show_default=True, metavar="FILE", help="The file."
)
def command(run: str, workbook: str | None, file: str, **given: Any) -> int:
    """Accept findings of a run for a time: they no longer fail a verification.

    Writes an entry for each finding into a file that recon verify and recon run read. An entry counts until its date,
    and as long as the values are those that were accepted. The findings are chosen by options, or one by one in a
    workbook of recon export. RUN is a folder that recon run wrote.

    Exit codes: 0 written, 2 error.
    """
    if workbook is not None:
        return _accept_workbook(workbook, run, file, given)
    for name in NEEDED:
        if given[name] is None:
            context = click.get_current_context()
            raise click.MissingParameter(ctx=context, param=next(p for p in context.command.params if p.name == name))
    expires: date = given.pop("expires").date()
    done = accept_run(AcceptOptions(run, expires=expires, file=file, **given))
    click.echo(printable(f"Accepted until {expires}: {plural(sum(done.findings.values()), 'finding')}"))
    _say(done, file)
    return 0


def _accept_workbook(workbook: str, run: str, file: str, given: dict[str, Any]) -> int:
    """Accept what a workbook says."""
    named = [name for name, value in given.items() if value]
    if named:
        flags = [p.opts[0] for p in click.get_current_context().command.params if p.name in named]
        raise UsageError(
            "A workbook says itself what is accepted, and why",
            where="--from-xlsx",
            expected="no other option but --output",
            found=", ".join(flags),
            next_step="Leave them out, and decide in the workbook",
        )
    done = import_module("recon.answers.deciding").accept_workbook(workbook, run, file)
    number = sum(done.accepted.findings.values()) if done.accepted else 0
    others = ", ".join(f"{count:,} to {decision}" for decision, count in done.others.items())
    click.echo(f"Accepted: {plural(number, 'finding')}; {others}, {done.undecided:,} undecided")
    if done.accepted:
        _say(done.accepted, file)
    return 0


def _say(done: AcceptedFindings, file: str) -> None:
    for check, number in done.findings.items():
        click.echo(printable(f"  {check}: {number:,}"))
    click.echo(printable(f"{file}: {done.written.new:,} new entries, {done.written.replaced:,} replaced"))
