"""The command line: one file per command, which turns arguments into one public call and an exit code.

The module of a command is loaded only when the command is run, so that `recon --help` starts at once.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
import traceback
import warnings
from contextlib import suppress
from importlib import import_module
from io import StringIO, TextIOWrapper
from typing import TYPE_CHECKING, Any, NoReturn

import click

from recon.background import held_interrupts
from recon.cli.interrupts import EXIT_INTERRUPTED, end_at_next_interrupt, noted_interrupts
from recon.errors import MORE_MEMORY, CorruptionError, OutputError, ResourceError, lack_of_resources, visible

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

EXIT_ERROR = 2
STDERR = 2
LEAST_ADDRESSES = 1 << 30
COMMANDS = {
    "preflight": (
        "recon.cli.preflight",
        "Check, before an import, what it depends on.",
    ),
    "verify": ("recon.cli.verify", "Verify a migration: bundle and database in, verdict out."),
    "run": ("recon.cli.run", "Verify, and write everything that people look at into a folder of its own."),
    "show": ("recon.cli.show", "Show which records and rows a verdict is about, who they are, and why."),
    "explore": (
        "recon.cli.explore",
        "Explore a run in JupyterLab: from a check to its rows to one person, both sides.",
    ),
    "export": ("recon.cli.export", "Write every finding of a run as a workbook to decide in, or as CSV files."),
    "accept": ("recon.cli.accept", "Accept findings of a run for a time: they no longer fail a verification."),
    "runs": ("recon.cli.runs", "List the runs, newest first: when, which database, verdict, and what each kept."),
    "diff": (
        "recon.cli.diff",
        "Compare two runs: what is fixed, new, still open or accepted, and what else changed.",
    ),
    "evidence": ("recon.cli.evidence", "Verify that a folder is as it was written, and sign it."),
    "site": ("recon.cli.site", "Rebuild the stakeholders' site from the run folders, and serve it."),
    "migrate": (
        "recon.cli.migrate",
        "Migrate: every step of the runbook around your importer, from preflight to verdict.",
    ),
    "status": ("recon.cli.status", "Show where open migrations stand, and the command that goes on."),
    "review": ("recon.cli.review", "Review a dry run: what it would do, what changed, and who looked at it."),
    "signoff": ("recon.cli.signoff", "Record who was notified of the migration, and its hours."),
    "checks": ("recon.cli.checks", "List the checks, show one whole, or find those that could pass vacuously."),
    "advice": (
        "recon.cli.advice",
        "Print the table of contacts, limits and actions, to be edited and given to --advice.",
    ),
    "profile": ("recon.cli.profile", "Draft a profile of another application, and check what it covers."),
    "backup": ("recon.cli.backup", "Make a backup, read it to its end, or restore it where nothing else is."),
    "rollback": (
        "recon.cli.rollback",
        "Undo exactly what a run did (Level 1), or restore a backup (Level 2): plan, apply, and put back.",
    ),
    "demo": ("recon.cli.demo", "Write a generated club, as bundle and SQLite or PostgreSQL database, to try recon on."),
}
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


class LazyGroup(click.Group):
    """A group whose commands are loaded when needed; its help needs only their names and one line each."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Load one command; None when none has that name."""
        if cmd_name not in COMMANDS:
            return None
        return _load(cmd_name)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the name of a command without loading any."""
        import click.shell_completion as completion  # noqa: PLC0415 - needed only for completion

        named = [
            completion.CompletionItem(name, help=text)
            for name, (_, text) in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return named + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """Write the list of commands without loading any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings=CONTEXT)
@click.version_option(package_name="recon")
def cli() -> None:
    """Says whether a data migration is right.

    Exit codes: 0 passed, 1 one or more checks failed, 2 error or incomplete, 130 interrupted.
    """


def main() -> NoReturn:
    """Entry point of `recon`."""
    _part_stderr()
    _keep_warnings_harmless()
    _leave(execute(cli))


def verify_migration() -> NoReturn:
    """Entry point of `verify-migration`: `recon verify` under the runbook's name."""
    _part_stderr()
    _keep_warnings_harmless()
    _leave(execute(click.version_option(package_name="recon")(_load("verify"))))


def _load(name: str) -> click.Command:
    """The command; one that only says why, where its libraries cannot be loaded."""
    try:
        _require_memory()
        # Interrupted while it is loaded, a native library may end the process.
        with held_interrupts():
            command: click.Command = import_module(COMMANDS[name][0]).command
    except Exception as error:  # noqa: BLE001 - `execute` reports it
        command = import_module("recon.cli.refusal").refusing(name, error)
    return command


def _require_memory() -> None:
    """Refuse a limit below which the libraries end the process themselves, with an exit code that means something else.

    Raises:
        ResourceError: The limit of the process's addresses is too low.
    """
    try:
        resource = import_module("resource")
    except ImportError:
        return
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY and limit < LEAST_ADDRESSES:
        raise ResourceError(
            "There is not enough memory",
            expected=f"at least {LEAST_ADDRESSES >> 20:,} MB of addresses",
            found=f"{limit >> 20:,} MB, as the limit of this process says (ulimit -v)",
            next_step=MORE_MEMORY,
        )


def _part_stderr() -> None:
    """Write recon's messages through a file descriptor of their own, not the one that native libraries print to.

    connectorx logs each of its retries and prints a stack trace when it panics; recon reports the same in one sentence.
    """
    os.environ.setdefault("RUST_LOG", "off")
    if sys.stderr is not None:
        way = os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding=sys.stderr.encoding, errors="backslashreplace")
        way.reconfigure(line_buffering=True)
        sys.stderr = way


def _has_own_stderr() -> bool:
    """Whether recon's messages and those of native libraries have different ways."""
    try:
        return sys.stderr.fileno() != STDERR
    except (AttributeError, OSError, ValueError):
        return False


def _silence_libraries() -> None:
    """Keep native libraries from complaining of an import that is repeated, since the first was interrupted."""
    if _has_own_stderr():
        os.dup2(os.open(os.devnull, os.O_WRONLY), STDERR)


def _keep_warnings_harmless() -> None:
    """Let no warning of a library end a verification, neither here nor in a kernel (PYTHONWARNINGS=error, -W error)."""
    os.environ.pop("PYTHONWARNINGS", None)
    if any(action == "error" for action, *_ in warnings.filters):
        warnings.resetwarnings()
        warnings.simplefilter("ignore")


def execute(command: click.Command) -> int:
    """Run a command; any failure ends in one sentence and an exit code, never a traceback."""
    # A short run spends a tenth of its time looking for cycles in what imports create, where there are none to free.
    gc.set_threshold(100_000)
    # numpy comes with pyarrow, and its second thread would spin for a while on a core that others need.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return _exit_code(command)


def _leave(code: int) -> NoReturn:
    """End the process at once: the system frees memory faster than the libraries tear down their objects."""
    atexit._run_exitfuncs()  # noqa: SLF001 - registered exit functions still run
    # A terminal that is gone takes no output, which is no error of what it interrupted.
    os._exit(code if _flush() or code == EXIT_INTERRUPTED else EXIT_ERROR)


def _flush() -> bool:
    """Whether all output was written; a closed pipe counts, since its reader has what it needs."""
    try:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
    except BrokenPipeError:
        return True
    except OSError:
        return False
    return True


def _exit_code(command: click.Command) -> int:
    plans: list[Any] = []
    out = sys.stdout
    with noted_interrupts() as interrupted:
        try:
            return int(command.main(standalone_mode=False, obj=plans) or 0)
        except click.exceptions.Exit as stop:
            return stop.exit_code
        except BaseException as error:  # noqa: BLE001 - a panic of a native library is no Exception, nor is SystemExit
            _wipe_progress()
            if interrupted() or isinstance(error, click.Abort | KeyboardInterrupt):
                return _report_interrupt(plans)
            # Where the reader of the output is gone, click puts a silent stream there, and exits.
            is_unread = isinstance(error, SystemExit) and sys.stdout is not out
            try:
                return _report(BrokenPipeError() if is_unread else error, plans)
            except KeyboardInterrupt:
                return _report_interrupt([])


def _report_interrupt(plans: list[Any]) -> int:
    """The exit code of an interrupted command: that of the verdict, once its report is written."""
    if plans and plans[0].reached is not None:
        say(f"\nInterrupted after the verdict, which stands: {_visible(plans[0].written_to)}")
        return int(plans[0].reached)
    end_at_next_interrupt()
    _silence_libraries()
    say("\nInterrupted: no verdict was reached.")
    _show(plans, "Interrupted", "no verdict was reached", EXIT_INTERRUPTED)
    return EXIT_INTERRUPTED


def _wipe_progress() -> None:
    """Remove what says what is being done, if it was ever shown."""
    shown = sys.modules.get("recon.report.progress_line")
    if shown is not None:
        shown.LINE.wipe()


def say(text: str, *, nl: bool = True) -> None:
    """Print on standard error; where that is a file without room, the error still counts and is shown elsewhere."""
    _wipe_progress()
    with suppress(OSError):
        click.echo(text, err=True, nl=nl)


def _report(error: BaseException, plans: list[Any]) -> int:
    """The last resort of a program that runs at night: prints one sentence that says what went wrong."""
    if isinstance(error, click.ClickException):
        _report_refusal(error)
        _show(plans, "Usage error", error.format_message(), EXIT_ERROR)
    elif isinstance(error, BrokenPipeError):
        # The reader of the output is gone, as with `head`; nothing more can be printed there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    else:
        _report_error(error, plans)
    return EXIT_ERROR


def _report_refusal(error: click.ClickException) -> None:
    """Print why click refuses the command line, without secrets, and what was probably meant."""
    secrets = import_module("recon.database.secrets")
    for argument in sys.argv[1:]:
        secrets.remember(argument.partition("=")[2] if argument.startswith("--") else argument)
    written = StringIO()
    error.show(written)
    say(secrets.without_secrets(written.getvalue()), nl=False)
    meant = import_module("recon.cli.hints").hint(error)
    if meant:
        say(_visible(meant))
    _report_choices(error)


def _report_choices(error: click.ClickException) -> None:
    """Print the known options or commands after an unknown one."""
    context = getattr(error, "ctx", None)
    if context is None or "No such" not in error.message:
        return
    options = [name for parameter in context.command.params for name in parameter.opts if name.startswith("-")]
    commands = context.command.list_commands(context) if isinstance(context.command, click.Group) else []
    say(f"Choose from: {', '.join(commands + options)}")


def _report_error(error: BaseException, plans: list[Any]) -> None:
    without_secrets = import_module("recon.database.secrets").without_secrets
    if os.environ.get("RECON_TRACEBACK"):
        say(without_secrets("".join(traceback.format_exception(error))))
    shown = error if isinstance(error, OutputError) else lack_of_resources(error) or error
    title, message = getattr(shown, "title", None), getattr(shown, "message", None)
    if title and message:
        say(f"{title}: {_visible(message)}")
        if isinstance(shown, CorruptionError):
            _advise(plans, shown)
        _show(plans, title, message, EXIT_ERROR, is_output=isinstance(shown, OutputError))
        return
    message = f"{type(error).__name__}: {_visible(without_secrets(str(error)))}"
    say(f"Unexpected error: {message}")
    say("This is a bug in recon: please report it, with RECON_TRACEBACK=1 for the details.")
    _show(plans, "Unexpected error", message, EXIT_ERROR)


def _advise(plans: list[Any], error: CorruptionError) -> None:
    """Print whom to escalate a damaged database to, and what to do."""
    failures = import_module("recon.cli.failures")
    advice = failures.advise_on_corruption(plans[0] if plans else failures.FailurePlan(), error)
    for line in import_module("recon.report.text").advice_lines(advice):
        say(_visible(line))


def _show(plans: list[Any], title: str, message: str, code: int, *, is_output: bool = False) -> None:
    """Show the error in the reports and wherever else the command's plan says, if it has stated one."""
    failures = import_module("recon.cli.failures")
    plan = plans[0] if plans else failures.FailurePlan()
    failures.show(plan, title, message, code, is_output=is_output)


def _visible(text: Any) -> str:
    """Text without control characters, which must not reach a terminal from data."""
    # A workflow's runner takes `##[` for the start of a command, on standard error, too.
    return visible(str(text)).replace("##[", "## [")
