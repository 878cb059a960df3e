"""recon export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from recon.answers.workbook import exported_workbook
from recon.cli import CONTEXT
from recon.cli.asking import opened
from recon.cli.options import PATH, offered
from recon.report.formats import TABLE_FORMATS
from recon.report.output import Output, check_place, require_file, write_tables
from recon.report.text import plural, printable

STEM = "./recon-findings"


@click.command("export", context_settings=CONTEXT)
@click.argument("judged", type=PATH, metavar="RUN|BUNDLE")
@click.option(
    "-o",
    "--output",
    "place",
    type=PATH,
    metavar="PATH",
    help="The file; of csv a .zip, or else a folder.  [default: ./recon-findings.xlsx, or .zip for csv]",
)
@click.option(
    "-f",
    "--format",
    "format_name",
    type=click.Choice(list(TABLE_FORMATS)),
    help="A workbook, or CSV files.  [default: what --output ends in, else xlsx]",
)
@offered("database")
@offered("exports")
@offered("profile")
@offered("policies")
@offered("expectations")
@offered("accept")
@offered("advice")
@offered("allow_dry_run")
@offered("timeout_s")
@offered("show_pii")
def command(**given: Any) -> int:
    """Write every finding of a run as a workbook to decide in, or as CSV files.

    A sheet for each check that found something, one row per finding, with the people beside the ids; what the ledger
    says; a summary. Decisions are read back by recon accept --from-xlsx. Of a run nothing but its folder is read.

    Exit codes: 0 written, 2 error, 130 interrupted.
    """
    judged, place, format_name = Path(given.pop("judged")), given.pop("place"), given.pop("format_name")
    chosen = format_name or _format_of(place)
    output = Output(chosen, place or STEM + TABLE_FORMATS[chosen].suffix)
    require_file(output)
    check_place(output)
    with opened(judged, given) as answers:
        workbook = exported_workbook(answers, show_pii=given["show_pii"])
    write_tables(workbook, output)
    found = [sheet.frame.height for sheet in workbook.sheets if sheet.check_id]
    click.echo(
        f"{plural(sum(found), 'finding')} of {plural(len(found), 'check')} written to: {printable(output.words)}"
    )
    return 0


def _format_of(place: str | None) -> str:
    """What a path ends in says, in any case."""
    suffix = Path(place or "").suffix.lower()
    return next((name for name, chosen in TABLE_FORMATS.items() if chosen.suffix == suffix), next(iter(TABLE_FORMATS)))
