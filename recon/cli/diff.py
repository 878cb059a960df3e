"""recon diff."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

import recon
from recon.cli import CONTEXT, say
from recon.cli.options import PATH
from recon.errors import UsageError
from recon.report.changes.output import CHANGE_FORMATS, SHOWN_RECORDS, changes_text
from recon.report.output import STDOUT, Output, check_output, deliver
from recon.report.text import printable

if TYPE_CHECKING:
    from recon.model.changes import RunComparison

NOTHING, NEW = "nothing", "new"


@click.command("diff", context_settings=CONTEXT)
@click.argument("runs", nargs=-1, type=PATH, metavar="[RUN_A RUN_B]")
@click.option("--last", is_flag=True, help="Compare the two newest runs of the same database.")
@click.option(
    "--outputs", type=PATH, default="outputs", show_default=True, metavar="FOLDER", help="Where the run folders are."
)
@click.option(
    "-f",
    "--format",
    "format_name",
    type=click.Choice(list(CHANGE_FORMATS)),
    help="How the comparison is written.  [default: by the suffix of --output, else console]",
)
@click.option(
    "-o", "--output", "place", default=STDOUT, type=PATH, metavar="FILE", help="Where it is written.  [default: stdout]"
)
@click.option(
    "--rows",
    type=click.IntRange(1),
    default=SHOWN_RECORDS,
    show_default=True,
    metavar="N",
    help="Records to list of each check and kind of change; JSON has all.",
)
@click.option(
    "--fail-on",
    type=click.Choice([NOTHING, NEW]),
    default=NOTHING,
    show_default=True,
    help="With new: exit code 1 where findings are new, re-opened or changed.",
)
@click.option("--show-pii", is_flag=True, help="Do not mask names, e-mail addresses and phone numbers.")
def command(  # noqa: PLR0913, PLR0917 - one parameter for each option
    runs: tuple[str, ...],
    last: bool,
    outputs: str,
    format_name: str | None,
    place: str,
    rows: int,
    fail_on: str,
    show_pii: bool,
) -> int:
    """Compare two runs: what is fixed, new, still open or accepted, and what else changed.

    RUN_A is the older run, RUN_B the newer one: folders, or names in --outputs (also their beginnings, if only one
    begins so).

    Exit codes: 0 compared, 1 with --fail-on new where findings are new, re-opened or changed, 2 error, or with
    --fail-on new where it is not known what became of every finding.
    """
    _require_two(runs, last=last)
    chosen = format_name or _by_suffix(place)
    if place != STDOUT:
        check_output(Path(place))
    found = (
        recon.diff_last_runs(outputs, show_pii=show_pii)
        if last
        else recon.diff_runs(*runs, outputs=outputs, show_pii=show_pii)
    )
    deliver(changes_text(found, chosen, rows), Output(chosen, place))
    if place != STDOUT:
        click.echo(f"Comparison written to {printable(place)}")
    return _exit_code(found) if fail_on == NEW else 0


def _exit_code(found: RunComparison) -> int:
    if found.is_worse:
        return 1
    if not found.is_known:
        say("It is not known what became of every finding, so it is not known that none is new (--fail-on new).")
        return 2
    return 0


def _by_suffix(place: str) -> str:
    suffix = Path(place).suffix.lower()
    return next((name for name, known in CHANGE_FORMATS.items() if known == suffix), "console")


def _require_two(runs: tuple[str, ...], *, last: bool) -> None:
    """Require that two runs are named, or none with --last.

    Raises:
        UsageError: They are not.
    """
    if len(runs) == (0 if last else 2):
        return
    raise UsageError(
        "Runs are named, although the last two are asked for" if last else "Two runs are to be named",
        where="recon diff",
        expected="--last alone" if last else "RUN_A RUN_B, or --last",
        found=", ".join(runs)[:300] or "none",
        next_step="List them with recon runs",
    )
