"""The run that is explored: a kept one, or one of a bundle that is judged first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.answers.opening import folder_of_run, opened_run
from recon.runs.run import RunOptions, run

if TYPE_CHECKING:
    from pathlib import Path

    from recon.verification.options import VerifyOptions


def run_to_explore(judged: Path, options: VerifyOptions | None, outputs: Path) -> Path:
    """Return the folder of the run, once it is known that it can be asked.

    Args:
        judged: The folder of a run, or a bundle.
        options: How a bundle is judged; None: it is a run.
        outputs: The folder for the run of a bundle.

    Raises:
        ReportError: It is no run, or the run kept no snapshot.
        DatabaseError: The snapshot is of another version, or incomplete.
        ReconError: The bundle cannot be judged.
    """
    folder = folder_of_run(judged)
    if folder is None and options is not None:
        folder = run(RunOptions(options, outputs=outputs, parts=("snapshot",))).folder.path
    with opened_run(folder or judged) as answers:
        # A snapshot of an older version opens, and lacks what questions need.
        answers.checks  # noqa: B018 - as above
    return (folder or judged).absolute()
