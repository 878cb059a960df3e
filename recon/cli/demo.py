"""recon demo."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

import click

import recon
from recon.cli import CONTEXT
from recon.database import resolve_database
from recon.errors import OutputError, UsageError, suggest

TYPICAL = (
    "missing-members",
    "low-tier-coverage",
    "orphaned-registrations",
    "duplicate-wa-id",
    "newer-run",
    "rejected-rows",
)


@click.command("demo", context_settings=CONTEXT)
@click.option("-o", "--output", default="outputs/demo", show_default=True, metavar="FOLDER", help="Where to write it.")
@click.option(
    "--database",
    metavar="NAME",
    help="An empty PostgreSQL database instead of a SQLite file: environment variable that holds the URL, or a URL "
    "without password.",
)
@click.option(
    "--faults",
    default="",
    metavar="LIST",
    help="Faults to plant: names separated by commas, or `typical` for a bad night.  [default: none]",
)
@click.option("--list-faults", is_flag=True, help="List the faults that can be planted, and stop.")
@click.option(
    "--exports", is_flag=True, help="Write Wild Apricot exports (CSV), and a report that only counts its records."
)
@click.option("--seed", type=int, default=2024, show_default=True, metavar="N", help="The same seed, the same club.")
def command(  # noqa: PLR0913, PLR0917 - one parameter for each option
    output: str, database: str | None, faults: str, list_faults: bool, exports: bool, seed: int
) -> int:
    """Write a generated club, as bundle and SQLite or PostgreSQL database, to try recon on."""
    if list_faults:
        for fault in recon.FAULTS.values():
            click.echo(f"{fault.name:24} {fault.description}")
        return 0
    names = TYPICAL if faults == "typical" else tuple(name.strip() for name in faults.split(",") if name.strip())
    _require_known(names)
    bundle, place, option = _write(Path(output), database, {"seed": seed, "faults": names, "exports": exports})
    click.echo(f"Wrote a club of the seed {seed}" + (f" with the faults {', '.join(names)}" if names else "") + ":")
    click.echo(f"  bundle:   {bundle}\n  database: {place}")
    command_line = ["recon", "verify", "--bundle", str(bundle), "--database", option]
    click.echo(f"Verify it: {shlex.join(command_line)}")
    return 0


def _write(folder: Path, database: str | None, club: dict[str, Any]) -> tuple[Path, str, str]:
    """Write the club; returns the bundle, where the rows are stored, and the value for `recon verify --database`."""
    try:
        if database is None:
            paths = recon.write_demo(folder, **club)
            return paths.bundle, str(paths.database), str(paths.database)
        url = resolve_database(database, os.environ)
        return recon.write_demo_to(url, folder, **club), url.label, database
    except OSError as error:
        raise OutputError(
            "The demo cannot be written", where=str(folder), found=str(error), next_step="Choose another --output"
        ) from error


def _require_known(names: tuple[str, ...]) -> None:
    unknown = [name for name in names if name not in recon.FAULTS]
    if unknown:
        choices = f"typical, or some of {', '.join(recon.FAULTS)}"
        guesses = dict.fromkeys(filter(None, (suggest(name, ("typical", *recon.FAULTS)) for name in unknown)))
        raise UsageError(
            "There is no such fault",
            where="--faults",
            expected=choices,
            found=", ".join(unknown),
            next_step=" ".join(guesses) or None,
        )
