"""Options and the exit code that several commands share."""

from __future__ import annotations

import os
from functools import wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from recon.cli.failures import FailurePlan
from recon.errors import UsageError
from recon.verification.options import OPTIONS, VerifyOptions

if TYPE_CHECKING:
    from collections.abc import Callable

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
bundle_argument = click.argument("bundle_given", type=PATH, required=False, metavar="[BUNDLE]")
verbose_option = click.option("-v", "--verbose", is_flag=True, help="Verbose output: tables, guarantees, timings.")
fail_on_option = click.option(
    "--fail-on",
    type=click.Choice(FAIL_ON),
    default="failure",
    show_default=True,
    help="What makes the exit code 1.",
)


def judging_options(command: F) -> F:
    """Add the options for what is verified and how; the command receives them, with the bundle, as `options`."""

    @wraps(command)
    def judging(bundle: str | None, bundle_given: str | None, **given: Any) -> int:
        plan = click.get_current_context().ensure_object(FailurePlan)
        plan.expect(bundle or bundle_given or "", given)
        options = VerifyOptions(_one_bundle(bundle, bundle_given), **{name: given.pop(name) for name in OPTIONS})
        return int(command(options=options, plan=plan, **given))

    for add in reversed([bundle_argument, bundle_option, verbose_option, *map(offered, OPTIONS), fail_on_option]):
        judging = add(judging)
    return cast("F", judging)


def _one_bundle(option: str | None, argument: str | None) -> str:
    """The bundle that was named, with --bundle or without it."""
    if option is not None and argument is not None and os.path.normpath(option) != os.path.normpath(argument):
        without_secrets = import_module("recon.database.secrets").without_secrets
        raise UsageError(
            "Two bundles are named",
            where="--bundle",
            expected="one",
            found=f"{without_secrets(option)[:300]} and {without_secrets(argument)[:300]}",
            next_step="Name one of them, with --bundle or without it",
        )
    named = argument if option is None else option
    if named is None:
        context = click.get_current_context()
        missing = next(parameter for parameter in context.command.params if parameter.name == "bundle")
        raise click.MissingParameter(ctx=context, param=missing)
    return named


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
        return int(fail_on == "warning" and verification.summary.warnings > 0)
    return {"FAILED": 1, "INCOMPLETE": 2}[verification.verdict]
