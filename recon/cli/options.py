"""Options and the exit code that several commands share."""

from __future__ import annotations

import os
from functools import wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from recon.cli.failures import failure_plan
from recon.errors import UsageError
from recon.rules.acceptance import DEFAULT_FILE
from recon.verification.accepting import is_inside
from recon.verification.advice import DEFAULT_FILE as ADVICE_FILE
from recon.verification.options import OPTIONS, VerifyOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from click.shell_completion import CompletionItem

    from recon.model import Verification
    from recon.verification.options import Option

F = TypeVar("F", bound="Callable[..., Any]")
FAIL_ON = ("failure", "warning")

# Completed by the shell as a path; nothing about it is checked here.
PATH = click.Path(readable=False)
bundle_option = click.option(
    "-b",
    "--bundle",
    type=PATH,
    metavar="PATH",
    help="Path to migration bundle: a folder, .zip, .tar.gz or .json.gz; may also be given without --bundle.",
)
verbose_option = click.option("-v", "--verbose", is_flag=True, help="Verbose output: tables, guarantees, timings.")
fail_on_option = click.option(
    "--fail-on",
    type=click.Choice(FAIL_ON),
    default="failure",
    show_default=True,
    help="What makes the exit code 1.",
)


class JudgingCommand(click.Command):
    """A command whose bundle may also be given without --bundle."""

    allow_extra_args = True

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return what the usage line names after the program."""
        return [*super().collect_usage_pieces(ctx), "[BUNDLE]"]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete options, and the bundle as a path."""
        found = super().shell_complete(ctx, incomplete)
        if incomplete.startswith("-"):
            return found
        return [*found, import_module("click.shell_completion").CompletionItem(incomplete, type="file")]


def judging_options(command: F) -> F:
    """Add the options for what is verified and how; the command receives them, with the bundle, as `options`."""

    @wraps(command)
    def judging(bundle: str | None, **given: Any) -> int:
        context = click.get_current_context()
        named = [path for path in (bundle, *context.args) if path is not None]
        failure_plan().expect(named[0] if named else "", given)
        wanted = one_bundle(context, named)
        given["accept"] = accepting(wanted, given["accept"])
        given["advice"] = failure_plan().advice = advising(wanted, given["advice"])
        options = VerifyOptions(wanted, **{name: given.pop(name) for name in OPTIONS})
        return int(command(options=options, **given))

    judging = fail_on_option(judging)
    return cast("F", bundle_option(verbose_option(each_offered(judging))))


def accepting(bundle: str, named: str | None) -> str | None:
    """The file of accepted differences: the named one, or that of the working folder, unless it came with the bundle.

    An empty name means none.
    """
    return _in_folder(DEFAULT_FILE, bundle, named, "--accept")


def advising(bundle: str | None, named: str | None) -> str | None:
    """The table of advice: the named one, or that of the working folder, unless it came with the bundle, if any."""
    return _in_folder(ADVICE_FILE, bundle, named, "--advice")


def _in_folder(file: str, bundle: str | None, named: str | None, flag: str) -> str | None:
    if named is not None or not os.path.lexists(file):
        return named
    if bundle is not None and is_inside(file, bundle):
        click.echo(f"{file} of the bundle is not read: name a file outside it with {flag}", err=True)
        return None
    return file


def one_bundle(context: click.Context, named: Sequence[str]) -> str:
    """The bundle that was named, with --bundle or without it.

    Raises:
        UsageError: Several are.
        click.MissingParameter: None is.
    """
    if not named:
        missing = next(parameter for parameter in context.command.params if parameter.name == "bundle")
        raise click.MissingParameter(ctx=context, param=missing)
    if len({os.path.normpath(path) for path in named}) > 1:
        secrets = import_module("recon.database.secrets")
        for path in named:
            secrets.remember(path)
        raise UsageError(
            "Several bundles are named",
            where="--bundle",
            expected="one",
            found=" and ".join(secrets.without_secrets(path)[:300] for path in named),
            next_step="Name one of them, with --bundle or without it",
        )
    return named[0]


def each_offered(command: F) -> F:
    """Add every declared option; the command receives each by its name."""
    for name in reversed(list(OPTIONS)):
        command = offered(name)(command)
    return command


def offered(name: str) -> Callable[[F], F]:
    """The declared option of that name as a click option, with the field's default."""
    option, default = OPTIONS[name], VerifyOptions.__dataclass_fields__[name].default
    if option.kind is bool:
        return click.option(option.flag, name, is_flag=True, help=option.help)
    return click.option(
        option.flag,
        name,
        type=_click_type(option),
        multiple=option.is_many,
        default=default,
        show_default=option.shows_default,
        metavar=option.metavar,
        help=option.help,
    )


def _click_type(option: Option) -> Any:
    if option.kind is int:
        return click.IntRange(option.least, option.most)
    if option.kind is float:
        return click.FloatRange(option.above, min_open=True)
    return PATH if option.is_path else option.kind


def exit_code(verification: Verification, fail_on: str) -> int:
    """0 PASSED, 1 FAILED (or, if requested, warnings), 2 INCOMPLETE."""
    if verification.verdict == "PASSED":
        return int(fail_on == "warning" and verification.has_warnings)
    return {"FAILED": 1, "INCOMPLETE": 2}[verification.verdict]
