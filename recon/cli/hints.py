"""What was probably meant by a command line that click refuses."""

from __future__ import annotations

import re
from pathlib import Path

import click

from recon.errors import suggest, visible

COMMANDS = {
    "check": "checks",
    "rules": "checks",
    "validate": "verify",
    "verification": "verify",
    "test": "verify",
    "compare": "diff",
    "changes": "diff",
    "list": "runs",
    "history": "runs",
}
OPTIONS = {
    "--db": "--database",
    "--url": "--database",
    "--database-url": "--database",
    "--out": "--output",
    "--report": "--output",
    "--verbosity": "--verbose",
    "--dry-run": "--allow-dry-run",
    "--pii": "--show-pii",
}
CHOICES = {
    "md": "markdown",
    "xml": "junit",
    "htm": "html",
    "page": "html",
    "excel": "xlsx",
    "xls": "xlsx",
    "zip": "csv",
    "long": "csv-long",
    "txt": "text",
    "docs": "data_docs",
    "warn": "warning",
    "fail": "failure",
    "error": "failure",
}
COMMAND = re.compile(r"No such command ['\"](.*)['\"]", re.DOTALL)
CHOICE = re.compile(r"'(.*)' is not one of", re.DOTALL)


def hint(error: click.ClickException) -> str | None:
    """A question for what was probably meant; None where nothing is close, or where click asks itself."""
    context = getattr(error, "ctx", None)
    if context is None or "Did you mean" in error.format_message():
        return None
    if isinstance(error, click.NoSuchOption):
        names = [name for parameter in context.command.params for name in parameter.opts if name.startswith("-")]
        return suggest(error.option_name, names, OPTIONS)
    command = COMMAND.search(error.message)
    if command and isinstance(context.command, click.Group):
        return _of_command(command[1], context.command.list_commands(context), is_root=context.parent is None)
    choice, kind = CHOICE.search(error.message), getattr(getattr(error, "param", None), "type", None)
    if choice and isinstance(kind, click.Choice):
        return suggest(choice[1], map(str, kind.choices), CHOICES)
    return None


def _of_command(name: str, commands: list[str], *, is_root: bool) -> str | None:
    if "://" in name:
        return "A database is named with --database, after a command: recon verify BUNDLE --database NAME"
    found = suggest(name, commands, COMMANDS)
    if found or not is_root or not Path(name).exists():
        return found
    return f"To verify it: recon verify {visible(name)}"
