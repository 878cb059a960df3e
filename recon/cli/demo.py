"""recon demo."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

import recon
from recon.cli import CONTEXT
from recon.errors import OutputError, UsageError

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
    "--faults",
    default="",
    metavar="LIST",
    help="Faults to plant: names separated by commas, or `typical` for a bad night.  [default: none]",
)
@click.option("--list-faults", is_flag=True, help="List the faults that can be planted, and stop.")
@click.option("--seed", type=int, default=2024, show_default=True, metavar="N", help="The same seed, the same club.")
def command(output: str, faults: str, list_faults: bool, seed: int) -> int:
    """Write a generated club, as bundle and SQLite database, to try recon on."""
    if list_faults:
        for fault in recon.FAULTS.values():
            click.echo(f"{fault.name:24} {fault.description}")
        return 0
    names = TYPICAL if faults == "typical" else tuple(name.strip() for name in faults.split(",") if name.strip())
    _require_known(names)
    paths = _write(Path(output), seed, names)
    click.echo(f"Wrote a club of the seed {seed}" + (f" with the faults {', '.join(names)}" if names else "") + ":")
    click.echo(f"  bundle:   {paths.bundle}\n  database: {paths.database}")
    command_line = ["recon", "verify", "--bundle", str(paths.bundle), "--database", str(paths.database)]
    click.echo(f"Verify it: {shlex.join(command_line)}")
    return 0


def _write(folder: Path, seed: int, faults: tuple[str, ...]) -> recon.DemoPaths:
    try:
        return recon.write_demo(folder, seed=seed, faults=faults)
    except OSError as error:
        raise OutputError(
            "The demo cannot be written", where=str(folder), found=str(error), next_step="Choose another --output"
        ) from error


def _require_known(names: tuple[str, ...]) -> None:
    unknown = [name for name in names if name not in recon.FAULTS]
    if unknown:
        choices = f"typical, or some of {', '.join(recon.FAULTS)}"
        raise UsageError("There is no such fault", where="--faults", expected=choices, found=", ".join(unknown))
