"""recon run."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import recon
from recon.cli import CONTEXT, EXIT_ERROR
from recon.cli.failures import failure_plan
from recon.cli.options import JudgingCommand, exit_code, judging_options
from recon.errors import StepError, UsageError
from recon.report.console import Console
from recon.report.github import publish
from recon.report.text import plural
from recon.runs.folder import CHOICES, PARTS, expected_folder
from recon.runs.notice import notice

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from recon.cli.failures import FailurePlan
    from recon.model import Verification
    from recon.runs.run import Run

LABELS = {
    "report": "Report written to",
    "junit": "JUnit",
    "snapshot": "Snapshot",
    "notebook": "Notebook",
    "html": "Page",
    "charts": "Charts",
    "data_docs": "Data Docs",
}
PART = click.Choice(CHOICES)


class RunConsole(Console):
    """A console that notes in the plan when nothing can take the verdict back any more."""

    def __init__(self, plan: FailurePlan, fail_on: str, **shown: Any) -> None:
        super().__init__(**shown)
        self._plan, self._fail_on = plan, fail_on

    def run_kept(self, verification: Verification, folder: Path, failed: Mapping[str, str]) -> None:
        """Note it."""
        self._plan.runs, self._plan.written_to = None, str(folder)
        self._plan.reached = EXIT_ERROR if failed else exit_code(verification, self._fail_on)


@click.command("run", cls=JudgingCommand, context_settings=CONTEXT)
@click.option(
    "--outputs",
    type=click.Path(readable=False),
    default="outputs",
    show_default=True,
    metavar="FOLDER",
    help="Where the run's folder and the site are written.",
)
@click.option(
    "--only", type=PART, multiple=True, help="Make this part only, beside the verdict as JSON; may be repeated."
)
@click.option("--skip", type=PART, multiple=True, help="Do not make this part; may be repeated.")
@judging_options
def command(  # noqa: PLR0913, PLR0917 - one parameter for each option of its own
    options: recon.VerifyOptions,
    outputs: str,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    verbose: bool,
    fail_on: str,
) -> int:
    """Verify, and write everything that people look at into a folder of its own.

    The folder, named by time and run id, holds verification.json, the report as Markdown and JUnit, the snapshot, the
    executed notebook and its page, charts, and Data Docs; the site shows all runs.

    Exit codes: 0 all checks passed, 1 one or more checks failed, 2 error, incomplete or a part that could not be
    made, 130 interrupted.
    """
    parts = _parts(only, skip)
    kept_in = partial(expected_folder, Path(outputs)) if "snapshot" in parts else None
    console = RunConsole(failure_plan(), fail_on, verbose=verbose, kept_in=kept_in)
    asked = recon.RunOptions(options, outputs=outputs, parts=parts, fail_on=fail_on)
    done = recon.run(asked, console)
    console.finished(done.verification, *places(done), fail_on="failure" if done.failed else fail_on)
    publish(done.verification, os.environ, err=False)
    if done.failed:
        raise failed_parts(done)
    return exit_code(done.verification, fail_on)


def _parts(only: Sequence[str], skip: Sequence[str]) -> tuple[str, ...]:
    both = [part for part in only if part in skip]
    if both:
        raise UsageError("A part cannot be asked for and left out", where="--only, --skip", found=", ".join(both))
    return tuple(part for part in only or CHOICES if part not in skip)


def places(done: Run) -> Iterator[str]:
    """The location of each part, one line each."""
    yield f"Verdict: {done.folder.verification}"
    for name in PARTS:
        if name in done.manifest.parts and name not in done.failed:
            home = "/index.html" if name == "data_docs" else ""
            yield f"{LABELS[name]}: {done.folder.part(name)}{home}"
    if done.site:
        yield f"Site: {done.site}"
    if names := notice(done.verification, done.folder.path.parent):
        yield f"Notify: {names}"


def failed_parts(done: Run) -> StepError:
    """The error that names the parts that could not be made, and what there is of them."""
    notebook = done.folder.part("notebook")
    is_begun = "notebook" in done.failed and notebook.is_file()
    as_far = f"The notebook is executed as far as it got: {notebook}. " if is_begun else ""
    return StepError(
        f"{plural(len(done.failed), 'part')} of the run could not be made",
        where=str(done.folder.path),
        found="; ".join(_reasons(done.failed)),
        next_step=f"{as_far}The verdict stands: {done.verification.verdict}. Mend the cause and run again, or leave "
        f"the part out with --skip",
    )


def _reasons(failed: Mapping[str, str]) -> Iterator[str]:
    """Each reason once, after the parts that failed for it: those of the notebook and its page are often one."""
    for reason in dict.fromkeys(failed.values()):
        yield f"{', '.join(name for name, why in failed.items() if why == reason)}: {reason}"
