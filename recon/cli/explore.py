"""recon explore."""

from __future__ import annotations

import webbrowser
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from recon.answers.opening import folder_of_run
from recon.cli import CONTEXT
from recon.cli.options import PATH, accepting, advising, each_offered
from recon.report.text import printable
from recon.rules.acceptance import DEFAULT_FILE
from recon.verification.options import VerifyOptions

FOLDER = "./recon-explore"


@click.command("explore", context_settings=CONTEXT)
@click.argument("judged", type=PATH, metavar="RUN|BUNDLE")
@click.option(
    "-o",
    "--output",
    "folder",
    type=PATH,
    default=FOLDER,
    show_default=True,
    metavar="FOLDER",
    help="Where your copies of the notebook are kept, one for each run, and the runs of bundles.",
)
@click.option("--no-browser", is_flag=True, help="Print the address only.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    metavar="N",
    help="Where JupyterLab listens, on this machine only; 0: wherever there is room.",
)
@each_offered
def command(judged: str, folder: str, no_browser: bool, port: int, **given: Any) -> int:
    """Explore a run in JupyterLab: from a check to its rows to one person, both sides.

    Opens your copy of the notebook explore_discrepancies.ipynb on the kept snapshot, without a network, until Ctrl-C.
    What you edit in it is kept, and opened again by the next recon explore of that run. Of a run nothing but its folder
    is read; a bundle is judged first, with --database. Needs the extra lab.

    Exit codes: 0, also after Ctrl-C ended JupyterLab, 2 error, 130 interrupted before.
    """
    exploring = import_module("recon.runs.exploring")
    exploring.require_lab()
    home = Path(folder).absolute()
    kept = given["accept"] or DEFAULT_FILE
    run = exploring.run_to_explore(Path(judged), _options(judged, given), home)
    notebook = exploring.explorer_notebook(
        home / run.name,
        {"run": str(run), "show_pii": given["show_pii"], "accept": str(Path(kept).absolute())},
    )
    click.echo(printable(f"{'New' if notebook.is_new else 'Your'} notebook: {notebook.path}"))
    with exploring.running_lab(notebook.path, port) as lab:
        click.echo(f"JupyterLab, for this machine only, until Ctrl-C: {lab.url}")
        try:
            if not no_browser:
                webbrowser.open(lab.page.as_uri())
            lab.wait()
        except KeyboardInterrupt:
            click.echo("\nStopped.")
    return 0


def _options(judged: str, given: dict[str, Any]) -> VerifyOptions | None:
    """How a bundle is judged; None: it is a run."""
    if folder_of_run(Path(judged)) is not None:
        return None
    named = {**given, "accept": accepting(judged, given["accept"]), "advice": advising(judged, given["advice"])}
    return VerifyOptions(judged, **named)
