"""What the commands share that ask a run, or a bundle that they judge first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recon.answers.opening import folder_of_run, judge_and_open, open_run
from recon.cli.options import accepting, advising
from recon.report.progress_line import working
from recon.verification.options import VerifyOptions

if TYPE_CHECKING:
    from pathlib import Path

    from recon.answers.answers import Answers


def opened(path: Path, given: dict[str, Any]) -> Answers:
    """Open a run's folder, or judge the bundle; to be used in a `with` statement.

    Args:
        path: The folder of a run, or a bundle.
        given: The judging options that the command has, by name; of a run, `show_pii` alone counts.
    """
    run = folder_of_run(path)
    if run:
        return open_run(run, show_pii=given["show_pii"])
    given["accept"] = accepting(str(path), given["accept"])
    given["advice"] = advising(str(path), given["advice"])
    with working("judging the bundle"):
        return judge_and_open(VerifyOptions(path, **given))
