"""recon advice."""

from __future__ import annotations

import os
from importlib import import_module

import click

from recon.cli import CONTEXT
from recon.cli.options import offered
from recon.verification.advice import DEFAULT_FILE


@click.command("advice", context_settings=CONTEXT)
@offered("advice")
@offered("expectations")
def command(advice: str | None, expectations: tuple[str, ...]) -> int:
    """Print the table of contacts, limits and actions, to be edited and given to --advice.

    It holds what the runbook says of a verdict: whom to escalate to (3.7, 5), how much is too much (3.7), what to do
    (4.1), and the texts of every check (3.4, 3.6). A table of your own is printed whole: what it leaves out is the
    runbook's. --advice "" prints the runbook's own.

    Exit codes: 0 printed, 2 the table cannot be read.
    """
    named = DEFAULT_FILE if advice is None and os.path.lexists(DEFAULT_FILE) else advice
    text = import_module("recon.verification.advice_text").advice_text(named or None, expectations)
    click.echo(text, nl=False)
    return 0
