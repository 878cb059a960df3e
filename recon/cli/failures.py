"""Shows an error where people look for the verdict: in the reports asked for, in the run folder, on GitHub."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recon.cli import say
from recon.errors import AdviceError, CorruptionError, visible

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from recon.model import Escalation
    from recon.report.failure import Failure
    from recon.report.output import Output


@dataclass
class FailurePlan:
    """Where an error is to be seen; a command states it before its work, and shortens it as places get their report.

    Attributes:
        outputs: The reports that are not written yet.
        only_replaced: Nobody asked for a report by name, so an error replaces an older one and creates none.
        err: Annotations go to standard error, because standard output holds a report.
        bundle: The bundle as the user wrote it.
        heading: What would be reported; empty: a verification.
        inputs: The files that are read, which no error ever replaces.
        show_pii: Personal data in the message is not masked.
        runs: The folder of runs in which the failed run is to be listed; None: in none.
        parts: The parts of a run that were asked for.
        advice: The table of advice; None: the runbook's.
        target: The options that name database and profile, as words.
        escalation: What the table of advice says of the error; None: nothing.
        reached: The exit code of the verdict, once what shows it is written; None: until then.
        written_to: Where that is.
    """

    outputs: Sequence[Output] = ()
    only_replaced: bool = False
    err: bool = False
    bundle: str = ""
    heading: str = ""
    inputs: tuple[str, ...] = ()
    show_pii: bool = False
    runs: Path | None = None
    parts: Collection[str] = ()
    advice: str | None = None
    target: tuple[str, ...] = ()
    escalation: Escalation | None = None
    reached: int | None = None
    written_to: str = ""

    def expect(self, bundle: str, given: Mapping[str, Any]) -> None:
        """State where an error is to be seen, from the values of a command's options.

        Raises:
            UsageError: The outputs do not fit the formats.
        """
        self.bundle, self.show_pii = bundle, given["show_pii"]
        read = (bundle, given["database"], given["profile"], given.get("accept"), given.get("advice"))
        self.advice = given.get("advice")
        named = (("--database", given["database"]), ("--profile", given["profile"]))
        self.target = tuple(word for flag, value in named if value for word in (flag, str(value)))
        self.inputs = tuple(str(path) for path in read if path)
        if "outputs" in given:
            choices = given["only"] or import_module("recon.runs.folder").CHOICES
            self.runs, self.parts = Path(given["outputs"]), [part for part in choices if part not in given["skip"]]
        if "places" in given:
            source = click.get_current_context().get_parameter_source("format_names")
            self.only_replaced = not given["places"] and source is click.core.ParameterSource.DEFAULT
            self.err = "-" in given["places"]
            self.outputs = import_module("recon.report.output").placed(given["format_names"], given["places"])


def failure_plan() -> FailurePlan:
    """Return the plan of the running command, which starts empty."""
    plans = click.get_current_context().ensure_object(list)
    if not plans:
        plans.append(FailurePlan())
    plan: FailurePlan = plans[0]
    return plan


def advise_on_corruption(plan: FailurePlan, error: CorruptionError) -> Escalation:
    """State in the plan, and return, what the table of advice says of a damaged database.

    Where the plan's table cannot be read, it is the runbook's.
    """
    reading, escalation = import_module("recon.verification.advice"), import_module("recon.verification.escalation")
    without_secrets = import_module("recon.database.secrets").without_secrets
    try:
        table = reading.load_advice(plan.advice)
    except AdviceError as unusable:
        say(f"Warning: {visible(unusable.message)}")
        table = reading.load_advice()
    reason = without_secrets(f"{error.what}: {error.found}")
    target = without_secrets(shlex.join(plan.target))
    about = escalation.Circumstances(
        corrupted=(reason if plan.show_pii else import_module("recon.masking").mask_text(reason),),
        words={"bundle": shlex.quote(without_secrets(plan.bundle)), "target": target, "options": target},
        judged_at=datetime.now(UTC),
    )
    plan.escalation = escalation.advise((), about, table)
    return plan.escalation


def show(plan: FailurePlan, title: str, message: str, exit_code: int, *, is_output: bool = False) -> None:
    """Show an error wherever the plan says; what cannot be written is named on standard error.

    Args:
        plan: Where to show it.
        title: The kind of error.
        message: What went wrong.
        exit_code: The program's.
        is_output: The error itself says that a report could not be written.
    """
    try:
        failure = _failure(plan, title, message, exit_code)
    except (ImportError, MemoryError) as error:
        _remove_older(plan, error)
        return
    for output in plan.outputs:
        _write(plan, failure, output, is_output=is_output)
    if plan.runs is not None and exit_code != 130:
        _keep(plan.runs, failure, plan.parts)
    if os.environ.get("GITHUB_STEP_SUMMARY") or os.environ.get("GITHUB_ACTIONS") == "true":
        _publish(plan, failure)


def _failure(plan: FailurePlan, title: str, message: str, exit_code: int) -> Failure:
    without_secrets = import_module("recon.database.secrets").without_secrets
    shown, bundle = without_secrets(message), without_secrets(plan.bundle)
    if not plan.show_pii:
        shown = import_module("recon.masking").mask_text(shown)
    report = import_module("recon.report.failure")
    failure: Failure = report.Failure(title, shown, exit_code, bundle, plan.heading or report.HEADING, plan.escalation)
    return failure


def _write(plan: FailurePlan, failure: Failure, output: Output, *, is_output: bool) -> None:
    writing = import_module("recon.report.output")
    path = Path(output.place)
    if not output.is_stdout and (_is_input(path, plan.inputs) or (plan.only_replaced and not _is_file(path))):
        return
    try:
        writing.write_failure(failure, output)
    except Exception as error:  # noqa: BLE001 - the error that is being shown must not be masked by another
        if output.is_stdout or not _removed(path):
            _say_unwritten(output, error, is_output=is_output)
            return
        # The older report made room.
        try:
            writing.write_failure(failure, output)
        except Exception as again:  # noqa: BLE001 - as above
            _say_unwritten(output, again, is_output=is_output)


def _remove_older(plan: FailurePlan, error: Exception) -> None:
    """Remove the older reports, where what writes another in their place cannot be loaded."""
    for output in plan.outputs:
        path = Path(output.place)
        if not output.is_stdout and not _is_input(path, plan.inputs) and _is_file(path):
            _removed(path)
            _say_unwritten(output, error, is_output=False)
    if plan.runs is not None:
        _say_unlisted(plan.runs, error)


def _publish(plan: FailurePlan, failure: Failure) -> None:
    try:
        import_module("recon.report.github").publish_failure(failure, os.environ, err=plan.err)
    except (ImportError, MemoryError) as error:
        say(f"Warning: the error is not shown on GitHub ({type(error).__name__})")


def _removed(path: Path) -> bool:
    """Whether there was an older report that is there no more, since none is better than one of another run."""
    if not _is_file(path):
        return False
    try:
        path.unlink()
    except OSError:
        return False
    return True


def _is_file(path: Path | str) -> bool:
    """Whether it is a file; a name that no file can have is none."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def _is_input(path: Path, inputs: Sequence[str]) -> bool:
    return any(os.path.realpath(path) == os.path.realpath(read) for read in inputs)


def _say_unwritten(output: Output, error: Exception, *, is_output: bool) -> None:
    reason = getattr(error, "strerror", None) or getattr(error, "found", None) or type(error).__name__
    where = ascii(output.words)[1:-1][:300]
    if not output.is_stdout and _is_file(output.place):
        say(f"Warning: {where} is an older report, not of this run: it cannot be replaced ({reason})")
    elif not is_output:
        say(f"Warning: the error was not written to {where} ({reason})")


def _keep(runs: Path, failure: Failure, parts: Collection[str]) -> None:
    try:
        kept = import_module("recon.runs.failed").keep_failed_run(runs, failure, parts)
    except Exception as error:  # noqa: BLE001 - as above
        _say_unlisted(runs, error)
        return
    say(f"The failed run is kept in {ascii(str(kept))[1:-1]}")


def _say_unlisted(runs: Path, error: Exception) -> None:
    reason = getattr(error, "message", None) or getattr(error, "strerror", None) or type(error).__name__
    say(f"Warning: the failed run is not listed in {ascii(str(runs))[1:-1][:300]} ({reason})")
