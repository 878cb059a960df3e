"""recon signoff."""

from __future__ import annotations

import click

from recon.cli import CONTEXT
from recon.cli.options import PATH
from recon.errors import UsageError
from recon.preflight.signing import SignoffOptions, sign_off
from recon.report.text import printable


@click.command("signoff", context_settings=CONTEXT)
@click.option(
    "--notified",
    multiple=True,
    metavar="NAMES",
    help="Who was notified of the migration, separated by commas; repeatable.",
)
@click.option(
    "--window",
    metavar="START/END ZONE",
    help='The maintenance window, such as "2026-12-01 22:00/2026-12-02 02:00 Europe/Berlin".',
)
@click.option("--window-start", metavar="TIME", help="The window's start, in the place of --window.")
@click.option(
    "--window-end", metavar="TIME", help='The window\'s end, with its zone: "2026-12-02 02:00 Europe/Berlin".'
)
@click.option("--no-window", is_flag=True, help="No maintenance window is needed.")
@click.option("--by", metavar="NAME", help="Who signs.  [default: the name of your account]")
@click.option("--note", metavar="TEXT", help="What else is to be known.")
@click.option(
    "--outputs",
    type=PATH,
    default="outputs",
    show_default=True,
    metavar="FOLDER",
    help="The folder of runs, whose decisions.jsonl records it.",
)
def command(  # noqa: PLR0913, PLR0917 - one parameter for each option
    notified: tuple[str, ...],
    window: str | None,
    window_start: str | None,
    window_end: str | None,
    no_window: bool,
    by: str | None,
    note: str | None,
    outputs: str,
) -> int:
    """Record who was notified of the migration, and its hours.

    Prints what was recorded, and the runbook's checklist (1.1) with what is open.

    Exit codes: 0 recorded, 2 error.
    """
    hours = _window(window, window_start, window_end)
    signed = sign_off(SignoffOptions(outputs, notified, hours, no_window, by, note))
    for line in signed.lines:
        click.echo(printable(line))
    click.echo("\nBefore the migration (runbook 1.1):")
    for item in signed.checklist:
        click.echo(f"  {printable(item.label)}: {printable(item.value)}")
    return 0


def _window(window: str | None, start: str | None, end: str | None) -> str | None:
    if start is None and end is None:
        return window
    if window is not None or start is None or end is None:
        raise UsageError(
            "The window is not whole" if window is None else "The window is given twice",
            where="--window, --window-start, --window-end",
            expected="--window, or start and end",
        )
    return f"{start}/{end}"
