"""recon runs."""

from __future__ import annotations

import json
from pathlib import Path

import click
import polars as pl

import recon
from recon.cli import CONTEXT
from recon.cli.options import PATH
from recon.report.frames import frames_text

EVERY = 1_000_000
SCHEMA = {
    "name": pl.String,
    "started_at": pl.String,
    "run_id": pl.String,
    "database": pl.String,
    "verdict": pl.String,
    "failed": pl.Int64,
    "warnings": pl.Int64,
    "unexplained": pl.Int64,
    "snapshot": pl.Boolean,
    "findings": pl.Boolean,
    "problem": pl.String,
}


@click.command("runs", context_settings=CONTEXT)
@click.option(
    "--outputs", type=PATH, default="outputs", show_default=True, metavar="FOLDER", help="Where the run folders are."
)
@click.option(
    "-f",
    "--format",
    "format_name",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How the runs are written.",
)
def command(outputs: str, format_name: str) -> int:
    """List the runs, newest first: when, which database, verdict, and what each kept.

    A run that cannot be read is listed with the reason. Exit codes: 0 listed, 2 error.
    """
    rows = [run.row for run in recon.list_runs(Path(outputs))]
    if format_name == "json":
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return 0
    frame = pl.DataFrame(rows, schema=SCHEMA).with_columns(
        pl.col(pl.Boolean).replace_strict({True: "yes", False: "no"})
    )
    shown = frame.drop("problem") if frame["problem"].null_count() == frame.height else frame
    click.echo(frames_text({"": shown}, "table", EVERY), nl=False)
    return 0
