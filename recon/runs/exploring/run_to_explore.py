"""The run that is explored: a kept one, or one of a bundle that is judged first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.answers.opening import folder_of_run, opened_run
from recon.errors import UsageError
from recon.runs.run import RunOptions, run

if TYPE_CHECKING:
    from pathlib import Path

    from recon.verification.options import VerifyOptions


RUNS = "runs"
"""The folder of the runs of bundles, beside those of the notebooks."""


def run_to_explore(judged: Path, options: VerifyOptions | None, home: Path) -> Path:
    """Return the folder of the run, once it is known that it can be asked.

    Args:
        judged: The folder of a run, or a bundle.
        options: How a bundle is judged; None: it is a run.
        home: The folder of the analyst's notebooks.

    Raises:
        ReportError: It is no run, or the run kept no snapshot.
        DatabaseError: The snapshot is of another version, or incomplete.
        UsageError: The notebook would be in the run's own folder.
        ReconError: The bundle cannot be judged.
    """
    folder = folder_of_run(judged)
    if folder is None and options is not None:
        folder = run(RunOptions(options, outputs=home / RUNS, parts=("snapshot",))).folder.path
    with opened_run(folder or judged) as answers:
        # A snapshot of an older version opens, and lacks what questions need.
        answers.checks  # noqa: B018 - as above
    run_folder = (folder or judged).absolute()
    if home.resolve().is_relative_to(run_folder.resolve()) or home.resolve() == run_folder.resolve().parent:
        raise UsageError(
            "The notebook would be in the folder of the run, which stays as it was written",
            where=f"--output {home}"[:300],
            expected="a folder of its own",
            next_step="Leave --output out, or name another folder",
        )
    return run_folder
