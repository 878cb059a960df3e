"""recon profile."""

from __future__ import annotations

import os
from pathlib import Path

import click

import recon
from recon.cli import CONTEXT
from recon.cli.options import offered
from recon.errors import OutputError
from recon.report import check_output
from recon.report.coverage import coverage_lines


@click.group("profile", context_settings=CONTEXT)
def command() -> None:
    """Draft a profile of another application, and check what it covers."""


@command.command("init", context_settings=CONTEXT)
@offered("database")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    default="profile.toml",
    show_default=True,
    help="Where to write the draft; - prints it.",
)
@click.option("--force", is_flag=True, help="Replace the file if there is one.")
def init(database: str | None, output: str, force: bool) -> int:
    """Write a first draft, by the names in the live catalogue.

    Reads the catalogue, never a row. Exit codes: 0 written, 2 error.
    """
    if output == "-":
        click.echo(recon.draft_profile(database), nl=False)
        return 0
    path = Path(output)
    check_output(path)
    if path.exists() and not force:
        raise _taken(output)
    _write(path, recon.draft_profile(database), force=force)
    click.echo(f"Wrote a first draft: {output}")
    click.echo("Look at each line of it, then: recon profile check --profile FILE --database NAME")
    return 0


@command.command("check", context_settings=CONTEXT)
@offered("database")
@click.option("--profile", metavar="FILE", help="The profile.  [default: the built-in one]")
def check(database: str | None, profile: str | None) -> int:
    """Explain what can and cannot be evaluated with a profile.

    Reads the catalogue, never a row. Exit codes: 0 every check can be evaluated, 1 some cannot, 2 error.
    """
    coverage = recon.check_profile(profile, database)
    colour = False if os.environ.get("NO_COLOR") else None
    for line in coverage_lines(coverage):
        click.echo(line, color=colour)
    return int(not coverage.is_whole)


def _write(path: Path, draft: str, *, force: bool) -> None:
    try:
        with path.open("w" if force else "x", encoding="utf-8", newline="\n") as file:
            file.write(draft)
    except FileExistsError:
        raise _taken(str(path)) from None
    except OSError as error:
        raise OutputError(
            "The draft cannot be written", where=str(path), found=str(error), next_step="Choose another --output"
        ) from error


def _taken(output: str) -> OutputError:
    return OutputError(
        "The draft would replace a file",
        where=output,
        expected="no file of that name",
        found="one",
        next_step="Choose another --output, or replace it with --force",
    )
