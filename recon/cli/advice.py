"""recon advice."""

from __future__ import annotations

from importlib import import_module

import click

from recon.cli import CONTEXT
from recon.cli.options import offered


@click.command("advice", context_settings=CONTEXT)
@offered("advice")
@offered("expectations")
def command(advice: str | None, expectations: tuple[str, ...]) -> int:
    """Print the table of contacts, limits and actions, to be edited and given to --advice.

    It holds what the runbook says of a verdict: whom to tell (3.7, 5), how much is too much (3.7), what to do (4.1),
    and the texts of every check (3.4, 3.6). With --advice, a table of your own is read, and shown whole.
    Exit codes: 0 printed, 2 the table cannot be read.
    """
    text = import_module("recon.verification.advice_text").advice_text(advice, expectations)
    click.echo(text, nl=False)
    return 0
